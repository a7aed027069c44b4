import { describe, expect, test } from '@jest/globals';
import { walkFolders } from '../../src/vault/listing.ts';
import { calm, collect } from './world.ts';

/** Folders and what they hold; counts how many are being listed. */
function fakeFolders(folders: Record<string, readonly string[]>) {
  const state = { atOnce: 0, most: 0, listed: [] as string[], signals: [] as AbortSignal[] };
  const list = async (folder: string, signal: AbortSignal) => {
    state.atOnce += 1;
    state.most = Math.max(state.most, state.atOnce);
    state.listed.push(folder);
    state.signals.push(signal);
    await new Promise((resolve) => setImmediate(resolve));
    state.atOnce -= 1;
    const keys = folders[folder];
    if (keys === undefined) throw new Error(`no folder ${folder}`);
    return keys;
  };
  return { state, list };
}

describe('walking folders', () => {
  test('lists at most four at once and hands out names in an order that never changes', async () => {
    const wide = Array.from({ length: 20 }, (_, i) => `f${i}/`);
    const { list, state } = fakeFolders({ '': wide, ...Object.fromEntries(wide.map((folder) => [folder, ['x']])) });

    const names = await collect(walkFolders({ prefix: '', signal: calm, list }));

    expect(names).toEqual(wide.map((folder) => `${folder}x`));
    expect(state.most).toBe(4);
  });

  test('fails when one folder fails, and lists no further', async () => {
    const { list, state } = fakeFolders({ '': ['a/', 'broken/', 'b/', 'c/', 'd/', 'e/', 'f/'], 'a/': ['x'], 'b/': [] });

    const walk = collect(walkFolders({ prefix: '', signal: calm, list }));

    await expect(walk).rejects.toThrow('no folder broken/');
    expect(state.listed).not.toContain('f/');
    expect(state.signals.every((signal) => signal.aborted)).toBe(true);
  });

  test('ends its requests when it is left early', async () => {
    const { list, state } = fakeFolders({ '': ['a', 'b/'], 'b/': ['c'] });

    for await (const _name of walkFolders({ prefix: '', signal: calm, list })) break;

    expect(state.listed).toEqual(['']);
    expect(state.signals.every((signal) => signal.aborted)).toBe(true);
  });
});
