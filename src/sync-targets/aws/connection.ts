import type { SecretsManager } from '@aws-sdk/client-secrets-manager';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { SyncError } from '../../errors.ts';
import { createClient, createHandler } from './client.ts';
import { type Attempt, abortedError, asSyncError } from './failures.ts';
import { describePlace, type Place } from './place.ts';
import type { AwsSettings } from './settings.ts';

/** What the SDK hands on to each request. */
export interface CallOptions {
  readonly abortSignal: AbortSignal;
}

interface Call<Output> {
  /** As AWS names it, e.g. `PutSecretValue`. */
  readonly operation: string;
  readonly subject: string;
  readonly signal: AbortSignal;
  send(client: SecretsManager, options: CallOptions): Promise<Output>;
}

/** Secrets Manager in one place, under one identity. */
export interface Connection {
  /** One request, no repetition. @throws SyncError with AWS's own `code` */
  call<Output>(call: Call<Output>): Promise<Output>;
  close(): Promise<void>;
}

/** Nothing is loaded and nothing connects before the first call. */
export function createConnection(place: Place, settings: AwsSettings): Connection {
  let handler: Promise<NodeHttpHandler> | null = null;
  let client: Promise<SecretsManager> | null = null;
  const connect = (): Promise<SecretsManager> => {
    handler ??= createHandler(settings);
    client ??= handler.then((connections) => createClient(place, { handler: connections, settings }));
    return client;
  };
  return {
    async call({ operation, subject, signal, send }) {
      const attempt: Attempt = { operation, subject, place: describePlace(place) };
      const connected = connect();
      const secretsManager = await connected;
      try {
        return await untilAborted(signal, () => send(secretsManager, { abortSignal: signal }));
      } catch (error) {
        const failure = signal.aborted ? abortedError(attempt) : asSyncError(error, attempt);
        // Whoever tries again shall not come with the same credentials: they were revoked, or replaced at their source.
        if (isRefused(failure) && client === connected) client = null;
        throw failure;
      }
    },
    async close() {
      // The client holds nothing but the handler.
      (await handler)?.destroy();
    },
  };
}

function isRefused(failure: unknown): boolean {
  return failure instanceof SyncError && failure.reason === 'CredentialsRefused';
}

/**
 * The SDK's abort signal ends a request to Secrets Manager, but not the search for credentials before it (STS, the
 * metadata of an instance).
 */
function untilAborted<Output>(signal: AbortSignal, send: () => Promise<Output>): Promise<Output> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('aborted'));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    send()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
