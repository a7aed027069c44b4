import { describe, expect, test } from '@jest/globals';
import { worldWithChange } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

const sync = someSync({ dest: everywhere });

describe('writes that are held back', () => {
  test('paused writes stop every change, and say so', async () => {
    const world = await worldWithChange(sync);
    world.paused = true;

    await world.follow('app/db', sync);
    world.vault.delete('app/db');
    await world.follow('app/db', sync);

    expect(world.stores.flatMap((store) => store.callsOf('write', 'remove'))).toEqual([]);
    expect(world.results.map(({ change, planned }) => `${change} ${planned}`)).toEqual([
      ...Array(3).fill('paused updated'),
      ...Array(3).fill('paused deleted'),
    ]);
    expect(world.results[0]?.message).toContain('`writes: paused`');
    expect(world.places).toEqual([]);
  });

  test('what was paused is done once writes are enabled', async () => {
    const world = await worldWithChange(sync);
    world.paused = true;
    await world.follow('app/db', sync);
    world.paused = false;

    await world.follow('app/db', sync);

    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"eve"}');
  });

  test('a dry run reads and plans, and writes nothing', async () => {
    const world = await worldWithChange(sync);
    const dry = someSync({ dest: everywhere, dryRun: true });

    await world.follow('app/db', dry);
    world.vault.delete('app/db');
    await world.follow('app/db', dry);

    expect(world.stores.flatMap((store) => store.callsOf('write', 'remove'))).toEqual([]);
    expect(world.results.map(({ change, planned }) => `${change} ${planned}`)).toEqual([
      ...Array(3).fill('dryRun updated'),
      ...Array(3).fill('dryRun deleted'),
    ]);
    expect(world.places).toEqual([]);
  });

  test('a dry run of what is in sync already says unchanged', async () => {
    const world = await worldWithChange(sync);
    await world.follow('app/db', sync);
    world.quiet();

    await world.follow('app/db', someSync({ dest: everywhere, dryRun: true }), { verify: true });

    expect(world.results.map(({ change }) => change)).toEqual(['unchanged', 'unchanged', 'unchanged']);
  });
});
