import type { SecretsManager } from '@aws-sdk/client-secrets-manager';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { SyncError } from '../../errors.ts';
import { createClient, createHandler } from './client.ts';
import { digestOfKeys, type Identity } from './credentials.ts';
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

interface ConnectionOptions {
  readonly settings: AwsSettings;
  readonly identity: Identity;
}

interface Made {
  readonly client: Promise<SecretsManager>;
  /** Digest of the access keys that a Secret had then; null = they are no Secret's. */
  readonly from: string | null;
}

/** Nothing is loaded and nothing connects before the first call. */
export function createConnection(place: Place, { settings, identity }: ConnectionOptions): Connection {
  let handler: Promise<NodeHttpHandler> | null = null;
  let made: Made | null = null;

  /** Another client as soon as the Secret holds other keys: the SDK keeps those that it was given. */
  async function connect(): Promise<Made> {
    const from = identity.kind === 'secret' ? await digestOfKeys(identity.identity).catch(unlessPassing) : null;
    if (made && made.from === from) return made;
    handler ??= createHandler(settings);
    const client = handler.then((connections) => createClient(place, { handler: connections, settings, identity }));
    made = { client, from };
    return made;
  }

  /** A Secret that cannot be read for a moment holds what it held; one that is gone ends the use of its keys. */
  function unlessPassing(error: unknown): string | null {
    if (made && error instanceof SyncError && error.remedy === 'Retry') return made.from;
    throw error;
  }

  const who = identity.kind === 'operator' ? null : identity.identity.label;
  return {
    async call({ operation, subject, signal, send }) {
      const attempt: Attempt = { operation, subject, place: describePlace(place), who };
      const used: Made[] = [];
      try {
        return await untilAborted(signal, async () => {
          const connected = await connect();
          used.push(connected);
          return send(await connected.client, { abortSignal: signal });
        });
      } catch (error) {
        const failure = signal.aborted ? abortedError(attempt) : asSyncError(error, attempt);
        // Whoever tries again shall not come with the same credentials: they were revoked, or replaced at their source.
        if (isRefused(failure) && made && used.includes(made)) made = null;
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
 * metadata of an instance, a Secret).
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
