import type { SecretsManager } from '@aws-sdk/client-secrets-manager';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { SyncError } from '../../errors.ts';
import { createClient, createHandler } from './client.ts';
import type { Identity } from './credentials.ts';
import { type Attempt, abortedError, asSyncError } from './failures.ts';
import { describePlace, type Place } from './place.ts';
import type { AwsSettings } from './settings.ts';

/** Milliseconds for which access keys from a Secret are used before it is looked at again: it may hold others by then. */
const keysAreFreshMs = 3 * 60_000;

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

interface ConnectionOptions {
  readonly settings: AwsSettings;
  readonly identity: Identity;
  /** Unix time in milliseconds. */
  now(): number;
}

/** Nothing is loaded and nothing connects before the first call. */
export function createConnection(place: Place, { settings, identity, now }: ConnectionOptions): Connection {
  let handler: Promise<NodeHttpHandler> | null = null;
  let client: Promise<SecretsManager> | null = null;
  let madeAt = 0;
  const connect = (): Promise<SecretsManager> => {
    handler ??= createHandler(settings);
    if (identity.kind === 'secret' && now() - madeAt >= keysAreFreshMs) client = null;
    if (client) return client;
    madeAt = now();
    client = handler.then((connections) => createClient(place, { handler: connections, settings, identity }));
    return client;
  };
  const who = identity.kind === 'operator' ? null : identity.identity.label;
  return {
    async call({ operation, subject, signal, send }) {
      const attempt: Attempt = { operation, subject, place: describePlace(place), who };
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
