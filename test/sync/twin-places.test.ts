import { describe, expect, test } from '@jest/globals';
import { FakeStore } from './fake-store.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

/** A world whose AWS place was called by another name before; both names lead to the same copies. */
async function renamedPlace() {
  const world = new FakeWorld();
  const sync = someSync({ path: 'secret/app/(.*)', removalPolicy: 'Delete' });
  world.vault.put('app/db', { user: 'ada' });
  const before = new FakeStore('aws:eu-west-1:123456789012');
  Object.assign(before, { copies: world.aws.copies });
  const target = world.target.bind(world);
  world.target = async () => before;
  await world.reconcile(sync);
  world.target = target;
  world.targetAt = async ({ destination }) => (destination === before.scope ? before : world.aws);
  Object.assign(world.aws, { mayBeAt: (scope: string) => scope === before.scope });
  const status = { destinations: [{ destination: before.scope }] };
  return { world, before, moved: { ...sync, generation: 2, status } };
}

describe('a place that goes by another name after an edit', () => {
  test('keeps its copies: they are not left over', async () => {
    const { world, before, moved } = await renamedPlace();
    world.clock.now += 1_000;

    const { places } = await world.reconcile(moved);

    expect([...world.aws.copies.keys()]).toEqual(['app/db']);
    expect([...world.aws.callsOf('remove'), ...before.callsOf('remove')]).toEqual([]);
    expect(places).toMatchObject([
      { destination: before.scope, unswept: expect.stringContaining('under another name') },
    ]);
  });

  test('is forgotten under its old name, and its copies are known under the new one', async () => {
    const { world, moved } = await renamedPlace();
    world.clock.now += 1_000;

    await world.reconcile(moved);

    expect([...world.ledger.entries.keys()]).toEqual(['aws:eu-west-1:/app/db']);
  });
});
