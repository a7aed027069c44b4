import { describe, expect, test } from '@jest/globals';
import { answerLost } from './fake-store.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const early = someSync({}, { name: 'early', createdAt: 1 });
const late = someSync({}, { name: 'late', createdAt: 2 });
const copyInAws = 'aws:eu-west-1:/app/db';

function worldWithSecret(): FakeWorld {
  const world = new FakeWorld();
  world.vault.put('app/db', { user: 'ada' });
  return world;
}

/** A world in which a sync wants the copy, and could not write it. */
async function worldWithClaim(sync: typeof early): Promise<FakeWorld> {
  const world = worldWithSecret();
  world.aws.failing.set('write', answerLost());
  await world.follow('app/db', sync);
  world.aws.failing.clear();
  world.quiet();
  return world;
}

describe('of two syncs that want a copy which neither has written', () => {
  test('the one that was created earlier has it, though it comes later', async () => {
    const world = await worldWithClaim(late);

    await world.follow('app/db', early);
    await world.follow('app/db', late);

    expect(world.results.map(({ sync, change }) => `${sync} ${change}`)).toEqual([
      'team-a/early created',
      'team-a/late conflict',
    ]);
  });

  test('the one that was created later waits, and looks at no store', async () => {
    const world = await worldWithClaim(early);

    await world.follow('app/db', late);

    expect(world.calls()).toEqual([]);
    expect(world.results).toMatchObject([{ change: 'conflict', reason: 'OwnedByAnother', retry: null }]);
    expect(world.results[0]?.message).toBe(
      'aws:eu-west-1:/app/db is wanted by team-a/early too, which was there first; nothing was written. Choose another name',
    );
    expect(world.ledger.entries.get(copyInAws)).toMatchObject({ sync: 'team-a/early', state: 'failed' });
  });

  test.each([
    ['a', 'b'],
    ['b', 'a'],
  ])('of the same age, the first by name has it, whether %s or %s comes first', async (first, second) => {
    const world = await worldWithClaim(someSync({}, { name: first }));

    await world.follow('app/db', someSync({}, { name: second }));
    await world.follow('app/db', someSync({}, { name: first }));

    expect(world.aws.copies.get('app/db')?.ref).toMatch(/^team-a\/a /);
  });

  test.each<[string, (world: FakeWorld) => void]>([
    ['is gone', (world) => world.gone.add('team-a/early')],
    ['only complains of it', (world) => setState(world, 'conflict')],
    ['only plans it', (world) => setState(world, 'dryRun')],
  ])('the later one has it where the earlier one %s', async (_title, change) => {
    const world = await worldWithClaim(early);
    change(world);

    await world.follow('app/db', late);

    expect(world.aws.copies.get('app/db')?.ref).toMatch(/^team-a\/late /);
    expect(world.ledger.entries.get(copyInAws)).toMatchObject({ sync: 'team-a/late', state: 'synced' });
  });
});

describe('a sync that has written the copy', () => {
  test.each(['synced', 'failed', 'drifted', 'retained', 'waiting', 'guarded'] as const)(
    'keeps it from an earlier one while it is %s',
    async (state) => {
      const world = worldWithSecret();
      await world.follow('app/db', late);
      setState(world, state);
      world.quiet();

      await world.follow('app/db', early);

      expect(world.calls()).toEqual([]);
      expect(world.results).toMatchObject([{ change: 'conflict' }]);
      expect(world.results[0]?.message).toContain('belongs to team-a/late; nothing was written');
    },
  );

  test('keeps it from one that takes over only what nobody owns', async () => {
    const world = worldWithSecret();
    await world.follow('app/db', late);

    await world.follow('app/db', someSync({ adoptionPolicy: 'IfUnowned' }, { name: 'early' }));

    expect(world.aws.copies.get('app/db')?.ref).toMatch(/^team-a\/late /);
  });

  test.each<[string, object, 'Never' | 'Always']>([
    ['its manifest', { adoptionPolicy: 'Always' }, 'Never'],
    ["the operator's setting", {}, 'Always'],
  ])('loses it to one that takes over what is owned, by %s', async (_title, wishes, defaultPolicy) => {
    const world = worldWithSecret();
    await world.follow('app/db', early);
    world.defaultAdoptionPolicy = defaultPolicy;

    await world.follow('app/db', someSync(wishes, { name: 'late', createdAt: 2 }));

    expect(world.results.at(-1)).toMatchObject({ change: 'adopted', message: 'belonged to team-a/early' });
    expect(world.ledger.entries.get(copyInAws)?.sync).toBe('team-a/late');
  });

  test('is gone: its mark in the store still counts', async () => {
    const world = worldWithSecret();
    await world.follow('app/db', early);
    world.gone.add('team-a/early');

    await world.follow('app/db', late);

    expect(world.results.at(-1)).toMatchObject({ change: 'conflict' });
    expect(world.aws.copies.get('app/db')?.ref).toMatch(/^team-a\/early /);
  });
});

function setState(
  world: FakeWorld,
  state: 'conflict' | 'dryRun' | 'synced' | 'failed' | 'drifted' | 'retained' | 'waiting' | 'guarded',
) {
  const record = world.ledger.entries.get(copyInAws)!;
  world.ledger.entries.set(copyInAws, { ...record, state });
}
