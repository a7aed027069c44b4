import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { providePeer } from '../peers/provision.ts';
import { chart, fewestValues, helm, mostValues, only, type Rendered, render, root, template } from './chart.ts';
import { podOf, secretsOf } from './pod.ts';

const operatorName = 'vault-secret-sync-operator';
const webhookName = 'vault-secret-sync-webhook';
const singleName = 'vault-secret-sync';
const single = { ...mostValues, mode: 'single' };
const { redis: _none, ...withoutRedis } = { ...fewestValues, mode: 'single' };
const portsOut = ({ spec }: Rendered) => spec.egress?.map(({ ports }) => ports.map(({ port }) => port));

beforeAll(async () => {
  await providePeer('helm');
}, 600_000);

test('the chart is of the version of the program', async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

  const described = parse(await readFile(join(chart, 'Chart.yaml'), 'utf8'));

  expect(described).toMatchObject({ version, appVersion: version });
});

test.each([
  ['the fewest values', fewestValues],
  ['one pod without Redis', withoutRedis],
  ['everything', mostValues],
])('helm lint has nothing against %s', async (_title, values) => {
  const linted = await helm(['lint', chart, '--strict', '--kube-version', '1.34.0', '--values', 'VALUES'], values);

  expect(linted).toMatchObject({ code: 0 });
  expect(linted.stdout).not.toMatch(/ERROR|WARNING/);
});

describe('the program takes the settings, in the environment of its pod', () => {
  test.each([
    ['operator, fewest values', fewestValues, operatorName, ['operator']],
    ['webhook, fewest values', fewestValues, webhookName, ['webhook']],
    ['one pod without Redis', withoutRedis, singleName, ['webhook', 'operator']],
    ['operator, everything', mostValues, operatorName, ['operator']],
    ['webhook, everything', mostValues, webhookName, ['webhook']],
    ['one pod, everything', single, singleName, ['webhook', 'operator']],
  ])('%s', async (_title, values, name, roles) => {
    const { objects } = await render(values);
    const pod = podOf(objects, name);

    const settings = pod.settings();

    expect(settings.roles).toEqual(roles);
    const listening = roles.includes('webhook')
      ? [settings.webhook.http.port, ...settings.webhook.tcp.map(({ port }) => port)]
      : [];
    expect(pod.container.ports.map(({ containerPort }) => containerPort)).toEqual([...listening, settings.ops.port]);
    expect(settings.webhook.tcp.map(({ host }) => host)).toEqual(settings.webhook.tcp.map(() => '0.0.0.0'));
    expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(settings.shutdownGrace);
    if (roles.includes('operator')) expect(settings.operator.namespace).toBe('vault-secret-sync');
  });

  test('nothing is lost on the way', async () => {
    const { objects } = await render(mostValues);

    const operator = podOf(objects, operatorName).settings();
    const webhook = podOf(objects, webhookName).settings();

    const { webhook: heard, ...driven } = mostValues.settings;
    expect(operator).toMatchObject(driven);
    expect(webhook.webhook).toMatchObject(heard);
    expect(webhook.state).toMatchObject(mostValues.settings.state);
  });

  test('a Service called vss adds no variable that would be taken for a setting', async () => {
    const { objects } = await render(mostValues);

    const links = [operatorName, webhookName].map((name) => podOf(objects, name).spec.enableServiceLinks);

    expect(links).toEqual([false, false]);
  });
});

describe('the webhook of mode split', () => {
  test('has no credential of Vault or a store, and no policy', async () => {
    const { objects } = await render(mostValues);

    const pod = podOf(objects, webhookName);

    const settings = parse(pod.file);
    expect(Object.keys(settings).sort()).toEqual([
      'log',
      'ops',
      'roles',
      'shutdownGrace',
      'state',
      'vaults',
      'webhook',
    ]);
    for (const vault of settings.vaults)
      expect(['name', 'address', 'aliases']).toEqual(expect.arrayContaining(Object.keys(vault)));
    expect(secretsOf(pod)).toEqual(['vss-redis-webhook', 'vss-webhook', 'vss-webhook-tls']);
    expect((pod.container.env ?? []).map(({ name }) => name)).toEqual(['VSS_STATE_REDIS']);
  });

  test('has no token of Kubernetes', async () => {
    const { objects } = await render(mostValues);

    const account = only(objects, 'ServiceAccount', webhookName);
    const pod = podOf(objects, webhookName);

    expect(account.automountServiceAccountToken).toBe(false);
    expect(pod.spec).toMatchObject({ serviceAccountName: webhookName, automountServiceAccountToken: false });
  });

  test('reaches nothing but Redis and the DNS where the network policy says where Redis is', async () => {
    const { objects } = await render(mostValues);

    const policy = only(objects, 'NetworkPolicy', webhookName);

    expect(policy.spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(portsOut(policy)).toEqual([[6379], [53, 53]]);
  });

  test('reaches Vault too, where the network policy says where it is', async () => {
    const vault = [{ namespaceSelector: { matchLabels: { name: 'vault' } } }];
    const networkPolicy = { ...mostValues.networkPolicy, vaultTo: vault, vaultPort: 8201 };

    const { objects } = await render({ ...mostValues, networkPolicy });

    const policy = only(objects, 'NetworkPolicy', webhookName);
    expect(portsOut(policy)).toEqual([[6379], [8201], [53, 53]]);
    expect(policy.spec).toMatchObject({ egress: expect.arrayContaining([expect.objectContaining({ to: vault })]) });
  });

  test('has a Service with a port for each listener', async () => {
    const { objects } = await render(mostValues);

    const { ports = [] } = only(objects, 'Service', webhookName).spec;

    const names = podOf(objects, webhookName).container.ports.map(({ name }) => name);
    expect(ports.map(({ port }) => port)).toEqual([8181, 9090, 9191]);
    expect(names).toEqual(expect.arrayContaining(ports.map(({ targetPort }) => targetPort)));
  });

  test('opens the port of a UDP listener for UDP', async () => {
    const { settings } = mostValues;
    const webhook = { ...settings.webhook, udp: [{ vault: 'main', port: 9292, allow: ['10.0.0.0/8'] }] };

    const { objects } = await render({ ...mostValues, settings: { ...settings, webhook } });

    const pod = podOf(objects, webhookName);
    expect(pod.settings().webhook.udp).toMatchObject([{ host: '0.0.0.0', port: 9292 }]);
    expect(pod.container.ports).toContainEqual({ name: 'datagrams-0', containerPort: 9292, protocol: 'UDP' });
    expect(only(objects, 'Service', webhookName).spec.ports).toContainEqual({
      name: 'datagrams-0',
      port: 9292,
      targetPort: 'datagrams-0',
      protocol: 'UDP',
    });
    const open = expect.objectContaining({ ports: expect.arrayContaining([{ port: 'datagrams-0', protocol: 'UDP' }]) });
    expect(only(objects, 'NetworkPolicy', webhookName).spec).toMatchObject({ ingress: expect.arrayContaining([open]) });
  });
});

describe('the operator', () => {
  test('gets the files that its settings and variables name, and no others', async () => {
    const { objects } = await render(mostValues);

    const pod = podOf(objects, operatorName);

    expect(secretsOf(pod)).toEqual(['azure', 'fingerprint', 'gcp', 'vault-approle', 'vault-token', 'vss-redis']);
    const paths = pod.container.volumeMounts.map(({ mountPath }) => mountPath);
    for (const [path] of JSON.stringify([parse(pod.file), pod.container.env]).matchAll(/(?<=File":")[^"]+(?=\/)/g)) {
      expect(paths).toContain(path);
    }
    expect(paths).toContain('/configmaps/vault-ca');
  });

  test('starts anew when its settings change, and only then', async () => {
    const checksum = async (values: object) => {
      const { objects } = await render({ ...fewestValues, ...values });
      return podOf(objects, operatorName).deployment.spec.template.metadata.annotations['checksum/settings'];
    };

    const before = await checksum({});
    const elsewhere = await checksum({ webhook: { ...fewestValues.webhook, replicas: 5 } });
    const after = await checksum({ settings: { ...fewestValues.settings, writes: 'paused' } });

    expect(elsewhere).toBe(before);
    expect(after).not.toBe(before);
  });
});

describe('/events', () => {
  const plain = { ...fewestValues.settings.webhook, http: { plain: true } };

  test.each([
    ['webhook', fewestValues, webhookName],
    ['one pod', withoutRedis, singleName],
  ])(
    'has the certificate of a Secret, which is mounted as a folder so that a renewal arrives: %s',
    async (_title, values, name) => {
      const { objects } = await render(values);

      const pod = podOf(objects, name);

      const { http } = pod.settings().webhook;
      expect(http).toMatchObject({
        host: '0.0.0.0',
        tls: { certFile: '/secrets/vss-webhook-tls/tls.crt', keyFile: '/secrets/vss-webhook-tls/tls.key', clients: [] },
      });
      const { name: volume } = pod.spec.volumes.find(({ secret }) => secret?.secretName === 'vss-webhook-tls') ?? {};
      const mount = pod.container.volumeMounts.find((candidate) => candidate.name === volume);
      expect(mount).toEqual({ name: volume, mountPath: '/secrets/vss-webhook-tls', readOnly: true });
      expect(only(objects, 'Service', webhookName).spec.ports?.[0]).toMatchObject({ appProtocol: 'https' });
    },
  );

  test('lets in the certificates of senders that the values list', async () => {
    const { objects } = await render(mostValues);

    const { tls } = podOf(objects, webhookName).settings().webhook.http;

    const { clients, require } = mostValues.webhook.tls;
    expect(tls).toMatchObject({ clientCaFile: '/secrets/vss-webhook-tls/ca.crt', clients, require });
  });

  test('is plain where the values say that something in front of it ends TLS', async () => {
    const { webhook: _tls, ...values } = fewestValues;
    const { objects } = await render({ ...values, settings: { ...fewestValues.settings, webhook: plain } });

    const { http } = podOf(objects, webhookName).settings().webhook;

    expect(http).toMatchObject({ host: '0.0.0.0', plain: true });
    expect(http.tls).toBeUndefined();
    expect(only(objects, 'Service', webhookName).spec.ports?.[0]).toMatchObject({ appProtocol: 'http' });
  });
});

test('mode single has one pod, whatever the replicas, and never two at once', async () => {
  const { objects } = await render(single);

  const deployments = objects.filter(({ kind }) => kind === 'Deployment');

  expect(deployments.map(({ spec }) => [spec.replicas, spec.strategy])).toEqual([[1, { type: 'Recreate' }]]);
  const { selector } = only(objects, 'Service', webhookName).spec;
  expect(deployments[0]?.spec.template.metadata.labels).toMatchObject(selector ?? {});
});

describe('helm refuses', () => {
  const { settings, webhook } = fewestValues;
  const { webhook: _tls, ...withoutTls } = fewestValues;
  const [vault] = settings.vaults;
  test.each([
    [
      'no Vault',
      { ...fewestValues, settings: { ...settings, vaults: [] } },
      'settings.vaults is empty: name at least one',
    ],
    [
      'no token for senders',
      { ...fewestValues, settings: { ...settings, webhook: {} } },
      'settings.webhook.tokens is empty',
    ],
    ['/events without TLS that nobody asked for', withoutTls, 'set webhook.tls.secretName to a Secret'],
    ['two processes without Redis', { settings, webhook }, 'mode split needs Redis'],
    ['a misspelt value', { ...fewestValues, opertor: {} }, "'opertor' not allowed"],
    ['a misspelt setting', { ...fewestValues, settings: { ...settings, polices: [] } }, "'polices' not allowed"],
    [
      'a secret in the settings',
      { ...fewestValues, settings: { ...settings, vaults: [{ ...vault, auth: { method: 'token', token: 'x' } }] } },
      "'token' not allowed",
    ],
    ['a password in redis.url', { settings, redis: { url: 'redis://:password@redis:6379' } }, '/redis/url'],
    [
      'roles, which the mode decides',
      { ...fewestValues, settings: { ...settings, roles: ['webhook'] } },
      "'roles' not allowed",
    ],
  ])('%s', async (_title, values, words) => {
    const refused = await helm([...template, '--values', 'VALUES'], values);

    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(words);
  });
});
