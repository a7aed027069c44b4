import { describe, expect, test } from '@jest/globals';
import { parse as parseYaml } from 'yaml';
import { loadSettings } from '../../src/config/load.ts';
import type { Policy } from '../../src/config/settings.ts';
import { compilePolicies, type Wish } from '../../src/sync/policies.ts';

const role = 'arn:aws:iam::123456789012:role/team-a';
const wish: Wish = {
  namespace: 'team-a',
  vault: 'main',
  path: 'secret/team-a/db',
  destination: 'aws:eu-west-1:/team-a/db',
  role: undefined,
};
const policy: Policy = {
  namespaces: ['team-a'],
  vaults: ['*'],
  paths: ['secret/team-a/**'],
  destinations: ['aws:eu-west-1:/team-a/**'],
  roles: [],
};

/** The settings that a refusal proposes, as they would be read from a settings file. */
function proposedBy(message: string): readonly Policy[] {
  const sentence = message.slice(message.indexOf('policies: '));
  const vaults = [{ name: 'main', address: 'https://vault.example.com' }];
  const text = JSON.stringify({ vaults, ...(parseYaml(sentence) as object) });
  return loadSettings({
    file: { name: 'settings', text },
    env: { VSS_WEBHOOK_ALLOW_UNAUTHENTICATED: 'true', VAULT_TOKEN: 'x' },
    flags: {},
  }).policies;
}

describe('compilePolicies', () => {
  test('without policies nothing is allowed', () => {
    const refusal = compilePolicies([])(wish);

    expect(refusal?.remedy).toBe('FixSpec');
    expect(refusal?.reason).toBe('PolicyDenied');
  });

  test('allows what one policy allows in every respect', () => {
    expect(compilePolicies([policy])(wish)).toBeNull();
  });

  test.each<[string, Partial<Wish>]>([
    ['another namespace', { namespace: 'team-b' }],
    ['another path', { path: 'secret/team-b/db' }],
    ['another destination', { destination: 'aws:us-east-1:/team-a/db' }],
    ['a role that none is named for', { role }],
  ])('refuses %s', (_what, change) => {
    expect(compilePolicies([policy])({ ...wish, ...change })?.reason).toBe('PolicyDenied');
  });

  test('refuses another Vault', () => {
    expect(compilePolicies([{ ...policy, vaults: ['other'] }])(wish)?.reason).toBe('PolicyDenied');
  });

  test('two policies do not add up: one must allow it all', () => {
    const halves = [
      { ...policy, namespaces: ['team-b'] },
      { ...policy, paths: ['secret/team-b/**'] },
    ];

    expect(compilePolicies(halves)(wish)?.reason).toBe('PolicyDenied');
  });

  test('a role is allowed where a policy names it', () => {
    const check = compilePolicies([{ ...policy, roles: ['arn:aws:iam::123456789012:role/team-*'] }]);

    expect(check({ ...wish, role })).toBeNull();
    expect(check({ ...wish, role: 'arn:aws:iam::123456789012:role/admin' })?.reason).toBe('PolicyDenied');
  });

  test('$namespace stands for the namespace of the sync, one policy for every team', () => {
    const check = compilePolicies([
      {
        namespaces: ['team-*'],
        vaults: ['*'],
        paths: ['secret/$namespace/**'],
        destinations: ['aws:eu-west-1:/$namespace/**'],
        roles: ['arn:aws:iam::123456789012:role/$namespace'],
      },
    ]);
    const wishOf = (team: string, more: Partial<Wish> = {}): Wish => {
      const [path, destination] = [`secret/${team}/db`, `aws:eu-west-1:/${team}/db`];
      return { ...wish, namespace: team, path, destination, role: role.replace('team-a', team), ...more };
    };

    expect([check(wishOf('team-a')), check(wishOf('team-b'))]).toEqual([null, null]);
    expect(check(wishOf('team-a', { path: 'secret/team-b/db' }))?.reason).toBe('PolicyDenied');
    expect(check(wishOf('team-a', { destination: 'aws:eu-west-1:/team-b/db' }))?.reason).toBe('PolicyDenied');
    expect(check(wishOf('team-a', { role: role.replace('team-a', 'team-b') }))?.reason).toBe('PolicyDenied');
    expect(check(wishOf('other'))?.reason).toBe('PolicyDenied');
  });

  test('a refusal says who may not do what', () => {
    const message = compilePolicies([])({ ...wish, role })?.message;

    expect(message).toContain(
      `no policy lets namespace "team-a" copy secret/team-a/db of Vault "main" to aws:eu-west-1:/team-a/db as ${role}`,
    );
  });

  test.each<[string, Partial<Wish>]>([
    ['a plain wish', {}],
    ['a role', { role }],
    ['a Vault namespace', { path: 'team-a/prod/secret/db' }],
    ['quotes and colons', { path: 'secret/it\'s: "x" #1' }],
    ['very long names', { path: `secret/${'n'.repeat(500)}`, destination: `aws:eu-west-1:/${'n'.repeat(512)}` }],
  ])('the sentence that a refusal of %s proposes works as a setting and allows just that', (_what, change) => {
    const denied = { ...wish, ...change };
    const message = compilePolicies([])(denied)?.message ?? '';

    const check = compilePolicies(proposedBy(message));

    expect(check(denied)).toBeNull();
    expect(check({ ...denied, path: 'secret/elsewhere' })?.reason).toBe('PolicyDenied');
    expect(check({ ...denied, role: 'arn:aws:iam::123456789012:role/other' })?.reason).toBe('PolicyDenied');
  });

  test('`$namespace` stands for the namespace of the sync, and for no other', () => {
    const allows = compilePolicies([
      { ...policy, namespaces: ['*'], paths: ['*/$namespace/**'], destinations: ['aws:*/$namespace/**'] },
    ]);

    expect(allows(wish)).toBeNull();
    expect(allows({ ...wish, namespace: 'team-b' })?.reason).toBe('PolicyDenied');
    expect(allows({ ...wish, path: 'secret/team-b/db' })?.reason).toBe('PolicyDenied');
    expect(allows({ ...wish, destination: 'aws:eu-west-1:/team-ab/db' })?.reason).toBe('PolicyDenied');
  });
});
