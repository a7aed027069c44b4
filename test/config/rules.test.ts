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
      'state.redis: is required when this process has only one role: the roles meet in Redis',
    ]);
    expect(complaintsAbout({ roles, state: { redis } })).toEqual([]);
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
