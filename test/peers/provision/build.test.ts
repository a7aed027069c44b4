import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../processes.ts';
import { type BuildOptions, buildOnce, type Product } from './build.ts';

let cache: string;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'vss-build-test-'));
});

afterEach(() => rm(cache, { recursive: true, force: true }));

const product = 'thing/1.0';

/** A build that runs `script` with the folder for its result as `$1`. */
function shellBuild(script: string, report: (line: string) => void = () => undefined): BuildOptions & Product {
  return {
    cache,
    product,
    proof: 'thing',
    what: 'thing 1.0',
    why: 'nobody has it',
    usually: 'a moment',
    remedy: 'Set THING_BIN.',
    env: { LOG: join(cache, 'log') },
    steps: (output) => [{ command: '/bin/sh', args: ['-c', script, 'sh', output] }],
    report,
  };
}

const makeThing = 'echo built >> "$LOG"; echo whole > "$1/thing"';

/** How often a build ran. */
async function countBuilds(): Promise<number> {
  return (await readFile(join(cache, 'log'), 'utf8')).split('\n').length - 1;
}

async function readThing(): Promise<string> {
  return readFile(join(cache, product, 'thing'), 'utf8');
}

describe('a build', () => {
  test('says what it does, why, and how long that takes, and runs only once', async () => {
    const lines: string[] = [];

    await buildOnce(shellBuild(makeThing, (line) => lines.push(line)));
    await buildOnce(shellBuild(makeThing, (line) => lines.push(line)));

    expect(await readThing()).toBe('whole\n');
    expect(await countBuilds()).toBe(1);
    expect(lines).toEqual([
      'building thing 1.0, because nobody has it; this usually takes a moment',
      expect.stringMatching(/^built thing 1\.0 in \d+ s$/),
    ]);
  });

  test('gives signs of life', async () => {
    const lines: string[] = [];
    const script = `while [ ! -e "$LOG.seen" ]; do sleep 0.02; done; ${makeThing}`;
    const report = (line: string) => {
      lines.push(line);
      if (line.startsWith('  still')) void writeFile(join(cache, 'log.seen'), '');
    };

    await buildOnce({ ...shellBuild(script, report), heartbeatEvery: 10 });

    expect(lines).toContain('  still building thing 1.0 (0 s)');
  });

  test('that two want at the same time runs once, and both have it', async () => {
    const lines: string[] = [];
    const wanted = [1, 2, 3].map(() => buildOnce(shellBuild(makeThing, (line) => lines.push(line))));

    await Promise.all(wanted);

    expect(await countBuilds()).toBe(1);
    expect(lines).toContain(`waiting for process ${process.pid}, which builds thing 1.0`);
  });

  test('never runs beside another build', async () => {
    const script = `mkdir "$LOG.alone" || exit 9; sleep 0.05; rmdir "$LOG.alone"; ${makeThing}`;
    const wanted = ['a/1', 'b/1', 'c/1'].map((each) => buildOnce({ ...shellBuild(script), product: each }));

    await Promise.all(wanted);

    expect(await countBuilds()).toBe(3);
  });

  test('that fails says how to do without and shows the end of its output, and leaves nothing', async () => {
    const failing = buildOnce(shellBuild('echo half > "$1/thing"; echo no such module; exit 1'));

    await expect(failing).rejects.toThrow(
      'thing 1.0 could not be built (/bin/sh: exit code 1). Set THING_BIN.\nno such module',
    );
    expect(await readdir(cache)).toEqual([]);
  });

  test('is done again when what it made was broken since', async () => {
    await buildOnce(shellBuild(`touch "$1/other"; ${makeThing}`));
    await rm(join(cache, product, 'thing'));

    await buildOnce(shellBuild(makeThing));

    expect(await readThing()).toBe('whole\n');
    expect(await readdir(join(cache, product))).toEqual(['thing']);
  });
});

describe('after an interrupted build', () => {
  /** Starts a build in another process that gets half-way and waits, and kills that process without warning. */
  async function interruptBuild(): Promise<void> {
    const script = join(cache, 'builder.ts');
    const half = 'mktemp > "$LOG"; echo half > "$1/thing"; sleep 1000';
    await writeFile(
      script,
      `import { buildOnce } from ${JSON.stringify(join(import.meta.dirname, 'build.ts'))};
       const steps = (output) => [{ command: '/bin/sh', args: ['-c', ${JSON.stringify(half)}, 'sh', output] }];
       await buildOnce({ ...${JSON.stringify(shellBuild(''))}, steps, report: () => undefined });`,
    );
    const builder = spawn(process.execPath, [script], { stdio: 'inherit' });
    const halfMade = async () => {
      const [folder] = (await readdir(cache)).filter((name) => name.startsWith('.unfinished-'));
      return folder !== undefined && existsSync(join(cache, folder, 'output', 'thing'));
    };
    await eventually(halfMade, { what: 'half a build' });
    builder.kill('SIGKILL');
    await once(builder, 'exit');
    expect(existsSync(join(cache, 'build.lock'))).toBe(true);
    const scratch = (await readFile(join(cache, 'log'), 'utf8')).trim();
    await eventually(() => !existsSync(scratch), { what: 'the end of what the builder left for the moment' });
    await rm(join(cache, 'log'));
  }

  test('nothing half-made is taken for a result, and the next build runs through', async () => {
    await interruptBuild();
    expect(existsSync(join(cache, product))).toBe(false);

    await buildOnce(shellBuild(makeThing));

    expect(await readThing()).toBe('whole\n');
    expect((await readdir(cache)).sort()).toEqual(['builder.ts', 'log', 'thing']);
  });

  test('several that come back at once build once', async () => {
    await interruptBuild();
    const wanted = [1, 2, 3, 4, 5].map(() => buildOnce(shellBuild(makeThing)));

    await Promise.all(wanted);

    expect(await countBuilds()).toBe(1);
  });

  test('what it left is removed before the next build begins', async () => {
    const left = join(cache, '.unfinished-old');
    await mkdir(left);

    await buildOnce(shellBuild(`[ -e '${left}' ] && exit 1; ${makeThing}`));

    expect(existsSync(left)).toBe(false);
  });

  test('a lock that nobody has touched for long does not count, even if some process has its number now', async () => {
    const lock = join(cache, 'build.lock');
    await writeFile(lock, JSON.stringify({ id: 'old', pid: process.pid, purpose: 'something' }));
    const longAgo = new Date(Date.now() - 600_000);
    await utimes(lock, longAgo, longAgo);

    await buildOnce(shellBuild(makeThing));

    expect(await readThing()).toBe('whole\n');
  });

  test('a lock whose holder lives is respected', async () => {
    const lock = join(cache, 'build.lock');
    await writeFile(lock, JSON.stringify({ id: 'theirs', pid: process.pid, purpose: 'something' }));
    const lines: string[] = [];
    const build = buildOnce(shellBuild(makeThing, (line) => lines.push(line)));

    await eventually(() => lines.length > 0, { what: 'a word about waiting' });
    expect(existsSync(join(cache, product))).toBe(false);
    await rm(lock);
    await build;

    expect(lines[0]).toBe(`waiting for process ${process.pid}, which builds something`);
    expect(await readThing()).toBe('whole\n');
  });
});
