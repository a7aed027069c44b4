import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../fakes.ts';
import { changeOf, makeTailWorld, type TailWorld } from './tail-world.ts';

let world: TailWorld;

beforeEach(async () => {
  world = await makeTailWorld();
});

afterEach(() => world.close());

/** Compresses a rotated file, as logrotate does. */
async function compress(file: string, ending: '.gz' | '.zst' = '.gz'): Promise<void> {
  const whole = await readFile(file);
  await writeFile(`${file}${ending}`, ending === '.gz' ? gzipSync(whole) : zstdCompressSync(whole));
  await rm(file);
}

describe('a followed file', () => {
  test('is heard line by line from where it ends at the first start', async () => {
    await world.change('before');
    await world.start();

    await world.change('a', 'b');
    const first = await world.heard(2);
    await world.change('c');
    const second = await world.heard(1);

    expect([first, second]).toEqual([['a', 'b'], ['c']]);
    expect(await world.count('fileLosses')).toBe(0);
  });

  test('is heard from its beginning when it appears later', async () => {
    const tail = await world.start();
    const problem = tail.problem();

    await world.change('a');

    expect(await world.heard(1)).toEqual(['a']);
    expect(problem).toContain('does not exist');
    await eventually(() => tail.problem() === null, 'no problem any more');
  });

  test('gives a line that is written in pieces once it is whole', async () => {
    await writeFile(world.log, '');
    await world.start();
    const line = changeOf('a');

    await appendFile(world.log, line.slice(0, 200));
    await world.change();
    await appendFile(world.log, line.slice(200) + changeOf('b'));

    expect(await world.heard(2)).toEqual(['a', 'b']);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(0);
  });

  test('counts and skips what is no JSON or too long, and goes on', async () => {
    await writeFile(world.log, '');
    await world.start({ maxLineBytes: 300_000 });

    await appendFile(world.log, `no JSON\n${'{"x":"'.padEnd(1_000_000, 'x')}"}\n`);
    await world.change('a');

    expect(await world.heard(1)).toEqual(['a']);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(2);
  });

  test('is gone on with after a restart where it was left', async () => {
    await world.change('before');
    await world.start();
    await world.change('a');
    await world.heard(1);
    await world.stop();
    await world.change('b', 'c');

    await world.start();

    expect(await world.heard(2)).toEqual(['b', 'c']);
    await world.stop();
    expect(await world.savedOffset()).toBe(await world.sizeOf(world.log));
    expect(await world.count('fileLosses')).toBe(0);
  });

  test('is read on at a line after a restart in the midst of one', async () => {
    await writeFile(world.log, '');
    await world.start();
    const line = changeOf('b');
    await appendFile(world.log, changeOf('a') + line.slice(0, 100));
    await world.heard(1);
    await world.stop();
    await appendFile(world.log, line.slice(100));

    await world.start();

    expect(await world.heard(1)).toEqual(['b']);
  });

  test('waits while the queue is away, and loses and sheds nothing', async () => {
    await writeFile(world.log, '');
    await world.start();
    await world.change('first');
    await world.heard(1);
    world.state.mode = 'refusing';
    const names = Array.from({ length: 12_000 }, (_, index) => `app-${index}`);

    await world.change(...names);
    await eventually(() => world.state.calls > 2, 'the queue to refuse');
    const lagging = names.map(changeOf).join('').length;
    await eventually(
      async () => (await world.metrics.fileLag.get()).values[0]?.value === lagging,
      'the lag of all that was written',
    );
    world.state.mode = 'up';

    expect(await world.heard(names.length)).toEqual(names);
    expect(world.reconciles()).toBe(0);
  });

  test('keeps its checkpoint behind what the queue has taken', async () => {
    await writeFile(world.log, '');
    await world.start();
    await world.change('a');
    await world.heard(1);
    const taken = await world.sizeOf(world.log);
    world.state.mode = 'refusing';
    await world.change('b');
    await eventually(() => world.state.calls > 1, 'the queue to refuse');

    await world.stop();
    const saved = await world.savedOffset();
    world.state.mode = 'up';
    await world.start();

    expect(saved).toBe(taken);
    expect(await world.heard(1)).toEqual(['b']);
  });

  test('may be a link', async () => {
    const target = join(world.folder, 'there', 'audit.log');
    await mkdir(join(world.folder, 'there'));
    await writeFile(target, '');
    await symlink(target, world.log);
    await world.start();
    await world.change('a');
    await world.heard(1);
    await world.stop();
    await world.change('b');
    await rename(target, `${target}.1`);
    await writeFile(target, changeOf('c'));

    await world.start();

    expect(await world.heard(2)).toEqual(['b', 'c']);
    expect(await world.count('fileLosses')).toBe(0);
  });

  test('that cannot be read is a problem until it can, and then asks for a reconcile', async () => {
    // A link, for it can be exchanged for a file at once.
    await symlink(world.folder, world.log);
    const tail = await world.start();
    const problem = tail.problem();

    const file = join(world.folder, 'new');
    await writeFile(file, changeOf('unheard'));
    await rename(file, world.log);
    await eventually(() => tail.problem() === null, 'no problem any more');
    await world.change('a');

    expect(problem).toContain('cannot be read');
    expect(await world.heard(1)).toEqual(['a']);
    await eventually(() => world.reconciles() === 1, 'the reconcile');
  });
});

describe('a file that is renamed', () => {
  beforeEach(async () => {
    await writeFile(world.log, '');
  });

  afterEach(async () => {
    expect(await world.count('fileLosses')).toBe(0);
    expect(world.reconciles()).toBe(0);
  });

  test('is read to its end before the next', async () => {
    await world.start();
    await world.change('a');
    await world.heard(1);

    await world.rotateTo('audit.log.1');
    await world.change('b');

    expect(await world.heard(1)).toEqual(['b']);
    expect(await world.count('fileRotations', { how: 'renamed' })).toBe(1);
  });

  test('is followed while its writer has not been told, though the next file exists', async () => {
    await world.start();
    const rotated = await world.rotateTo('audit.log.1');
    await writeFile(world.log, '');

    const late = Array.from({ length: 20 }, (_, index) => `late-${index}`);
    const heard: string[] = [];
    for (const name of late) {
      await appendFile(rotated, changeOf(name));
      heard.push(...(await world.heard(1)));
    }
    await world.change('next');

    expect([...heard, ...(await world.heard(1))]).toEqual([...late, 'next']);
  });

  test('is found again after a restart, with all that follow it', async () => {
    await world.start();
    await world.change('a');
    await world.heard(1);
    await world.stop();
    await world.change('b');
    await world.rotateTo('audit.log.2');
    await world.change('c');
    await world.rotateTo('audit.log.1');
    await world.change('d');

    await world.start();

    expect(await world.heard(3)).toEqual(['b', 'c', 'd']);
    expect(await world.count('fileRotations', { how: 'renamed' })).toBe(2);
  });

  test.each(['.gz', '.zst'] as const)('is found again after a restart when it was compressed to %s', async (ending) => {
    await world.start();
    await world.change('a');
    await world.heard(1);
    await world.stop();
    await world.change('b');
    await compress(await world.rotateTo('audit.log-20261120'), ending);
    await world.change('c');
    await compress(await world.rotateTo('audit.log-20261121'), ending);
    await world.change('d');

    await world.start();

    expect(await world.heard(3)).toEqual(['b', 'c', 'd']);
  });

  test.each(['there', 'renamed'])('that was empty is read from its beginning after a restart, %s', async (where) => {
    await world.start();
    await world.stop();
    await world.change('a');
    if (where === 'renamed') await world.rotateTo('audit.log.1');
    await world.change('b');

    await world.start();

    expect(await world.heard(2)).toEqual(['a', 'b']);
  });

  test('is gone on with in the midst of what was compressed', async () => {
    const names = Array.from({ length: 2_000 }, (_, index) => `app-${index}`);
    await world.start();
    await world.change(...names);
    await world.heard(names.length);
    await world.stop();
    await world.change('b');
    await compress(await world.rotateTo('audit.log.1'));

    await world.start();

    expect(await world.heard(1)).toEqual(['b']);
  });

  test('is not read twice when it is compressed while it is followed', async () => {
    await world.start();
    await world.change('a');
    await world.heard(1);

    await compress(await world.rotateTo('audit.log.1'));
    await world.change('b');

    expect(await world.heard(1)).toEqual(['b']);
    expect(await world.count('fileRotations')).toBe(1);
  });

  test('leaves none out that came and went between two looks', async () => {
    await world.start();
    await world.change('a');
    await world.heard(1);
    world.state.mode = 'refusing';
    await world.change('b');
    await eventually(() => world.state.calls > 1, 'the queue to refuse');

    for (const [index, name] of ['c', 'd', 'e'].entries()) {
      await world.rotateTo(`audit.log-2026112${index}`);
      await world.change(name);
    }
    world.state.mode = 'up';

    expect(await world.heard(4)).toEqual(['b', 'c', 'd', 'e']);
  });

  test('is read to its end after it was deleted', async () => {
    await world.start();
    await world.change('a');
    await world.heard(1);
    world.state.mode = 'refusing';
    await world.change('b');
    await eventually(() => world.state.calls > 1, 'the queue to refuse');

    await rm(world.log);
    await world.change('c');
    world.state.mode = 'up';

    expect(await world.heard(2)).toEqual(['b', 'c']);
  });
});

describe('what may be lost', () => {
  test('of a truncated file is said, and the file is read from its beginning', async () => {
    await writeFile(world.log, '');
    await world.start();
    await world.change('a', 'b', 'c');
    await world.heard(3);

    await truncate(world.log);
    await world.change('d');

    expect(await world.heard(1)).toEqual(['d']);
    expect(await world.count('fileLosses')).toBe(1);
    expect(await world.count('fileRotations', { how: 'truncated' })).toBe(1);
    await eventually(() => world.reconciles() === 1, 'the reconcile');
  });

  test('of one that has outgrown what it was is seen too', async () => {
    await writeFile(world.log, '');
    await world.start();
    await world.change('a');
    await world.heard(1);
    world.state.mode = 'refusing';
    await world.change('b');
    await eventually(() => world.state.calls > 1, 'the queue to refuse');

    await writeFile(
      world.log,
      ['d', 'e', 'f', 'g', 'h'].map((name) => `${changeOf(`${name}-of-a-longer-name`)}`).join(''),
    );
    world.state.mode = 'up';

    const heard = await world.heard(6);
    expect(heard.filter((name) => name.endsWith('longer-name'))).toHaveLength(5);
    expect(await world.count('fileLosses')).toBe(1);
  });

  test('by copytruncate is no more than what was written between the copy and the cut', async () => {
    await writeFile(world.log, '');
    await world.start();
    await world.change('a');
    await world.heard(1);
    await world.stop();
    await world.change('b', 'c');
    await copyFile(world.log, `${world.log}.1`);
    await truncate(world.log);
    await world.change('d');

    await world.start();

    expect(await world.heard(3)).toEqual(['b', 'c', 'd']);
  });

  test('with a copy that is ahead of us is read in the copy', async () => {
    await writeFile(world.log, '');
    await world.start();
    await world.change('a');
    await world.heard(1);
    world.state.mode = 'refusing';
    await world.change('b');
    await eventually(() => world.state.calls > 1, 'the queue to refuse');
    await world.change('c');

    await copyFile(world.log, `${world.log}.1`);
    await truncate(world.log);
    await world.change('d');
    world.state.mode = 'up';

    const heard = await world.heard(3);
    expect([...new Set(heard)]).toEqual(['b', 'c', 'd']);
    expect(await world.count('fileLosses')).toBe(1);
  });

  test('of a file that is gone after a restart is said', async () => {
    await world.change('a');
    await world.start();
    await world.stop();
    await rm(world.log);
    await world.change('b');

    await world.start();

    expect(await world.heard(1)).toEqual(['b']);
    expect(await world.count('fileLosses')).toBe(1);
    await eventually(() => world.reconciles() === 1, 'the reconcile');
  });

  test('with a damaged checkpoint is made up for by reading from the beginning', async () => {
    await world.change('a', 'b');
    await writeFile(world.checkpoint, '{"format":1,"off');

    await world.start();

    expect(await world.heard(2)).toEqual(['a', 'b']);
    expect(await world.count('fileLosses')).toBe(1);
    await eventually(() => world.reconciles() === 1, 'the reconcile');
  });

  test('in a rotated file that is damaged is said, and reading goes on', async () => {
    await writeFile(world.log, '');
    await world.start();
    await world.change('a');
    await world.heard(1);
    await world.stop();
    const names = Array.from({ length: 5_000 }, () => `app-${Math.random()}`);
    await world.change(...names);
    const rotated = await world.rotateTo('audit.log.1');
    await compress(rotated);
    const { size } = await stat(`${rotated}.gz`);
    await truncate(`${rotated}.gz`, Math.floor(size / 2));
    await world.change('last');

    await world.start();

    await eventually(async () => (await world.heard(1)).includes('last'), 'the last');
    expect(await world.count('fileLosses')).toBe(1);
    await eventually(() => world.reconciles() === 1, 'the reconcile');
  });
});

describe('a checkpoint', () => {
  test.each(['missing', 'read-only'])('in a directory that is %s is refused with what to do', async (what) => {
    const folder = join(world.folder, 'state');
    if (what === 'read-only') {
      await mkdir(folder);
      await chmod(folder, 0o500);
      // Root may write everywhere.
      if (process.getuid?.() === 0) return;
    }

    const starting = world.start({ checkpoint: join(folder, 'audit.json') });

    await expect(starting).rejects.toThrow('its directory is missing or read-only: create it');
  });

  test('that cannot be written is a problem until it can', async () => {
    await writeFile(world.log, '');
    const tail = await world.start();
    await mkdir(`${world.checkpoint}.new`);

    await world.change('a');
    await world.heard(1);
    await eventually(() => tail.problem() !== null, 'the problem');
    const problem = tail.problem();
    await rm(`${world.checkpoint}.new`, { recursive: true });

    expect(problem).toContain('cannot be written');
    await eventually(() => tail.problem() === null, 'no problem any more');
    expect(await world.savedOffset()).toBe(await world.sizeOf(world.log));
  });
});
