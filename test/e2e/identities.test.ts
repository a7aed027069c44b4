import { once } from 'node:events';
import { Agent } from 'node:http';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { region, type Stores, startStores } from '../../scripts/demo/stores.ts';
import type { SyncStatus } from '../../src/crd/status.ts';
import { fewestValues, releaseNamespace, render } from '../deploy/chart.ts';
import { forward, type LoopbackServer, listenOnLoopback } from '../peers/forward.ts';
import { eventually } from '../peers/processes.ts';
import { providePeer } from '../peers/provision.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { type Program, startProgram } from '../program/start-program.ts';
import { manifestOf } from './command-line.ts';
import { applyDefinitions } from './definitions.ts';
import { settingsFor } from './settings.ts';

const operatorName = 'vault-secret-sync-operator';
const role = (account: string) => `arn:aws:iam::${account}:role/writer`;
/** A secret access key, which must show nowhere. */
const canary = 'canary-of-a-secret-access-key';

let kubernetes: KubernetesPeer;
let vault: VaultPeer;
let stores: Stores;
let operator: Program;
/** Before moto: notes who asked what. */
let aws: LoopbackServer;
const agent = new Agent({ keepAlive: true });
/** `<access key or nobody> <operation>`, and what STS was told. */
const asked: { readonly by: string; readonly operation: string; readonly form: URLSearchParams }[] = [];

beforeAll(async () => {
  await providePeer('helm');
  [kubernetes, vault, stores] = await Promise.all([
    startKubernetes(),
    startVault(),
    startStores({ aws: 'none', azure: 'none', gcp: 'none' }),
  ]);
  aws = await listenOnLoopback(async (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => void chunks.push(chunk));
    const ended = once(incoming, 'end');
    const answer = await forward(incoming, { upstream: stores.aws.endpoint, agent });
    await ended;
    const { authorization = '', 'x-amz-target': target } = incoming.headers;
    const form = new URLSearchParams(target === undefined ? Buffer.concat(chunks).toString() : '');
    const by = /Credential=([^/]+)/.exec(authorization)?.[1] ?? 'nobody';
    asked.push({ by, operation: String(target ?? form.get('Action')).replace('secretsmanager.', ''), form });
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await applyDefinitions(kubernetes);
  for (const namespace of [releaseNamespace, 'team-a', 'team-b', 'team-c'])
    await kubectl('create', 'namespace', namespace);
  for (const namespace of ['team-a', 'team-c']) await kubectl('-n', namespace, 'create', 'serviceaccount', 'writer');
  await putKeys('team-b', 'KEYOFTEAMB1');
  await kubectl('-n', releaseNamespace, 'create', 'serviceaccount', operatorName);
  await grantOperator();
  for (const team of ['team-a', 'team-b', 'team-c']) {
    await vault.api('POST', `secret/data/${team}/db`, { data: { password: `of ${team}` } });
  }
  operator = await startOperator();
}, 600_000);

afterAll(async () => {
  await operator?.stop();
  await aws?.stop();
  agent.destroy();
  await Promise.all([kubernetes?.stop(), vault?.stop(), stores?.stop()]);
});

async function kubectl(...args: string[]): Promise<string> {
  const result = await kubernetes.kubectl(args);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

async function apply(object: object): Promise<void> {
  const { code, stderr } = await kubernetes.kubectl(['apply', '-f', '-'], JSON.stringify(object));
  if (code !== 0) throw new Error(stderr);
}

const putKeys = (namespace: string, accessKeyId: string) =>
  apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name: 'keys' },
    stringData: { accessKeyId, secretAccessKey: canary },
  });

/** The rights that the chart gives, with identities in two of the namespaces. */
async function grantOperator(): Promise<void> {
  const identities = { serviceAccounts: ['team-a'], secrets: ['team-b'] };
  const { objects } = await render({ ...fewestValues, operator: { identities } }, '--namespace', releaseNamespace);
  const items = objects.filter(({ apiVersion }) => apiVersion.startsWith('rbac.'));
  await apply({ apiVersion: 'v1', kind: 'List', items });
}

/** An operator that has no identity of its own in AWS. */
async function startOperator(): Promise<Program> {
  const kubeconfig = await kubernetes.serviceAccountKubeconfig({
    namespace: releaseNamespace,
    serviceAccount: operatorName,
  });
  const settings = settingsFor(vault, stores) as { stores: object };
  const endpoints = { endpoint: aws.url, stsEndpoint: aws.url, region };
  return startProgram({
    settings: { ...settings, manifests: { kubeconfig }, stores: { ...settings.stores, aws: endpoints } },
    env: { AWS_EC2_METADATA_DISABLED: 'true' },
  });
}

async function statusOf(namespace: string, name: string): Promise<SyncStatus> {
  const { status = {} } = JSON.parse(await kubectl('-n', namespace, 'get', 'vss', name, '-o', 'json')) as {
    status?: SyncStatus;
  };
  return status;
}

async function isSynced(namespace: string, name: string): Promise<void> {
  const synced = async () => (await statusOf(namespace, name)).copies === '1/1';
  await eventually(synced, { what: `${namespace}/${name} to be in sync`, within: 60_000 });
}

async function failureOf(namespace: string, name: string): Promise<{ reason: string; message: string }> {
  return eventually(async () => (await statusOf(namespace, name)).failures?.[0] ?? null, {
    what: `${namespace}/${name} to fail`,
    within: 60_000,
  });
}

/** The value of a secret in an account, as somebody there sees it. */
async function valueIn(account: string, name: string): Promise<string | undefined> {
  const { endpoint } = stores.aws;
  const credentials = fromTemporaryCredentials({
    masterCredentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    params: { RoleArn: role(account), RoleSessionName: 'reader' },
    clientConfig: { region, endpoint },
  });
  const client = new SecretsManager({ endpoint, region, credentials });
  try {
    return (await client.getSecretValue({ SecretId: name })).SecretString;
  } finally {
    client.destroy();
  }
}

const sync = (namespace: string, name: string, dest: object) =>
  manifestOf(name, { source: { path: `secret/${namespace}/db` }, dest: [{ aws: dest }] }, { namespace });

describe('a sync that brings an identity of its namespace', () => {
  test('writes to another account by the token of a ServiceAccount, and nothing of the operator', async () => {
    const roleArn = role('111111111111');
    const auth = { serviceAccountRef: { name: 'writer' } };
    await apply(sync('team-a', 'by-account', { name: 'team-a/db', roleArn, auth }));

    await isSynced('team-a', 'by-account');

    expect(await valueIn('111111111111', 'team-a/db')).toBe('{"password":"of team-a"}');
    const { by, form } = asked.find(({ operation }) => operation === 'AssumeRoleWithWebIdentity')!;
    expect([by, form.get('RoleArn')]).toEqual(['nobody', roleArn]);
    const claims = JSON.parse(Buffer.from(form.get('WebIdentityToken')!.split('.')[1]!, 'base64url').toString());
    expect(claims).toMatchObject({ aud: ['sts.amazonaws.com'], sub: 'system:serviceaccount:team-a:writer' });
    expect((await statusOf('team-a', 'by-account')).destinations).toEqual([
      { destination: `aws:${region}:111111111111`, synced: 1, roleArn, auth },
    ]);
  });

  test('writes by the access keys of a Secret', async () => {
    await apply(sync('team-b', 'by-keys', { name: 'team-b/db', auth: { secretRef: { name: 'keys' } } }));

    await isSynced('team-b', 'by-keys');

    expect(asked.filter(({ by }) => by === 'KEYOFTEAMB1').map(({ operation }) => operation)).toContain('CreateSecret');
    expect((await statusOf('team-b', 'by-keys')).destinations).toEqual([
      { destination: `aws:${region}:team-b.keys`, synced: 1, auth: { secretRef: { name: 'keys' } } },
    ]);
  });

  test('removes by it what the manifest does not ask for any more', async () => {
    const manifest = sync('team-a', 'moving', {
      name: 'team-a/moved',
      roleArn: role('222222222222'),
      auth: { serviceAccountRef: { name: 'writer' } },
    }) as { spec: object };
    await apply({ ...manifest, spec: { ...manifest.spec, removalPolicy: 'Delete' } });
    await isSynced('team-a', 'moving');

    await kubectl('-n', 'team-a', 'delete', 'vss', 'moving', '--timeout=60s');

    await expect(valueIn('222222222222', 'team-a/moved')).rejects.toMatchObject({ name: 'InvalidRequestException' });
  });

  test('needs the right for its namespace, and another namespace of the same names does not help it', async () => {
    const auth = { serviceAccountRef: { name: 'writer' } };
    await apply(sync('team-c', 'by-account', { name: 'team-c/db', roleArn: role('111111111111'), auth }));
    await apply(sync('team-c', 'by-keys', { name: 'team-c/db2', auth: { secretRef: { name: 'keys' } } }));

    const [noToken, noKeys] = [await failureOf('team-c', 'by-account'), await failureOf('team-c', 'by-keys')];

    expect(noToken).toMatchObject({
      reason: 'Forbidden',
      message: expect.stringMatching(/serviceaccounts\/token.*operator\.identities\.serviceAccounts/),
    });
    expect(noKeys).toMatchObject({
      reason: 'Forbidden',
      message: expect.stringMatching(/secrets.*operator\.identities\.secrets/),
    });
    await expect(valueIn('111111111111', 'team-c/db')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});

test('a sync without one does not get that of another', async () => {
  await apply(sync('team-a', 'as-operator', { name: 'team-a/own' }));

  const { reason } = await failureOf('team-a', 'as-operator');

  expect(reason).toBe('CredentialsMissing');
  expect(asked.filter(({ form }) => form.get('Action') === 'AssumeRole')).toEqual([]);
});

test('no token and no key shows in the log, a status or an event', async () => {
  const shown = [
    operator.text(),
    await kubectl('get', 'vss', '-A', '-o', 'yaml'),
    await kubectl('get', 'events.events.k8s.io', '-A', '-o', 'yaml'),
  ].join('\n');

  const tokens = asked.flatMap(({ form }) => form.get('WebIdentityToken') ?? []);
  expect(tokens.length).toBeGreaterThan(0);
  for (const secret of [canary, 'eyJ', ...tokens]) expect(shown).not.toContain(secret);
});
