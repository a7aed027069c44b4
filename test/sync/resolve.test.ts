import { describe, expect, test } from '@jest/globals';
import { SyncError } from '../../src/errors.ts';
import type { KnownVault } from '../../src/sync/ports.ts';
import { resolveSync } from '../../src/sync/resolve.ts';
import { mainVault } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const other: KnownVault = { name: 'other', address: 'https://other.example.com', aliases: [], namespaces: false };

function resolve(source: Parameters<typeof someSync>[0], vaults: readonly KnownVault[] = [mainVault, other]) {
  return resolveSync(someSync(source), { vaults, installation: 'test' });
}

describe('resolveSync', () => {
  test.each([
    'https://vault.example.com:8200',
    'https://vault.example.com:8200/',
    'HTTPS://VAULT.example.com:8200',
    'https://vault.old.example.com',
    'main',
  ])('finds a Vault that is called %s', (address) => {
    expect(resolve({ source: { address } }).vault).toBe('main');
  });

  test('takes the only Vault where none is named', () => {
    expect(resolve({}, [other]).vault).toBe('other');
  });

  test('asks for an address where the settings know several Vaults, and names them', () => {
    expect(() => resolve({})).toThrow(
      'source.address is missing, and the settings know several Vaults: main (https://vault.example.com:8200), other (https://other.example.com)',
    );
  });

  test('refuses an address that the settings do not know, even of a Vault with the same host', () => {
    const resolving = () => resolve({ source: { address: 'https://vault.example.com:8201' } });

    expect(resolving).toThrow(SyncError);
    expect(resolving).toThrow(/is none of the Vaults in the settings: main .*adds it under vaults, or as an alias/);
  });

  test('a namespace has no slashes at its ends', () => {
    expect(resolve({ source: { address: 'main', namespace: '/team-a/prod/' } }).namespace).toBe('team-a/prod');
  });

  test('refuses a namespace of a Vault without them: it would answer from the root', () => {
    expect(() => resolve({ source: { address: 'other', namespace: 'team-a' } })).toThrow(
      /source\.namespace is "team-a", but Vault "other" is set up without namespaces; set namespaces: true/,
    );
  });

  test('the root namespace needs no setting', () => {
    expect(resolve({ source: { address: 'other', namespace: '/' } }).namespace).toBe('');
  });

  test("a pattern that cannot be compiled is the manifest's fault", () => {
    const resolving = () => resolve({ path: 'secret/(a', source: { address: 'main' } });

    expect(resolving).toThrow(expect.objectContaining({ remedy: 'FixSpec', reason: 'PatternInvalid' }));
  });

  test('the owner mark follows from installation, namespace and name, and from nothing else', () => {
    const one = resolveSync(someSync({ path: 'secret/a' }), { vaults: [mainVault], installation: 'test' });
    const edited = resolveSync(someSync({ path: 'secret/b' }, { generation: 9, createdAt: 1 }), {
      vaults: [mainVault],
      installation: 'test',
    });
    const elsewhere = resolveSync(someSync(), { vaults: [mainVault], installation: 'prod' });

    expect(edited.owner).toBe(one.owner);
    expect(elsewhere.owner).not.toBe(one.owner);
  });
});
