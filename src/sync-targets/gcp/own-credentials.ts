import { SyncError } from '../../errors.ts';
import { networkCodeIn } from './failures.ts';
import type { Network } from './network.ts';
import { callTimeoutOf, type GcpSettings } from './settings.ts';
import { cloudScope, type TokenSource } from './tokens.ts';

interface Client {
  getRequestHeaders(): Promise<Headers>;
}

/** The operator's own credentials, from where Google's tools look for them; looked for anew after they were refused. */
export function createOwnTokens(network: Network, settings: GcpSettings): TokenSource {
  let client: Promise<Client> | null = null;
  return {
    async headers() {
      client ??= findClient(network, settings);
      const mine = client;
      try {
        const headers = await (await mine).getRequestHeaders();
        return Object.fromEntries(headers.entries());
      } catch (error) {
        if (client === mine) client = null;
        throw error instanceof SyncError ? error : signInError(error);
      }
    },
    forget() {
      client = null;
    },
  };
}

async function findClient({ agent }: Network, settings: GcpSettings): Promise<Client> {
  const { googleAuthLibrary, loggingUtils } = await import('google-gax');
  // Told so by GOOGLE_SDK_NODE_LOGGING the library prints what it is answered: tokens.
  loggingUtils.setBackend(null);
  // With an agent the library overlooks the variables for a proxy, so there is one only where the settings ask for it.
  const isOurs = settings.caFile !== undefined || settings.proxy !== undefined;
  const route = isOurs ? { agent: (url: URL) => (url.protocol === 'https:' ? agent : undefined) } : {};
  const auth = new googleAuthLibrary.GoogleAuth({
    scopes: [cloudScope],
    clientOptions: { transporterOptions: { timeout: callTimeoutOf(settings), ...route } as object },
  });
  // The key of a service account then signs its own tokens, without a call.
  Object.assign(auth, { useJWTAccessWithScope: true });
  try {
    return (await auth.getClient()) as unknown as Client;
  } catch {
    const advice = 'give the operator a service account (workload identity, or GOOGLE_APPLICATION_CREDENTIALS)';
    const message = `GCP Secret Manager: no Google credentials are to be found; ${advice}`;
    throw new SyncError({ remedy: 'SlowRetry', reason: 'NoCredentials', message });
  }
}

/** The error itself may hold the request, and that holds a proof: only its code goes on. */
function signInError(error: unknown): SyncError {
  const status = Number((error as { status?: unknown } | null)?.status ?? Number.NaN);
  if (status >= 400 && status < 500 && status !== 429) {
    const message = `GCP: Google gives the operator no token (${status}); check its credentials`;
    return new SyncError({ remedy: 'SlowRetry', reason: 'SignInRefused', message, code: String(status) });
  }
  const code = Number.isNaN(status) ? (networkCodeIn(error) ?? 'unknown') : String(status);
  const message = `GCP: the operator got no token from Google now (${code}); it is tried again`;
  return new SyncError({ remedy: 'Retry', reason: 'SignInFailed', message, code });
}
