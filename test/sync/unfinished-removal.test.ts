import { describe, expect, test } from '@jest/globals';
import type { FakeWorld } from './fake-world.ts';
import { worldInSync } from './fake-world.ts';
import { someSync } from './some-sync.ts';

/** A store that first hides a deleted copy and takes it away for good with a second call. */
function purgeInTwoSteps(world: FakeWorld): void {
  const { aws } = world;
  const remove = aws.remove.bind(aws);
  Object.assign(aws, {
    hasMoreToRemove: () => true,
    remove: async (...given: Parameters<typeof remove>) => {
      const [observed] = given;
      if (observed.existence === 'pendingDeletion') return remove(...given);
      const copy = aws.copies.get(observed.name);
      if (copy) aws.copies.set(observed.name, { ...copy, existence: 'pendingDeletion' });
      throw new Error('the purge was refused for now');
    },
  });
}

describe('a removal that a store has not finished', () => {
  test('is taken up again when the copy is tried again', async () => {
    const sync = someSync({});
    const world = await worldInSync(sync);
    purgeInTwoSteps(world);
    world.vault.delete('app/db');

    const { results } = await world.follow('app/db', sync);
    await world.follow('app/db', sync, { only: results[0]?.copy ?? '', verify: true });

    expect(results).toMatchObject([{ change: 'failed' }]);
    expect(world.aws.copies.size).toBe(0);
  });

  test('is none where the store says nothing of it: a copy that is being deleted counts as gone', async () => {
    const sync = someSync({});
    const world = await worldInSync(sync);
    world.vault.delete('app/db');
    const copy = world.aws.copies.get('app/db');
    if (copy) world.aws.copies.set('app/db', { ...copy, existence: 'pendingDeletion' });

    await world.follow('app/db', sync, { verify: true });

    expect(world.aws.callsOf('remove')).toEqual([]);
  });
});
