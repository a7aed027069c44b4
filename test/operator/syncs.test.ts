import { describe, expect, test } from '@jest/globals';
import { Syncs } from '../../src/operator/syncs.ts';
import { mainVault } from '../sync/fake-world.ts';
import { someSync } from '../sync/some-sync.ts';

function syncsWith(...syncs: ReturnType<typeof someSync>[]): Syncs {
  const all = new Syncs({ vaults: [mainVault], installation: 'test' });
  for (const sync of syncs) all.set(sync);
  return all;
}

function selectingAll(syncs: Syncs, name: string, more: { namespace?: string; mount?: string } = {}) {
  return syncs.selecting({ vault: 'main', namespace: '', mount: 'secret', name, ...more });
}

function selecting(...wanted: Parameters<typeof selectingAll>): string[] {
  return selectingAll(...wanted).map(({ key }) => key);
}

describe('Syncs', () => {
  const literal = someSync({ path: 'secret/app/db' }, { name: 'literal' });
  const pattern = someSync({ path: 'secret/app/.*' }, { name: 'pattern' });
  const elsewhere = someSync({ path: 'secret/app/db', source: { namespace: 'team-a/prod' } }, { name: 'elsewhere' });

  test('finds every sync that selects a secret', () => {
    const syncs = syncsWith(literal, pattern, elsewhere);

    expect(selecting(syncs, 'app/db').sort()).toEqual(['team-a/literal', 'team-a/pattern']);
    expect(selecting(syncs, 'app/web')).toEqual(['team-a/pattern']);
    expect(selecting(syncs, 'app/db', { namespace: 'team-a/prod' })).toEqual(['team-a/elsewhere']);
    expect(selecting(syncs, 'app/db', { mount: 'other' })).toEqual([]);
  });

  test('follows edits and removals', () => {
    const syncs = syncsWith(literal, pattern);
    expect(selecting(syncs, 'app/db')).toHaveLength(2);

    syncs.set(someSync({ path: 'secret/app/web' }, { name: 'literal', generation: 2 }));
    const edited = selecting(syncs, 'app/db');
    syncs.delete('team-a/pattern');

    expect(edited).toEqual(['team-a/pattern']);
    expect(selecting(syncs, 'app/db')).toEqual([]);
    expect(syncs.get('team-a/pattern')).toBeNull();
    expect(syncs.get('team-a/literal')?.sync.generation).toBe(2);
  });

  test('a change of the status alone looks nothing up anew, and is known all the same', () => {
    const syncs = syncsWith(literal);
    const [before] = selectingAll(syncs, 'app/db');

    syncs.set({ ...literal, status: { copies: '1/1' }, annotations: { a: 'b' } });
    const [after] = selectingAll(syncs, 'app/db');

    expect(after?.selection).toBe(before?.selection);
    expect(after?.sync).toMatchObject({ status: { copies: '1/1' }, annotations: { a: 'b' } });
  });

  test('a resource that was created anew with other words is looked up anew, whatever its generation', () => {
    const syncs = syncsWith(literal);

    syncs.set(someSync({ path: 'secret/app/web' }, { name: 'literal' }));

    expect(selecting(syncs, 'app/web')).toEqual(['team-a/literal']);
  });

  test('what a sync excludes it does not select', () => {
    const syncs = syncsWith(someSync({ path: 'secret/app/.*', source: { exclude: ['secret/app/db'] } }));

    expect(selecting(syncs, 'app/db')).toEqual([]);
    expect(selecting(syncs, 'app/web')).toEqual(['team-a/db']);
  });

  test.each([
    ['suspended', someSync({ suspend: true })],
    ['going away', someSync({}, { deleting: true })],
    ['not to be understood', someSync({ source: { address: 'nowhere' } })],
  ])('one that is %s is known, but acts on nothing', (_what, sync) => {
    const syncs = syncsWith(sync);

    expect(syncs.get('team-a/db')?.sync).toBe(sync);
    expect(selecting(syncs, 'app/db')).toEqual([]);
    expect(syncs.interest()).toEqual([]);
    expect(syncs.readingFrom({ vault: 'main', namespace: '', mount: 'secret' })).toEqual([]);
  });

  test('one that cannot be understood keeps the reason', () => {
    const { resolved, error } = syncsWith().set(someSync({ source: { address: 'nowhere' } }));

    expect(resolved).toBeNull();
    expect(error).toMatchObject({ remedy: 'FixSpec', reason: 'VaultUnknown' });
  });

  test('tells who reads from a mount, a namespace and all below it, or a whole Vault', () => {
    const other = someSync({ path: 'other/app' }, { name: 'other' });
    const sibling = someSync({ source: { namespace: 'team-ab' } }, { name: 'sibling' });
    const syncs = syncsWith(literal, pattern, elsewhere, other, sibling);
    const readers = (namespace: string, mount: string, vault = 'main') =>
      syncs.readingFrom({ vault, namespace, mount }).map(({ sync }) => sync.name);

    expect(readers('', 'secret')).toEqual(['literal', 'pattern']);
    expect(readers('team-a/prod', 'secret')).toEqual(['elsewhere']);
    expect(readers('team-a/prod', '')).toEqual(['elsewhere']);
    expect(readers('team-a', '')).toEqual(['elsewhere']);
    expect(readers('', '')).toEqual(['literal', 'pattern', 'elsewhere', 'other', 'sibling']);
    expect(readers('', '', 'unknown')).toEqual([]);
  });

  test('the interest says what the webhook must hear about, and nothing else', () => {
    const syncs = syncsWith(literal, pattern, elsewhere);

    expect(syncs.interest()).toEqual([
      { vault: 'main', namespace: '', mount: 'secret', literal: 'app/db', prefix: '', pattern: null },
      { vault: 'main', namespace: '', mount: 'secret', literal: null, prefix: 'app/', pattern: 'app/.*' },
      { vault: 'main', namespace: 'team-a/prod', mount: 'secret', literal: 'app/db', prefix: '', pattern: null },
    ]);
  });
});
