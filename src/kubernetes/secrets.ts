import type { CoreV1Api, V1Secret } from '@kubernetes/client-node';
import { SyncError } from '../errors.ts';
import { attempting } from './attempt.ts';
import type { SecretKeyRef } from './contract.ts';
import { isStatus } from './failure.ts';

/** @returns null when the Secret is certainly absent */
export async function getSecret(
  api: CoreV1Api,
  { namespace, name }: Omit<SecretKeyRef, 'key'>,
): Promise<Readonly<Record<string, Buffer>> | null> {
  const secret = await readSecret(api, { namespace, name });
  if (secret === null) return null;
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
  );
}

/** @returns null when the Secret or the key in it is certainly absent */
export async function getSecretKey(api: CoreV1Api, { namespace, name, key }: SecretKeyRef): Promise<Buffer | null> {
  const secret = await readSecret(api, { namespace, name });
  return secret === null ? null : valueIn(secret, key);
}

/**
 * Reads a value that must stay the same for ever, and makes it if there is none. Of several processes that start at once
 * one creates it, and all others read what that one made.
 */
export async function getOrCreateSecret(
  api: CoreV1Api,
  { namespace, name, key, make }: SecretKeyRef & { readonly make: () => Uint8Array },
): Promise<Buffer> {
  const secret =
    (await readSecret(api, { namespace, name })) ??
    (await createSecret(api, { namespace, name, key, value: make() })) ??
    (await readSecret(api, { namespace, name }));
  const value = secret === null ? null : valueIn(secret, key);
  if (value !== null) return value;
  throw new SyncError({
    remedy: 'SlowRetry',
    reason: 'SecretKeyMissing',
    message: `the Secret ${namespace}/${name} has no key "${key}": add it, or delete the Secret so that it is made anew`,
  });
}

async function readSecret(api: CoreV1Api, place: { namespace: string; name: string }): Promise<V1Secret | null> {
  return attempting({ verb: 'get', group: '', resource: 'secrets', ...place }, async () => {
    try {
      return await api.readNamespacedSecret(place);
    } catch (error) {
      if (isStatus(error, 404)) return null;
      throw error;
    }
  });
}

/** @returns null when somebody else was faster */
async function createSecret(
  api: CoreV1Api,
  { namespace, name, key, value }: SecretKeyRef & { readonly value: Uint8Array },
): Promise<V1Secret | null> {
  const body: V1Secret = {
    metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'vault-secret-sync' } },
    type: 'Opaque',
    immutable: true,
    data: { [key]: Buffer.from(value).toString('base64') },
  };
  return attempting({ verb: 'create', group: '', resource: 'secrets', namespace }, async () => {
    try {
      return await api.createNamespacedSecret({ namespace, body });
    } catch (error) {
      if (isStatus(error, 409)) return null;
      throw error;
    }
  });
}

function valueIn(secret: V1Secret, key: string): Buffer | null {
  const { data = {} } = secret;
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  return value === undefined ? null : Buffer.from(value, 'base64');
}
