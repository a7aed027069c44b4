import { describe, expect, test } from '@jest/globals';
import { sourceUnavailable } from './fake-vault.ts';
import { FakeWorld } from './fake-world.ts';
import { awsOnly, someSync } from './some-sync.ts';

type Source = Parameters<typeof someSync>[0] & object;

const captured = [{ aws: { name: 'copy/$1' } }];

function worldWith(...names: string[]): FakeWorld {
  const world = new FakeWorld();
  for (const name of names) world.vault.put(name, { name });
  return world;
}

function copiesIn({ aws }: FakeWorld): string[] {
  return [...aws.copies.keys()].sort();
}

describe('what a sync selects by path', () => {
  const secrets = ['team-a/db', 'team-a/web/tls', 'team-b/db', 'shared/ca', 'shared'];

  test.each<[string, Source, string[]]>([
    ['a glob within a folder', { path: 'secret/team-*/db' }, ['team-a/db', 'team-b/db']],
    ['a glob over folders', { path: 'secret/team-a/**' }, ['team-a/db', 'team-a/web/tls']],
    ['a pattern', { path: 'secret/team-[a-z]/.*' }, ['team-a/db', 'team-a/web/tls', 'team-b/db']],
    ['paths written out', { source: { paths: ['secret/shared', 'secret/team-b/db'] } }, ['shared', 'team-b/db']],
    [
      'paths of every kind',
      { source: { paths: ['secret/shared/*', 'secret/.*/web/tls'] } },
      ['shared/ca', 'team-a/web/tls'],
    ],
    [
      'all but what is excluded',
      { source: { paths: ['secret/**'], exclude: ['secret/team-b/*', 'secret/shared', 'secret/.*/tls'] } },
      ['shared/ca', 'team-a/db'],
    ],
    [
      'what both the paths and the filters let through',
      { path: 'secret/**', filters: { path: { exclude: ['secret/shared'] }, regex: { include: ['shared', 'tls$'] } } },
      ['shared/ca', 'team-a/web/tls'],
    ],
    ['an excluded path that is written out', { source: { paths: ['secret/shared'], exclude: ['secret/shared'] } }, []],
  ])('%s, in a full reconcile and on events alike', async (_title, source, expected) => {
    const [full, events] = [worldWith(...secrets), worldWith(...secrets)];
    const sync = someSync(source);

    await full.reconcile(sync);
    for (const name of secrets) await events.follow(name, sync);

    expect(copiesIn(full)).toEqual(expected);
    expect(copiesIn(events)).toEqual(expected);
  });

  test('what the wildcards of a glob stand for is in the names', async () => {
    const world = worldWith('team-a/db', 'team-a/web/tls', 'team-b/db');

    await world.reconcile(someSync({ path: 'secret/team-*/**', dest: [{ aws: { name: 'copy/$1/$2' } }] }));

    expect(copiesIn(world)).toEqual(['copy/a/db', 'copy/a/web/tls', 'copy/b/db']);
  });

  test('of paths that overlap the first one names the copy, and there is only one', async () => {
    const world = worldWith('team-a/db', 'team-b/db');
    const paths = ['secret/team-(a)/db', 'secret/(.*)/db'];

    await world.reconcile(someSync({ source: { paths }, dest: captured }));

    expect(copiesIn(world)).toEqual(['copy/a', 'copy/team-b']);
    expect(world.results).toHaveLength(2);
    expect(world.vault.reads).toBe(2);
  });

  test('a folder that several paths lie in is listed once', async () => {
    const world = worldWith('team/a/db', 'team/b/db');

    await world.reconcile(someSync({ source: { paths: ['secret/team/**', 'secret/team/a/*', 'secret/team/b/(.*)'] } }));

    expect(world.vault.listings).toBe(1);
  });

  test('a path that is taken out of the paths leaves its copy to removalPolicy', async () => {
    const world = worldWith('app/a', 'app/b');
    await world.reconcile(someSync({ source: { paths: ['secret/app/a', 'secret/app/b'] }, removalPolicy: 'Delete' }));
    world.clock.now += 1_000;

    const edited = someSync({ source: { paths: ['secret/app/a'] }, removalPolicy: 'Delete' }, { generation: 2 });
    await world.reconcile(edited);

    expect(copiesIn(world)).toEqual(['app/a']);
  });

  test('a secret that is excluded now is not deleted, for it is still in Vault', async () => {
    const world = worldWith('app/a', 'app/b');
    await world.reconcile(someSync({ path: 'secret/app/*' }));
    world.clock.now += 1_000;

    const edited = someSync({ source: { path: 'secret/app/*', exclude: ['secret/app/b'] } }, { generation: 2 });
    await world.reconcile(edited);
    await world.follow('app/b', edited);

    expect(copiesIn(world)).toEqual(['app/a', 'app/b']);
  });
});

describe('several mounts of one Vault', () => {
  const sync = someSync({ source: { paths: ['secret/app/db', 'kv/app/*', 'infra/**'] }, dest: [{ aws: {} }] });

  function worldOfMounts(): FakeWorld {
    const world = worldWith('app/db', 'app/other');
    world.vault.mounted('kv').put('app/web', { of: 'kv' });
    world.vault.mounted('kv').put('other', { of: 'kv' });
    world.vault.mounted('infra').put('dns/zone', { of: 'infra' });
    return world;
  }

  test('are all selected from', async () => {
    const world = worldOfMounts();

    await world.reconcile(sync);

    expect(world.aws.values()).toEqual({
      'app/db': '{"name":"app/db"}',
      'app/web': '{"of":"kv"}',
      'dns/zone': '{"of":"infra"}',
    });
  });

  test('an event of one mount is none of the other, whatever the name', async () => {
    const world = worldOfMounts();
    world.vault.mounted('kv').put('app/db', { of: 'kv' });

    await world.follow('app/other', sync);
    await world.follow('app/web', sync, { place: { namespace: '', mount: 'kv', name: 'app/web' } });

    expect(copiesIn(world)).toEqual(['app/web']);
  });

  test('secrets of two mounts with one name meet, and the first by its source has the copy', async () => {
    const world = worldOfMounts();
    world.vault.mounted('kv').put('app/db', { of: 'kv' });

    await world.reconcile(sync);

    expect(world.aws.copies.get('app/db')?.value).toBe('{"of":"kv"}');
    expect(world.results.filter(({ reason }) => reason === 'NameCollision')).toHaveLength(1);
  });

  test('the uuid of each is part of the proof of its own secrets', async () => {
    const world = worldOfMounts();
    await world.reconcile(sync);
    world.clock.now += 61_000;
    world.vault.mounted('kv').remount();
    world.vault.mounted('infra').deleteMetadata('dns/zone');

    await world.reconcile(sync);

    expect(copiesIn(world)).toEqual(['app/db', 'app/web']);
  });

  test('when one of them does not list, nothing is taken away anywhere', async () => {
    const world = worldOfMounts();
    await world.reconcile(sync);
    world.clock.now += 1_000;
    world.vault.delete('app/db');
    world.vault.mounted('infra').failing = sourceUnavailable('VaultSealed');

    const edited = someSync(
      { ...sync.spec, source: { paths: ['secret/app/db', 'infra/**'] }, dest: awsOnly, removalPolicy: 'Delete' },
      { generation: 2 },
    );
    const reconciling = world.reconcile(edited);

    await expect(reconciling).rejects.toThrow('VaultSealed');
    expect(copiesIn(world)).toHaveLength(3);
  });
});
