import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { SecretClient, type UpdateSecretPropertiesOptions } from '@azure/keyvault-secrets';
import type { AzureDestination } from '../../../src/crd/destinations/azure.ts';
import { type AzureSettings, azure } from '../../../src/sync-targets/azure/index.ts';
import { markNames } from '../../../src/sync-targets/contract.ts';
import { limits } from '../azure/under-test.ts';
import type { FieldUnderTest, StoreControl, StoreUnderTest } from '../conformance/under-test.ts';
import { everythingIs, newPrefix, patienceMs, unattended } from './account.ts';

export interface RealAzure {
  readonly vaultUrl: string;
  /** With a client secret: both the target and somebody with full rights sign in by it. */
  readonly settings: AzureSettings;
}

/** A vault, with nothing between it and the target. It ends with the deletion and, where allowed, purging of all that was made. */
export async function openRealAzure({ vaultUrl, settings }: RealAzure): Promise<StoreUnderTest<AzureSettings>> {
  const prefix = newPrefix();
  const ca = settings.caFile === undefined ? undefined : readFileSync(settings.caFile, 'utf8');
  const credential = {
    getToken: async () => ({ token: await askToken(settings, ca), expiresOnTimestamp: Date.now() + 300_000 }),
  };
  const somebody = new SecretClient(vaultUrl, credential, {
    disableChallengeResourceVerification: true,
    ...(ca && { tlsOptions: { ca } }),
  });
  return {
    kind: azure,
    settings,
    destination: (tags) => ({ azure: { vaultUrl, tags: { ...tags } } }),
    fields: fieldsOf(somebody, vaultUrl),
    everything: everythingIs({ azure: { vaultUrl } }),
    limits,
    permissions: { read: '', write: '' },
    prefix,
    patienceMs,
    store: { ...controlOver(somebody), ...unattended },
    close: () => removeAll(somebody, prefix),
  };
}

/** Signs in by the client secret (client credentials grant of OAuth 2.0). */
async function askToken(settings: AzureSettings, ca: string | undefined): Promise<string> {
  const { authorityHost, tenantId = '', clientId = '', clientSecret = '', dnsSuffix } = settings;
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope: `https://${dnsSuffix}/.default`,
  }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', connection: 'close' };
  const asking = request(`${authorityHost}/${tenantId}/oauth2/v2.0/token`, { method: 'POST', headers, ca });
  asking.end(body);
  const [answer] = await once(asking, 'response');
  const text = (await Array.fromAsync(answer as AsyncIterable<Buffer>)).join('');
  const { access_token: token } = JSON.parse(text) as { access_token?: string };
  if (token === undefined)
    throw new Error(`signing in was answered ${answer.statusCode}: check tenant, client and secret`);
  return token;
}

/** What somebody with full rights sees and does through Azure's own client. */
function controlOver(somebody: SecretClient) {
  return {
    async valueOf(name) {
      try {
        return (await somebody.getSecret(name)).value ?? null;
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode === 404) return null;
        throw error;
      }
    },
    tagsOf: async (name) => (await somebody.getSecret(name)).properties.tags ?? {},
    async versionCount(name) {
      return (await Array.fromAsync(somebody.listPropertiesOfSecretVersions(name))).length;
    },
    changeByHand: async (name, value) => void (await somebody.setSecret(name, value)),
    deleteByHand: (name) => deleteFully(somebody, name),
    async createForeign(name, value, marks) {
      const tags = marks ? { [markNames.owner]: marks.owner, [markNames.ref]: marks.ref } : {};
      await somebody.setSecret(name, value, { tags });
    },
  } satisfies Partial<StoreControl>;
}

function fieldsOf(somebody: SecretClient, vaultUrl: string): StoreUnderTest['fields'] {
  const field = (fields: AzureDestination, change: UpdateSecretPropertiesOptions): FieldUnderTest => ({
    destination: { azure: { vaultUrl, ...fields } },
    async spoil(name) {
      // Of a copy that was just made there is one version. A disabled one cannot be read.
      const [version] = await Array.fromAsync(somebody.listPropertiesOfSecretVersions(name));
      const tags = { ...version?.tags, ...change.tags };
      await somebody.updateSecretProperties(name, version?.version ?? '', { ...change, ...(change.tags && { tags }) });
    },
    takenOut: 'Goes',
  });
  return {
    tags: field({ tags: { team: 'payments' } }, { tags: { team: 'x' } }),
    contentType: field({ contentType: 'token' }, { contentType: 'theirs' }),
    notBefore: field({ notBefore: '2026-01-01T00:00:00Z' }, { notBefore: new Date('2026-01-02T00:00:00Z') }),
    expires: field({ expires: '2037-06-01T00:00:00Z' }, { expiresOn: new Date('2037-07-01T00:00:00Z') }),
  };
}

/** Ends when the deletion is complete. */
async function deleteFully(somebody: SecretClient, name: string): Promise<void> {
  await (await somebody.beginDeleteSecret(name, { intervalInMs: 250 })).pollUntilDone();
}

async function removeAll(somebody: SecretClient, prefix: string): Promise<void> {
  const live = await Array.fromAsync(somebody.listPropertiesOfSecrets());
  const ours = live.filter(({ name }) => name.startsWith(prefix));
  await Promise.all(ours.map(({ name }) => deleteFully(somebody, name)));
  // As a whole first: what is purged would be missing from the pages that follow.
  const deleted = await Array.fromAsync(somebody.listDeletedSecrets());
  const purgeable = deleted.filter(({ properties }) => /Purgeable/.test(properties.recoveryLevel ?? ''));
  for (const { name } of purgeable) if (name.startsWith(prefix)) await somebody.purgeDeletedSecret(name);
}
