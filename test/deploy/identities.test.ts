import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createIdentities } from '../../src/cli/compose/identities.ts';
import { connectKubernetes } from '../../src/kubernetes/connect.ts';
import type { KubernetesClient } from '../../src/kubernetes/contract.ts';
import { createLogger } from '../../src/logging.ts';
import { providePeer } from '../peers/provision.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { fewestValues, type Rendered, releaseNamespace, render, type Values } from './chart.ts';

const operatorName = 'vault-secret-sync-operator';
const audience = 'sts.amazonaws.com';
const withIdentities = (identities: Values): Values => ({ ...fewestValues, operator: { identities } });
const isAboutIdentities = ({ metadata }: Rendered) => metadata.name.endsWith('-identities');

let kubernetes: KubernetesPeer;
let client: KubernetesClient;

/** The operator's rights become those of the chart with these values. */
async function grant(values: Values): Promise<void> {
  const { objects } = await render(values, '--namespace', releaseNamespace);
  const rights = objects.filter(({ apiVersion }) => apiVersion.startsWith('rbac.'));
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: rights });
  await kubernetes.kubectl([
    'delete',
    'roles,rolebindings,clusterroles,clusterrolebindings',
    '--all-namespaces',
    '-l',
    'app.kubernetes.io/name=vault-secret-sync',
  ]);
  const { code, stderr } = await kubernetes.kubectl(['apply', '-f', '-'], list);
  if (code !== 0) throw new Error(stderr);
}

const tokenIn = (namespace: string) =>
  createIdentities({ kubernetes: client, now: Date.now })
    .of(namespace, { serviceAccountRef: { name: 'writer' } })
    .token(audience);
const keyIn = (namespace: string, name = 'keys') =>
  createIdentities({ kubernetes: client, now: Date.now })
    .of(namespace, { secretRef: { name } })
    .secretValue('accessKeyId');

beforeAll(async () => {
  await providePeer('helm');
  kubernetes = await startKubernetes();
  for (const namespace of [releaseNamespace, 'team-a', 'team-b']) {
    await kubernetes.kubectl(['create', 'namespace', namespace]);
    await kubernetes.kubectl(['-n', namespace, 'create', 'serviceaccount', 'writer']);
    await kubernetes.kubectl([
      '-n',
      namespace,
      'create',
      'secret',
      'generic',
      'keys',
      `--from-literal=accessKeyId=of ${namespace}`,
    ]);
  }
  await kubernetes.kubectl(['-n', releaseNamespace, 'create', 'serviceaccount', operatorName]);
  const kubeconfig = await kubernetes.serviceAccountKubeconfig({
    namespace: releaseNamespace,
    serviceAccount: operatorName,
  });
  client = await connectKubernetes({ kubeconfig, logger: createLogger({ level: 'silent' }) });
}, 900_000);

afterAll(async () => {
  await client?.close();
  await kubernetes?.stop();
});

describe('the chart gives the operator identities of namespaces', () => {
  test('nowhere unless the values say so, and the refusal says what is missing', async () => {
    const { objects } = await render(fewestValues);
    await grant(fewestValues);

    expect(objects.filter(isAboutIdentities)).toEqual([]);
    await expect(tokenIn('team-a')).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'Forbidden',
      message: expect.stringMatching(
        /create serviceaccounts \(token\) team-a\/writer: add to a Role in namespace team-a .*"serviceaccounts\/token".*"create".*operator\.identities\.serviceAccounts$/,
      ),
    });
    await expect(keyIn('team-a')).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'Forbidden',
      message: expect.stringMatching(/get secrets team-a\/keys: .*"secrets".*"get".*operator\.identities\.secrets$/),
    });
  });

  test('in the namespaces that they name, by a Role in each, and in no other', async () => {
    const values = withIdentities({ serviceAccounts: ['team-a'], secrets: ['team-b'] });
    const { objects } = await render(values);
    await grant(values);

    const [token, key] = await Promise.all([tokenIn('team-a'), keyIn('team-b')]);

    const kinds = objects.filter(isAboutIdentities).map(({ kind, metadata }) => `${kind} ${metadata.namespace}`);
    expect(kinds.sort()).toEqual(['Role team-a', 'Role team-b', 'RoleBinding team-a', 'RoleBinding team-b']);
    expect(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
      aud: [audience],
      sub: 'system:serviceaccount:team-a:writer',
    });
    expect(key).toBe('of team-b');
    await expect(tokenIn('team-b')).rejects.toMatchObject({ reason: 'Forbidden' });
    await expect(keyIn('team-a')).rejects.toMatchObject({ reason: 'Forbidden' });
  });

  test('everywhere, by a ClusterRole, with *', async () => {
    await grant(withIdentities({ serviceAccounts: ['*'], secrets: ['*'] }));

    const [token, key] = await Promise.all([tokenIn('team-b'), keyIn('team-a')]);

    expect(token).not.toBe('');
    expect(key).toBe('of team-a');
  });

  test.each([[{ serviceAccounts: ['*', 'team-a'] }], [{ secrets: ['Team'] }], [{ tokens: [] }]])(
    'and helm refuses what names none: %j',
    async (identities) => {
      await expect(render(withIdentities(identities))).rejects.toThrow();
    },
  );
});

describe('with the rights', () => {
  test('what does not exist is said to be missing, and a token cannot be used against Kubernetes', async () => {
    await grant(withIdentities({ serviceAccounts: ['*'], secrets: ['*'] }));
    const identities = createIdentities({ kubernetes: client, now: Date.now });

    const token = await tokenIn('team-a');
    const { status } = await fetchAs(token);

    expect(status).toBe(401);
    await expect(
      identities.of('team-a', { serviceAccountRef: { name: 'nobody' } }).token(audience),
    ).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'IdentityMissing',
      message: 'ServiceAccount team-a/nobody does not exist: create it, or name another in auth',
    });
    await expect(keyIn('team-a', 'nothing')).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'IdentityMissing',
      message: 'Secret team-a/nothing does not exist: create it, or name another in auth',
    });
  });
});

/** Asks the API server as whoever the token says. */
async function fetchAs(token: string): Promise<{ status: number }> {
  const { stdout, stderr } = await kubernetes.kubectl([
    '--kubeconfig',
    '/dev/null',
    '--server',
    kubernetes.server,
    '--certificate-authority',
    kubernetes.caFile,
    '--token',
    token,
    'get',
    'namespaces',
    '-v=6',
  ]);
  const said = `${stdout}${stderr}`;
  return { status: /Unauthorized|logged in/.test(said) ? 401 : 200 };
}
