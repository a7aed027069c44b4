import { describe, expect, test } from '@jest/globals';
import { FakeWorld, worldInSync } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

const sync = someSync({ dest: everywhere });

describe('a stale reading', () => {
  test('is written nowhere, and read again a second later', async () => {
    const world = await worldInSync(sync);
    const older = world.vault.answer('app/db');
    world.vault.put('app/db', { user: 'eve' });
    await world.follow('app/db', sync);
    world.vault.lagging = older;
    world.quiet();

    const outcome = await world.follow('app/db', sync);

    expect(outcome).toMatchObject({ outcome: 'later', afterMs: 1_000, reason: 'StaleRead' });
    expect(world.calls()).toEqual([]);
  });

  test('is believed after 60 s: a snapshot was restored', async () => {
    const world = await worldInSync(sync);
    const older = world.vault.answer('app/db');
    world.vault.put('app/db', { user: 'eve' });
    await world.follow('app/db', sync);
    world.vault.lagging = older;
    await world.follow('app/db', sync);
    world.clock.now += 59_999;
    const early = await world.follow('app/db', sync);
    world.clock.now += 1;

    const { outcome } = await world.follow('app/db', sync);

    expect([early.outcome, outcome]).toEqual(['later', 'done']);
    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"ada"}');
  });

  test('is known by the version that an event told, before anything was written', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    world.clock.now += 5;
    const heard = { version: 2, versionAt: world.clock.now, at: world.clock.now };

    const early = await world.follow('app/db', sync, { heard });
    world.clock.now += 60_000;
    const late = await world.follow('app/db', sync, { heard });

    expect([early.outcome, late.outcome]).toEqual(['later', 'done']);
  });

  test('is believed for every copy in the end, though each was doubted since a time of its own', async () => {
    const world = await worldInSync(sync);
    world.clock.now += 61_000;
    world.vault.put('app/db', { user: 'eve' });
    world.vault.deleteMetadata('app/db');
    // Told by a webhook whose clock is behind; what tells of the deletion was lost.
    const at = world.clock.now - 300_000;
    const hear = () => world.follow('app/db', sync, { heard: { version: 2, versionAt: at, at } });
    await hear();
    for (const [index, [id, entry]] of [...world.ledger.entries].entries()) {
      world.ledger.entries.set(id, { ...entry, staleSince: (entry.staleSince ?? 0) - index * 20_000 });
    }

    const outcomes: string[] = [];
    while (outcomes.at(-1) !== 'done' && outcomes.length < 200) {
      world.clock.now += 1_000;
      outcomes.push((await hear()).outcome);
    }

    expect(outcomes).toHaveLength(60);
    expect(world.stores.flatMap(({ copies }) => [...copies])).toEqual([]);
  });

  test('new life of a secret is no stale reading', async () => {
    const world = await worldInSync(sync);
    world.vault.put('app/db', { user: 'eve' });
    const heard = { version: 2, versionAt: world.clock.now, at: world.clock.now };
    await world.follow('app/db', sync);
    world.clock.now += 1;
    world.vault.deleteMetadata('app/db');
    world.vault.put('app/db', { user: 'new' });

    const { outcome } = await world.follow('app/db', sync, { heard });

    expect(outcome).toBe('done');
    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"new"}');
  });

  test('is not known by the versions of another secret that the copy was made from before', async () => {
    const world = await worldInSync(sync);
    world.vault.put('app/web', { user: 'web' });
    world.clock.now += 1;
    for (const user of ['one', 'two', 'three']) world.vault.put('app/db', { user });
    await world.follow('app/db', someSync({ dest: [{ aws: { name: 'x' } }] }));

    const edited = someSync({ path: 'secret/app/web', dest: [{ aws: { name: 'x' } }] }, { generation: 2 });
    const { outcome } = await world.follow('app/web', edited);

    expect(outcome).toBe('done');
    expect(world.aws.copies.get('x')?.value).toBe('{"user":"web"}');
  });

  test("is not known by the versions of another sync's copy: that is a conflict at once", async () => {
    const world = new FakeWorld();
    world.vault.put('app/web', { user: 'web' });
    world.clock.now += 1;
    for (const user of ['one', 'two', 'three']) world.vault.put('app/db', { user });
    await world.follow('app/db', someSync({ dest: [{ aws: { name: 'x' } }] }));

    const rival = someSync({ path: 'secret/app/web', dest: [{ aws: { name: 'x' } }] }, { name: 'rival' });
    const { outcome } = await world.follow('app/web', rival);

    expect(outcome).toBe('done');
    expect(world.results.at(-1)).toMatchObject({ change: 'conflict', sync: 'team-a/rival' });
  });

  test("doubt beside another's record ends too", async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', someSync());
    world.clock.now += 1_000;
    const rival = someSync({ adoptionPolicy: 'Always' }, { name: 'rival' });
    const heard = { version: 2, versionAt: world.clock.now, at: world.clock.now };

    const early = await world.follow('app/db', rival, { heard });
    world.clock.now += 60_000;
    const late = await world.follow('app/db', rival, { heard });

    expect([early.outcome, late.outcome]).toEqual(['later', 'done']);
    expect(world.aws.copies.get('app/db')?.ref).toMatch(/^team-a\/rival /);
  });
});
