import { createRequire } from 'node:module';
import path from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { fromJson, messagesIn } from './json.ts';
import type { StatusError } from './status.ts';

/** The trailers of a refusal: its details as a google.rpc.Status, where gRPC's own clients look for them. */
export function createTrailers(): (error: StatusError) => Metadata {
  const require = createRequire(import.meta.url);
  const gax = path.join(path.dirname(require.resolve('google-gax')), '../protos');
  const definitions = loadSync(['google/rpc/error_details.proto', 'google/rpc/status.proto'], {
    includeDirs: [gax],
    longs: String,
    enums: String,
  });
  const messages = messagesIn(definitions);
  const { serialize } = definitions['google.rpc.Status'] as MessageTypeDefinition<object, object>;
  return ({ code, message, details }) => {
    const metadata = new Metadata();
    if (details.length === 0) return metadata;
    const packed = details.map(({ '@type': type, ...members }) => ({
      '@type': type,
      ...fromJson(members, String(type).replace(/^.*\//, ''), messages),
    }));
    metadata.set('grpc-status-details-bin', serialize({ code, message, details: packed }));
    return metadata;
  };
}
