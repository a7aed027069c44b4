import { describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { planClasses } from '../../src/sync/plan-class.ts';
import { FakeWorld } from '../sync/fake-world.ts';
import { someSync } from '../sync/some-sync.ts';
import { classesOf, plan, run } from './run-world.ts';

/** One sync for each class that a plan knows, in a world in which just that is due. */
async function worldOfEveryClass(): Promise<{ world: FakeWorld; syncs: VaultSecretSync[] }> {
  const world = new FakeWorld();
  const syncFor = (name: string, wishes: Parameters<typeof someSync>[0] = {}) =>
    someSync({ path: `secret/${name}`, ...wishes }, { name, generation: 2, createdAt: 1 });
  const before = [
    syncFor('update'),
    syncFor('metadata-only', { dest: [{ aws: { tags: { team: 'a' } } }] }),
    syncFor('delete'),
    syncFor('guarded'),
    syncFor('skip'),
    syncFor('unchanged'),
  ];
  for (const { name } of before) world.vault.put(name, { user: name });
  await run(world, before);
  world.clock.now += 1_000;
  for (const name of ['create', 'adopt', 'conflict', 'update']) world.vault.put(name, { user: 'new' });
  world.vault.put('failed', { user: 'x'.repeat(2_000) });
  for (const name of ['delete', 'guarded', 'skip']) world.vault.delete(name);
  world.aws.place('adopt');
  world.aws.place('conflict', { owner: 'somebody', ref: 'other/sync' });
  const syncs = [
    syncFor('create'),
    syncFor('update'),
    syncFor('metadata-only', { dest: [{ aws: { tags: { team: 'b' } } }] }),
    syncFor('adopt', { adoptionPolicy: 'IfUnowned' }),
    syncFor('delete'),
    syncFor('guarded', { maxDeletions: 0 }),
    syncFor('conflict'),
    syncFor('failed'),
    syncFor('skip', { deletionPolicy: 'Retain' }),
    syncFor('unchanged'),
  ];
  return { world, syncs };
}

/** Everything that could have been written to, as text. */
function everythingIn(world: FakeWorld): string {
  const { ledger, leases, woken, places, budgets, stores } = world;
  return JSON.stringify([
    [...ledger.entries],
    [...ledger.facts],
    [...leases.held.keys()],
    woken,
    places,
    budgets,
    stores.map(({ copies }) => [...copies]),
  ]);
}

describe('a plan', () => {
  test('is what a run then does, class by class', async () => {
    const { world, syncs } = await worldOfEveryClass();

    const planned = classesOf(await plan(world, syncs));
    const done = classesOf(await run(world, syncs));

    expect(planned).toEqual(planClasses.map((name) => `team-a/${name} ${name} aws:eu-west-1:/${name}`).sort());
    expect(done).toEqual(planned);
  });

  test('is what a dry run of the operator finds, which sums it up in the status', async () => {
    const { world, syncs } = await worldOfEveryClass();

    const planned = classesOf(await plan(world, syncs));
    const looked = classesOf(
      await run(
        world,
        syncs.map((sync) => ({ ...sync, spec: { ...sync.spec, dryRun: true } })),
      ),
    );

    expect(looked).toEqual(planned);
  });

  test('is the same from the stores alone, but for what only the ledger knows', async () => {
    const { world, syncs } = await worldOfEveryClass();

    const planned = classesOf(await plan(world, syncs, { remembers: false }));
    world.ledger.lose();
    const done = classesOf(await run(world, syncs));

    expect(done).toEqual(planned);
    expect(planned).toContain('team-a/update update aws:eu-west-1:/update');
  });

  test('writes nothing anywhere: no store, ledger, lease, deletion log, budget, status, waiting list', async () => {
    const { world, syncs } = await worldOfEveryClass();
    const refused = new Error('a plan must not write');
    for (const { failing } of world.stores) failing.set('write', refused).set('remove', refused);
    const before = everythingIn(world);
    world.quiet();

    await plan(world, syncs);

    expect(everythingIn(world)).toBe(before);
    expect(world.calls().filter((call) => / (write|remove) /.test(call))).toEqual([]);
    expect(await world.deletions.count('team-a/delete', { windowMs: 600_000, now: world.now() })).toBe(0);
  });

  test('finds that two syncs want one copy: the earlier one creates it, the later one conflicts', async () => {
    const world = new FakeWorld();
    world.vault.put('one', { user: 'ada' });
    world.vault.put('other', { user: 'eve' });
    const into = { dest: [{ aws: { name: 'shared' } }] };
    const later = someSync({ path: 'secret/one', ...into }, { name: 'a-later', createdAt: 2 });
    const earlier = someSync({ path: 'secret/other', ...into }, { name: 'z-earlier', createdAt: 1 });

    const planned = await plan(world, [later, earlier]);
    const done = await run(world, [later, earlier]);

    expect(planned.map(({ sync }) => sync)).toEqual(['team-a/z-earlier', 'team-a/a-later']);
    expect(classesOf(planned)).toEqual([
      'team-a/a-later conflict aws:eu-west-1:/shared',
      'team-a/z-earlier create aws:eu-west-1:/shared',
    ]);
    expect(planned[1]?.results[0]?.message).toContain('belongs to team-a/z-earlier');
    expect(classesOf(done)).toEqual(classesOf(planned));
  });

  test('finds it also where names follow from patterns and from what Vault says', async () => {
    const world = new FakeWorld();
    world.vault.put('one/db', { user: 'ada' }, { app: 'shared' });
    world.vault.put('other/db', { user: 'eve' });
    const first = someSync(
      { path: 'secret/other/(.*)', dest: [{ aws: { name: 'shared' } }] },
      { name: 'first', createdAt: 1 },
    );
    const second = someSync(
      { path: 'secret/one/(.*)', dest: [{ aws: { name: '{{ .metadata.app }}' } }] },
      { name: 'second', createdAt: 2 },
    );

    const planned = classesOf(await plan(world, [second, first]));

    expect(planned).toEqual([
      'team-a/first create aws:eu-west-1:/shared',
      'team-a/second conflict aws:eu-west-1:/shared',
    ]);
    expect(classesOf(await run(world, [second, first]))).toEqual(planned);
  });

  test('lets the later sync have a copy that a dry run of the earlier one only looks at', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const looking = someSync({ dryRun: true }, { name: 'looking', createdAt: 1 });
    const writing = someSync({}, { name: 'writing', createdAt: 2 });

    const planned = await plan(world, [looking, writing]);

    expect(classesOf(planned)).toEqual([
      'team-a/looking create aws:eu-west-1:/app/db',
      'team-a/writing create aws:eu-west-1:/app/db',
    ]);
    expect(classesOf(await run(world, [looking, writing]))).toEqual(classesOf(planned));
    expect([...world.aws.copies.values()].map(({ ref }) => ref)).toEqual(['team-a/writing secret/app/db 9840409d']);
  });

  test('leaves suspended syncs alone, and deletes the copies of one that is being deleted', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    world.vault.put('app/more', { user: 'eve' });
    const removal = { removalPolicy: 'Delete' } as const;
    const kept = someSync({ suspend: true, path: 'secret/app/more' }, { name: 'kept' });
    await run(world, [someSync(removal), { ...kept, spec: { ...kept.spec, suspend: false } }]);
    const going = someSync(removal, { deleting: true });

    const planned = await plan(world, [going, kept]);

    expect(planned.map(({ sync, mode }) => [sync, mode])).toEqual([
      ['team-a/db', 'deleting'],
      ['team-a/kept', 'suspended'],
    ]);
    expect(classesOf(planned)).toEqual(['team-a/db delete aws:eu-west-1:/app/db']);
    expect(classesOf(await run(world, [going, kept]))).toEqual(classesOf(planned));
    expect([...world.aws.copies.keys()]).toEqual(['app/more']);
  });

  test('takes from the status which mount it was, so that a bare not-found proves what it proves to the operator', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    await run(world, [someSync()]);
    // Its mark does not tell.
    world.aws.place('app/db', { ...world.aws.copies.get('app/db'), ref: 'team-a/db' });
    world.vault.deleteMetadata('app/db');
    const status = { sourceMounts: [{ mount: 'secret', uuid: world.vault.mountUuid }] };

    const knowing = await plan(world, [someSync({}, { status })], { remembers: false });
    const unknowing = await plan(world, [someSync()], { remembers: false });

    expect(classesOf(knowing)).toEqual(['team-a/db delete aws:eu-west-1:/app/db']);
    expect(classesOf(unknowing)).toEqual(['team-a/db failed aws:eu-west-1:/app/db']);
  });

  test('that is told to stop says so of the sync it was at, and begins no other', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const stopping = new AbortController();
    world.vault.duringRead = () => stopping.abort();

    const planned = await plan(world, [someSync(), someSync({}, { name: 'next' })], { signal: stopping.signal });

    expect(planned).toMatchObject([{ sync: 'team-a/db', problems: [{ reason: 'Interrupted' }] }]);
  });

  test('tells why a sync could not be looked at, and goes on with the others', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const unknown = someSync({ source: { address: 'https://nowhere.example.com' } }, { name: 'a-unknown' });

    const planned = await plan(world, [unknown, someSync()]);

    expect(planned[0]?.problems).toMatchObject([{ reason: 'VaultUnknown' }]);
    expect(classesOf(planned)).toEqual(['team-a/db create aws:eu-west-1:/app/db']);
  });
});
