import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { pick, revokeTokensOf, tokensOf } from './logins.ts';
import { calm, canary, createReaders, listen, must } from './world.ts';

const ear = listen();
const readers = createReaders(ear);
const credentials: string[] = [];
let vault: VaultPeer;
let kubernetes: KubernetesPeer;

/** Creates an object in the Kubernetes API. */
async function create(path: string, object: object): Promise<void> {
  const answer = await kubernetes.api('POST', path, object);
  if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
}

beforeAll(async () => {
  [vault, kubernetes] = await Promise.all([startVault(), startKubernetes()]);
  await create('/api/v1/namespaces', { metadata: { name: 'team-a' } });
  for (const name of ['operator', 'stranger', 'vault']) {
    await create('/api/v1/namespaces/team-a/serviceaccounts', { metadata: { name } });
  }
  await create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'vault-reviews-tokens' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:auth-delegator' },
    subjects: [{ kind: 'ServiceAccount', name: 'vault', namespace: 'team-a' }],
  });
  await must(vault, 'POST', 'sys/auth/kubernetes', { type: 'kubernetes' });
  await must(vault, 'POST', 'auth/kubernetes/config', {
    kubernetes_host: kubernetes.server,
    kubernetes_ca_cert: await readFile(kubernetes.caFile, 'utf8'),
    token_reviewer_jwt: await kubernetes.createToken({ namespace: 'team-a', serviceAccount: 'vault' }),
  });
  await must(vault, 'POST', 'auth/kubernetes/role/syncs', {
    bound_service_account_names: 'operator',
    bound_service_account_namespaces: 'team-a',
    audience: 'https://kubernetes.default.svc',
    token_policies: 'reader',
    token_ttl: '1h',
  });
  await must(vault, 'POST', 'sys/policies/acl/reader', {
    policy: 'path "secret/data/app" { capabilities = ["read"] }',
  });
  await must(vault, 'POST', 'secret/data/app', { data: { user: canary } });
}, 600_000);
afterEach(() => readers.closeAll());
afterAll(async () => {
  await kubernetes?.stop();
  await vault?.stop();
});

const app = { namespace: '', mount: 'secret', name: 'app' };

/** Opens a reader for a ServiceAccount; says how often its token was asked for. */
function open(serviceAccount: string) {
  const asked: string[] = [];
  const jwt = async () => {
    const token = await kubernetes.createToken({ namespace: 'team-a', serviceAccount });
    asked.push(token);
    credentials.push(token);
    return `${token}\n`;
  };
  return { asked, ...readers.open({ address: vault.address, auth: { method: 'kubernetes', role: 'syncs', jwt } }) };
}

describe('a ServiceAccount that Vault has the Kubernetes API review', () => {
  test('reads what its role may, with one login, and leaves no token behind', async () => {
    const { reader, requests } = open('operator');

    const reads = [await reader.read(app, calm), await reader.read(app, calm)];
    const during = await tokensOf(vault, 'syncs');
    await reader.close();

    expect(reads).toMatchObject([{ found: true, data: { user: canary } }, { found: true }]);
    expect(requests).toEqual(['login', 'mount', 'read', 'read', 'revoke']);
    expect(during).toHaveLength(1);
    expect(await tokensOf(vault, 'syncs')).toEqual([]);
  });

  test('reads its token again for a new login, for the old one may have been rotated away', async () => {
    const { reader, asked } = open('operator');
    await reader.read(app, calm);
    await revokeTokensOf(vault, 'syncs');

    const read = await reader.read(app, calm);

    expect(read).toMatchObject({ found: true });
    expect(asked).toHaveLength(2);
  });

  test('is refused with what to check when the role is not bound to it', async () => {
    const { reader } = open('stranger');

    const refusal = await ear.refusal(reader.read(app, calm));

    expect(refusal).toMatchObject({ remedy: 'SlowRetry', reason: 'LoginRefused' });
    expect(refusal.message).toContain('with the role "syncs" at "auth/kubernetes"');
  });

  test('is refused when its token was made for another audience than that of the role', async () => {
    const token = await kubernetes.createToken({
      namespace: 'team-a',
      serviceAccount: 'operator',
      audiences: ['other'],
    });
    credentials.push(token);
    const auth = { method: 'kubernetes', role: 'syncs', jwt: () => token } as const;
    const { reader } = readers.open({ address: vault.address, auth });

    const refusal = await ear.refusal(reader.read(app, calm));

    expect(refusal).toMatchObject({ remedy: 'SlowRetry', reason: 'LoginRefused' });
  });
});

test('no value and no credential was logged or thrown', async () => {
  const made = await must(vault, 'POST', 'auth/token/create');
  expect(pick(made, 'auth', 'client_token')).toMatch(/^hvs\./);
  expect(credentials.length).toBeGreaterThan(4);
  ear.expectNoSecretsIn([...credentials, 'hvs.']);
});
