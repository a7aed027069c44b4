import { describe, expect, test } from '@jest/globals';
import { loadSettings } from '../../src/config/load.ts';
import { InputError } from '../../src/errors.ts';

const main = { name: 'main', address: 'https://vault.example.com', auth: { tokenFile: '/token' } };
const least = { vaults: [main], webhook: { tokens: [{ tokenFile: '/webhook-token' }] } };

/** The complaints about settings, one a line; empty when there are none. */
function complaintsAbout(settings: object): string[] {
  try {
    loadSettings({
      file: { name: 'settings.yaml', text: JSON.stringify({ ...least, ...settings }) },
      env: {},
      flags: {},
    });
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const [head, ...lines] = error.message.split('\n');
    expect(head).toBe('the settings (settings.yaml, variables and flags) are refused:');
    return lines.map((line) => line.trim());
  }
}

describe('rules between settings', () => {
  test('the least settings break none', () => {
    expect(complaintsAbout({})).toEqual([]);
  });

  test.each([[['webhook']], [['operator']]])('%s alone needs Redis to meet the other role', (roles) => {
    const redis = 'redis://redis:6379';

    expect(complaintsAbout({ roles })).toEqual([
      'state.redis: is required when this process has only one role: the roles meet in Redis (or give state.sentinel or state.cluster)',
    ]);
    expect(complaintsAbout({ roles, state: { redis } })).toEqual([]);
  });

  test.each([
    [{ sentinel: { name: 'main', nodes: ['a:26379', '[::1]:26379'], tls: true }, caFile: '/ca' }, []],
    [{ cluster: { nodes: ['a', 'b:6379'] }, username: 'vss', passwordFile: '/password' }, []],
    [
      { redis: 'redis://a', cluster: { nodes: ['a'] } },
      ['state: give one of redis, sentinel and cluster, not redis and cluster'],
    ],
    [{ redis: 'redis://a', caFile: '/ca' }, ['state.caFile: is for TLS: write rediss:// in state.redis']],
    [
      { cluster: { nodes: ['a'] }, certFile: '/cert', keyFile: '/key' },
      ['state.certFile: is for TLS: set state.cluster.tls: true'],
    ],
    [{ redis: 'rediss://a', keyFile: '/key' }, ['state.certFile: give certFile and keyFile, or neither']],
    [{ redis: 'redis://a', username: 'a', usernameFile: '/a' }, ['state.username: give it or usernameFile, not both']],
    [{ redis: 'redis://a', password: 'a', passwordFile: '/a' }, ['state.password: give it or passwordFile, not both']],
  ])('where the state is shared, and how it is reached, is said once: %j', (state, complaints) => {
    expect(complaintsAbout({ roles: ['webhook'], state })).toEqual(complaints);
  });

  test('the nodes of a group are addresses, not URLs', () => {
    expect(complaintsAbout({ state: { cluster: { nodes: ['redis://a:6379'] } } })).not.toEqual([]);
    expect(complaintsAbout({ state: { sentinel: { name: 'main', nodes: [] } } })).not.toEqual([]);
  });

  test('both roles may share memory or Redis', () => {
    expect(complaintsAbout({ state: { redis: 'rediss://redis:6379' } })).toEqual([]);
  });

  test('there is at least one Vault', () => {
    expect(complaintsAbout({ vaults: [] })).toEqual([
      'vaults: name at least one Vault: {name: main, address: https://…}',
    ]);
  });

  test.each([
    ['an address', { ...main, name: 'other' }, '"https://vault.example.com" is also what Vault "main" is called by'],
    [
      'an address in other letter case and with a slash',
      { ...main, name: 'other', address: 'https://VAULT.example.com/' },
      '"https://vault.example.com" is also what Vault "main" is called by',
    ],
    [
      'an alias',
      { ...main, name: 'other', address: 'https://other', aliases: ['https://vault.example.com'] },
      '"https://vault.example.com" is also what Vault "main" is called by',
    ],
    ['a name', { ...main, address: 'https://other' }, '"main" is also what Vault "main" is called by'],
    [
      'a name that is the alias of another',
      { ...main, name: 'other', address: 'https://other', aliases: ['main'] },
      '"main" is also what Vault "main" is called by',
    ],
  ])('two Vaults never share %s', (_what, other, sentence) => {
    expect(complaintsAbout({ vaults: [main, other] })).toEqual([`vaults[1]: ${sentence}`]);
  });

  test('a Vault may repeat itself', () => {
    expect(complaintsAbout({ vaults: [{ ...main, aliases: ['main', 'https://vault.example.com/'] }] })).toEqual([]);
  });

  test.each([
    ['a token has none', {}, 'vaults[0].auth: give tokenFile (or token, or VAULT_TOKEN), or another method'],
    ['kubernetes has no role', { method: 'kubernetes' }, 'vaults[0].auth.role: is required for method kubernetes'],
    ['appRole has no ids', { method: 'appRole' }, 'vaults[0].auth: method appRole needs roleId and secretIdFile'],
    [
      'appRole has no secret id',
      { method: 'appRole', roleId: 'r' },
      'vaults[0].auth: method appRole needs roleId and secretIdFile',
    ],
    [
      'appRole has no role id',
      { method: 'appRole', secretIdFile: '/s' },
      'vaults[0].auth: method appRole needs roleId and secretIdFile',
    ],
  ])('an operator cannot log in where %s', (_what, auth, sentence) => {
    expect(complaintsAbout({ vaults: [{ ...main, auth }] })).toEqual([sentence]);
  });

  test.each([
    [{ token: 't' }],
    [{ method: 'kubernetes', role: 'r' }],
    [{ method: 'appRole', roleId: 'r', secretId: 's' }],
    [{ method: 'appRole', roleId: 'r', secretIdFile: '/s' }],
  ])('an operator can log in with %j', (auth) => {
    expect(complaintsAbout({ vaults: [{ ...main, auth }] })).toEqual([]);
  });

  test('a webhook alone needs no way to log in: it holds no credential of Vault', () => {
    const { auth: _, ...bare } = main;

    expect(complaintsAbout({ roles: ['webhook'], state: { redis: 'redis://r' }, vaults: [bare] })).toEqual([]);
  });

  test('a webhook needs tokens, unless something before it authenticates', () => {
    expect(complaintsAbout({ webhook: {} })).toEqual([expect.stringContaining('webhook.tokens: give senders a token')]);
    expect(complaintsAbout({ webhook: { allowUnauthenticated: true } })).toEqual([]);
  });

  const tls = { certFile: '/tls.crt', keyFile: '/tls.key' };
  const tokens = [{ tokenFile: '/webhook-token' }];

  test.each([
    ['with TLS', { host: '0.0.0.0', tls }],
    ['plain, if it is asked to', { host: '0.0.0.0', plain: true }],
    ['plain on loopback', {}],
    ['plain on loopback of IPv6', { host: '::1' }],
  ])('a webhook listens %s', (_title, http) => {
    expect(complaintsAbout({ webhook: { tokens, http } })).toEqual([]);
  });

  test.each(['0.0.0.0', '::', '10.0.0.7', 'webhook.example.com', '127.example.com'])(
    'a webhook does not listen plain at %s unless it is asked to',
    (host) => {
      expect(complaintsAbout({ webhook: { tokens, http: { host } } })).toEqual([
        expect.stringContaining(
          `webhook.http: listens at ${host}, which others can reach, without TLS: name tls.certFile`,
        ),
      ]);
    },
  );

  test('certificates of senders take the place of tokens', () => {
    const http = { tls: { ...tls, clientCaFile: '/ca.crt', clients: [{ name: '**' }] } };

    expect(complaintsAbout({ webhook: { http } })).toEqual([]);
  });

  test.each([
    ['authorities without a list', { clientCaFile: '/ca.crt' }],
    ['a list without authorities', { clients: [{ name: '**' }] }],
  ])('%s would let in nobody, or nobody knows whom', (_title, more) => {
    expect(complaintsAbout({ webhook: { tokens, http: { tls: { ...tls, ...more } } } })).toEqual([
      expect.stringContaining('webhook.http.tls: give clientCaFile and clients together'),
    ]);
  });

  test('an operator alone needs no tokens of a webhook', () => {
    expect(complaintsAbout({ roles: ['operator'], state: { redis: 'redis://r' }, webhook: {} })).toEqual([]);
  });

  test.each([[{}], [{ token: 't', tokenFile: '/t' }]])('a sender has exactly one token, not %j', (sender) => {
    expect(complaintsAbout({ webhook: { tokens: [sender] } })).toEqual([
      'webhook.tokens[0]: give exactly one of tokenFile and token',
    ]);
  });

  test('senders and listeners speak for Vaults that there are', () => {
    const webhook = { tokens: [{ token: 't', vault: 'mian' }], tcp: [{ vault: 'other' }] };

    expect(complaintsAbout({ webhook })).toEqual([
      'webhook.tcp[0].vault: no Vault is called "other"; known: main',
      'webhook.tokens[0].vault: no Vault is called "mian"; known: main',
    ]);
  });

  test('listeners on unix sockets and for UDP do, too', () => {
    const unix = [{ vault: 'other', path: '/run/audit.sock' }];
    const webhook = { tokens: [{ token: 't' }], unix, udp: [{ vault: 'main' }, { vault: 'other' }] };

    expect(complaintsAbout({ webhook })).toEqual([
      'webhook.unix[0].vault: no Vault is called "other"; known: main',
      'webhook.udp[1].vault: no Vault is called "other"; known: main',
    ]);
  });

  test('an installation that takes manifests from files has a name', () => {
    const manifests = { directory: '/manifests' };

    expect(complaintsAbout({ manifests })).toEqual([
      'installation: is required with manifests from files: a name of your choice that never changes',
    ]);
    expect(complaintsAbout({ manifests, installation: 'prod' })).toEqual([]);
  });

  test('everything that is wrong is told at once', () => {
    expect(complaintsAbout({ vaults: [], roles: ['operator'], manifests: { directory: '/m' } })).toHaveLength(3);
  });
});
