import type { Metrics } from '../metrics.ts';
import { openCertificates } from './certificates.ts';
import { createFindClient } from './client-certificates.ts';
import type { Clock } from './clock.ts';
import { type Authenticate, createAuthenticate } from './credentials.ts';
import type { HttpTls } from './http.ts';
import type { Notify } from './notices.ts';
import type { WebhookSettings } from './settings.ts';
import { openTokens } from './tokens.ts';

/** Who is let in to `/events`, and the certificate that we show. */
export interface Door {
  readonly authenticate: Authenticate;
  /** Null: plain HTTP. */
  readonly tls: HttpTls | null;
  /** Follows files no longer. */
  close(): void;
}

/** Reads the tokens and certificates that the settings name. @throws InputError for those that cannot be used */
export async function openDoor(options: {
  readonly settings: Pick<WebhookSettings, 'tokens' | 'allowUnauthenticated'>;
  readonly http: NonNullable<WebhookSettings['http']>;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly notify: Notify;
}): Promise<Door> {
  const { settings, http, metrics, clock, notify } = options;
  const { tls } = http;
  const { clients, require } = tls ?? { clients: [], require: 'all' as const };
  const tokens = await openTokens({ tokens: settings.tokens, clock, notify });
  try {
    const authenticate = createAuthenticate({
      tokens,
      findClient: clients.length > 0 ? createFindClient(clients) : null,
      require,
      allowUnauthenticated: settings.allowUnauthenticated,
    });
    const certificates = tls
      ? await openCertificates({ files: tls, setting: 'webhook.http.tls', clock, metrics, notify })
      : null;
    return {
      authenticate,
      tls: certificates ? { certificates, clients: wanted({ clients, require, tokens }) } : null,
      close() {
        tokens.close();
        certificates?.close();
      },
    };
  } catch (error) {
    tokens.close();
    throw error;
  }
}

function wanted(options: {
  readonly clients: readonly unknown[];
  readonly require: 'all' | 'any';
  readonly tokens: { readonly any: boolean };
}): HttpTls['clients'] {
  const { clients, require, tokens } = options;
  if (clients.length === 0) return 'none';
  return require === 'any' && tokens.any ? 'asked' : 'required';
}
