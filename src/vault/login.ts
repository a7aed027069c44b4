import { SyncError } from '../errors.ts';
import { isRecord, refusalOf, unclear } from './answer.ts';
import { encodePath } from './api-path.ts';
import { type LoginAuth, readCredential } from './auth.ts';
import type { VaultClient } from './client.ts';
import type { VaultAnswer } from './transport.ts';

/** A token that Vault gave us, and for how long. */
export interface Lease {
  readonly token: string;
  /** Milliseconds; 0 = it does not end. */
  readonly durationMs: number;
  readonly renewable: boolean;
}

/** Logs in once. @throws SyncError `SlowRetry` when Vault refuses who we are; never with a credential in its text */
export async function logIn(options: {
  client: VaultClient;
  address: string;
  auth: LoginAuth;
  signal: AbortSignal;
  onRequest: (operation: 'login') => void;
}): Promise<Lease> {
  const { client, auth, address, signal } = options;
  const mount = loginMountOf(auth);
  const body = await bodyOf(auth);
  options.onRequest('login');
  const namespace = auth.namespace ?? '';
  const answer = await client.write(`auth/${encodePath(mount)}/login`, body, { token: null, namespace, signal });
  const attempt = {
    address,
    namespace,
    what: `to log in ${whoIs(auth)} at "auth/${mount}"`,
    grant: { capability: 'update', path: `auth/${mount}/login` },
  } as const;
  if (answer.status === 200) {
    const lease = leaseOf(answer);
    if (lease === null) throw unclear(answer, attempt);
    return lease;
  }
  if (![400, 401, 403, 404].includes(answer.status)) throw refusalOf(answer, attempt);
  throw new SyncError({
    remedy: 'SlowRetry',
    reason: 'LoginRefused',
    code: String(answer.status),
    message: `Vault ${address} refused ${attempt.what} (${answer.status}): ${cureOf(auth)}`,
  });
}

/** The lease in the answer to a login or a renewal; `null` when there is none. */
export function leaseOf(answer: VaultAnswer): Lease | null {
  const auth = isRecord(answer.body) ? answer.body['auth'] : undefined;
  if (!isRecord(auth)) return null;
  const { client_token: token, lease_duration: seconds, renewable } = auth;
  if (typeof token !== 'string' || token === '' || typeof seconds !== 'number') return null;
  return { token, durationMs: seconds * 1000, renewable: renewable === true };
}

/** Where the auth method is enabled. */
export function loginMountOf(auth: LoginAuth): string {
  return auth.mount ?? auth.method.toLowerCase();
}

async function bodyOf(auth: LoginAuth): Promise<Record<string, string>> {
  switch (auth.method) {
    case 'appRole':
      return { role_id: auth.roleId, secret_id: await readCredential('the secret id', auth.secretId) };
    case 'kubernetes':
      return { role: auth.role, jwt: await readCredential('the ServiceAccount token', auth.jwt) };
    default: {
      const never: never = auth;
      return never;
    }
  }
}

/** A role id is half of a credential: it is not shown. */
function whoIs(auth: LoginAuth): string {
  return auth.method === 'kubernetes' ? `with the role "${auth.role}"` : 'with an AppRole';
}

function cureOf(auth: LoginAuth): string {
  switch (auth.method) {
    case 'appRole':
      return 'check that the method is enabled there, that the role id is right, and that the secret id is neither used up nor expired';
    case 'kubernetes':
      return 'check that the method is enabled there, that the role exists, and that it is bound to our ServiceAccount, its namespace and audience';
    default: {
      const never: never = auth;
      return never;
    }
  }
}
