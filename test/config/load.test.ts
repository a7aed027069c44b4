import { describe, expect, test } from '@jest/globals';
import { leaves } from '../../src/config/leaves.ts';
import { loadSettings, type SettingsInput } from '../../src/config/load.ts';
import type { Settings } from '../../src/config/settings.ts';
import { InputError } from '../../src/errors.ts';

const vaults = '[{name: main, address: "https://vault.example.com", auth: {tokenFile: /token}}]';
const least = `vaults: ${vaults}\nwebhook: {allowUnauthenticated: true}\n`;

function load(more: Partial<Omit<SettingsInput, 'file'>> & { file?: string } = {}): Settings {
  const { file = least, env = {}, flags = {} } = more;
  return loadSettings({ file: { name: 'settings.yaml', text: file }, env, flags });
}

function refusalOf(more: Parameters<typeof load>[0]): string {
  try {
    load(more);
    return '';
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

describe('loadSettings', () => {
  test('fills in the defaults', () => {
    const settings = load();

    expect(settings).toMatchObject({
      roles: ['webhook', 'operator'],
      writes: 'enabled',
      log: { level: 'info' },
      policies: [],
      defaults: { adoptionPolicy: 'Never' },
      webhook: { http: { port: 8080 } },
      vaults: [{ name: 'main', aliases: [], namespaces: false, auth: { method: 'token' } }],
    });
  });

  test('a flag wins over a variable, and a variable over the file', () => {
    const file = `${least}log: {level: warn}`;
    const env = { VSS_LOG_LEVEL: 'error' };
    const flags = { 'log-level': 'debug' };

    const levels = [load({ file }), load({ file, env }), load({ file, env, flags })].map(({ log }) => log.level);

    expect(levels).toEqual(['warn', 'error', 'debug']);
  });

  test('a variable changes its own setting and leaves its neighbours', () => {
    const settings = load({ file: `${least}ops: {host: 127.0.0.1, port: 1}`, env: { VSS_OPS_PORT: '2' } });

    expect(settings.ops).toEqual({ host: '127.0.0.1', port: 2 });
  });

  test('works without a file', () => {
    const env = { VSS_VAULTS: '[{"name":"main","address":"https://v"}]', VSS_WEBHOOK_ALLOW_UNAUTHENTICATED: 'true' };

    const settings = loadSettings({ env: { ...env, VAULT_TOKEN: 't' }, flags: {} });

    expect(settings.vaults[0]?.auth.token).toBe('t');
  });

  test.each(['', '# nothing yet', '---'])('takes %j for a file without settings', (file) => {
    expect(refusalOf({ file })).toContain('vaults: name at least one Vault');
  });

  test('reads every kind of setting from variables and flags', () => {
    const settings = load({
      env: { VSS_MANIFESTS_NAMESPACES: 'team-a, team-b,', VSS_STORES_GCP_INSECURE: 'true' },
      flags: { 'operator-concurrency': '7', policies: '[{"namespaces":["a"],"paths":["b"],"destinations":["c"]}]' },
    });

    expect(settings.manifests.namespaces).toEqual(['team-a', 'team-b']);
    expect(settings.stores.gcp.insecure).toBe(true);
    expect(settings.operator.concurrency).toBe(7);
    expect(settings.policies).toEqual([
      { namespaces: ['a'], vaults: ['*'], paths: ['b'], destinations: ['c'], roles: [] },
    ]);
  });

  test.each([
    ['VSS_OPS_PORT', 'many', 'VSS_OPS_PORT must be a whole number'],
    ['VSS_OPS_PORT', '-1', 'VSS_OPS_PORT must be a whole number'],
    ['VSS_STORES_GCP_INSECURE', 'yes', 'VSS_STORES_GCP_INSECURE must be true or false'],
    ['VSS_VAULTS', 'main', 'VSS_VAULTS must be JSON'],
    ['VSS_OPS_PORT', '99999', 'ops.port: must be <= 65535'],
    ['VSS_LOG_LEVEL', 'loud', 'log.level: must be one of "debug", "info", "warn", "error", "silent"'],
    ['VSS_ROLES', 'webhook,worker', 'roles[1]: must be one of "webhook", "operator"'],
  ])('refuses %s=%s: %s', (variable, text, sentence) => {
    expect(refusalOf({ env: { [variable]: text } })).toContain(sentence);
  });

  test('the result cannot be changed, however deep', () => {
    const settings = load();

    const change = (at: object) => () => Object.assign(at, { changed: true });

    expect(change(settings)).toThrow(TypeError);
    expect(change(settings.vaults)).toThrow(TypeError);
    expect(change(settings.vaults[0]!.auth)).toThrow(TypeError);
    expect(change(settings.webhook.http)).toThrow(TypeError);
  });

  test('one loading does not leak into the next', () => {
    const first = load({ env: { VSS_OPS_PORT: '1' } });
    const second = load();

    expect([first.ops.port, second.ops.port]).toEqual([1, 9100]);
  });
});

describe('a name that is not known', () => {
  test.each([
    ['a setting of the file', { file: `${least}webhok: {}` }, 'webhok: unknown field; did you mean "webhook"?'],
    [
      'a setting within another',
      { file: `${least}operator: {concurency: 3}` },
      'operator.concurency: unknown field; did you mean "concurrency"?',
    ],
    [
      'a setting in a list',
      { file: `vaults: [{name: main, adress: x}]\n` },
      'vaults[0].adress: unknown field; did you mean "address"?',
    ],
    [
      'a variable',
      { env: { VSS_LOG_LEVLE: 'info' } },
      'unknown environment variable VSS_LOG_LEVLE; did you mean VSS_LOG_LEVEL?',
    ],
    ['a flag', { flags: { 'log-levle': 'info' } }, 'unknown flag --log-levle; did you mean --log-level?'],
  ])('%s is refused with the nearest known one', (_what, given, sentence) => {
    expect(refusalOf(given)).toContain(sentence);
  });

  test('far from every known one is refused with all of them, or with none', () => {
    expect(refusalOf({ file: `${least}log: {zzzzzz: 1}` })).toContain('log.zzzzzz: unknown field; known here: level');
    expect(refusalOf({ flags: { zzzzzzzzzz: '1' } })).toBe('unknown flag --zzzzzzzzzz');
  });

  test('variables of others are none of our business', () => {
    expect(load({ env: { PATH: '/bin', VSSOMETHING: 'x', VSS_SETTINGS: '/etc/settings.yaml' } }).ops.port).toBe(9100);
  });
});

describe('well-known variables', () => {
  const known = {
    AWS_REGION: 'eu-west-1',
    AZURE_TENANT_ID: 'tenant',
    AZURE_CLIENT_ID: 'client',
    AZURE_CLIENT_SECRET: 'hunter2',
    AZURE_FEDERATED_TOKEN_FILE: '/azure',
    AZURE_AUTHORITY_HOST: 'https://login.example.com',
    IDENTITY_ENDPOINT: 'http://127.0.0.1:41741/msi/token',
    IDENTITY_HEADER: 'local',
    POD_NAMESPACE: 'vss',
    KUBECONFIG: '/kube',
  };

  test('fill what nothing else says', () => {
    const { stores, operator, manifests } = load({ env: known });

    expect(stores.aws.region).toBe('eu-west-1');
    expect(stores.azure).toMatchObject({
      tenantId: 'tenant',
      clientId: 'client',
      clientSecret: 'hunter2',
      federatedTokenFile: '/azure',
      authorityHost: 'https://login.example.com',
      managedIdentityEndpoint: 'http://127.0.0.1:41741/msi/token',
      managedIdentityHeader: 'local',
    });
    expect([operator.namespace, manifests.kubeconfig]).toEqual(['vss', '/kube']);
  });

  test('yield to the file, to our own variables and to flags', () => {
    const file = `${least}stores: {aws: {region: us-east-1}}`;

    const regions = [
      load({ file, env: known }),
      load({ env: { ...known, VSS_STORES_AWS_REGION: 'us-east-2' } }),
      load({ env: known, flags: { 'stores-aws-region': 'us-west-1' } }),
    ].map(({ stores }) => stores.aws.region);

    expect(regions).toEqual(['us-east-1', 'us-east-2', 'us-west-1']);
  });

  test('that are empty say nothing', () => {
    expect(load({ env: { AWS_REGION: '' } }).stores.aws.region).toBeUndefined();
  });

  test('VAULT_TOKEN serves the only Vault, if it logs in by token and has none', () => {
    const file = (list: string) => `vaults: ${list}\nwebhook: {allowUnauthenticated: true}\n`;
    const bare = '{name: main, address: "https://v"}';
    const tokenOf = (list: string) => load({ file: file(list), env: { VAULT_TOKEN: 't' } }).vaults[0]?.auth.token;

    expect(tokenOf(`[${bare}]`)).toBe('t');
    expect(tokenOf('[{name: main, address: "https://v", auth: {tokenFile: /token}}]')).toBeUndefined();
    expect(tokenOf('[{name: main, address: "https://v", auth: {method: kubernetes, role: r}}]')).toBeUndefined();
    expect(
      refusalOf({ file: file(`[${bare}, {name: other, address: "https://o"}]`), env: { VAULT_TOKEN: 't' } }),
    ).toContain('vaults[0].auth: give tokenFile');
  });
});

describe('no message holds a secret', () => {
  const secret = 'hvs.hunter2';

  test.each<[string, Parameters<typeof load>[0]]>([
    ['a file that is no YAML', { file: `vaults: [{auth: {token: ${secret}\n  x: "` }],
    ['a file with tabs', { file: `webhook:\n\ttokens: ${secret}` }],
    ['a key that stands twice', { file: `fingerprintKey: ${secret}\nfingerprintKey: ${secret}` }],
    ['a file that is no mapping', { file: secret }],
    [
      'auth that is no mapping',
      { file: `vaults: [{name: main, address: "https://v", auth: ${secret}}]`, env: { VAULT_TOKEN: secret } },
    ],
    ['a list where a text stands', { file: `${least}fingerprintKey: [${secret}]` }],
    ['a Redis address of another kind', { file: `${least}state: {redis: "http://:${secret}@redis"}` }],
    ['tokens that are no list', { file: `vaults: ${vaults}\nwebhook: {tokens: ${secret}}` }],
    ['both ways of a token', { file: `vaults: ${vaults}\nwebhook: {tokens: [{token: ${secret}, tokenFile: /t}]}` }],
    ['a variable of another kind', { env: { VSS_OPS_PORT: secret } }],
    ['a variable that is no JSON', { env: { VSS_WEBHOOK_TOKENS: `[{"token":"${secret}"` } }],
    ['a variable that is not known', { env: { VSS_VAULT_TOKEN: secret } }],
    ['a flag that is not known', { flags: { 'vault-token': secret } }],
    [
      'an unknown field beside it',
      { file: `vaults: [{name: main, address: "https://v", auth: {token: ${secret}, tokn: ${secret}}}]` },
    ],
  ])('of %s', (_what, given) => {
    const message = refusalOf(given);

    expect(message).not.toBe('');
    expect(message).not.toContain('hunter2');
  });

  test('settings that hold one are marked, so that whoever prints them can hide them', () => {
    const secrets = leaves.filter((leaf) => leaf.secret).map(({ path }) => path);

    expect(secrets).toEqual([
      'fingerprintKey',
      'stores.aws.proxy',
      'stores.azure.clientSecret',
      'stores.azure.managedIdentityHeader',
      'stores.azure.proxy',
      'stores.gcp.proxy',
      'state.redis',
      'state.password',
    ]);
  });
});

describe('variables and flags', () => {
  test('are named after their setting', () => {
    const leaf = leaves.find(({ path }) => path === 'stores.aws.stsEndpoint');

    expect(leaf).toMatchObject({
      variable: 'VSS_STORES_AWS_STS_ENDPOINT',
      flag: 'stores-aws-sts-endpoint',
      type: 'string',
    });
  });

  test('no two settings share one', () => {
    expect(new Set(leaves.map(({ variable }) => variable)).size).toBe(leaves.length);
    expect(new Set(leaves.map(({ flag }) => flag)).size).toBe(leaves.length);
  });

  test('every setting is described', () => {
    expect(leaves.filter(({ description }) => description === '').map(({ path }) => path)).toEqual([]);
  });
});
