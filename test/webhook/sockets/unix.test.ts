import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually, fakeState } from '../fakes.ts';
import { heardOf, type ListenersWorld, lineOf, startListeners } from './world.ts';

const worlds: ListenersWorld[] = [];
let folder = '';
let path = '';

async function start(unix: { path?: string; mode?: string } = {}) {
  const state = fakeState();
  const world = await startListeners({ state, settings: { unix: [{ path, vault: 'main', ...unix }] } });
  worlds.push(world);
  return { state, ...world };
}

/** A process that listens on a unix socket and is killed: its file stays. */
async function leaveSocketBehind(): Promise<void> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-unix-'));
  path = join(folder, 'audit.sock');
});

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
  await rm(folder, { recursive: true });
});

describe('a listener on a unix socket', () => {
  test('makes jobs of the lines that arrive there', async () => {
    const { state, dial, count } = await start();
    const socket = await dial(path);

    socket.write(lineOf('a').slice(0, 100));
    socket.write(lineOf('a').slice(100) + lineOf('b'));

    await eventually(() => heardOf(state.added).length === 2, 'both jobs');
    expect(heardOf(state.added)).toEqual(['path main  secret a', 'path main  secret b']);
    expect(await count('socketConnections', { listener: `unix:${path}` })).toBe(1);
  });

  test.each([
    { mode: undefined, rights: 0o660 },
    { mode: '0600', rights: 0o600 },
    { mode: '666', rights: 0o666 },
  ])('has the rights $rights with mode $mode', async ({ mode, rights }) => {
    await start(mode === undefined ? {} : { mode });

    expect((await stat(path)).mode & 0o777).toBe(rights);
  });

  test('takes the place of a socket on which nobody listens any more', async () => {
    await leaveSocketBehind();
    const wasThere = existsSync(path);

    const { state, dial } = await start();
    (await dial(path)).write(lineOf('a'));

    expect(wasThere).toBe(true);
    await eventually(() => heardOf(state.added).length === 1, 'the job');
  });

  test('leaves a socket alone on which somebody listens', async () => {
    const first = await start();

    await expect(start()).rejects.toThrow(`another process listens on ${path}`);
    (await first.dial(path)).write(lineOf('a'));
    await eventually(() => heardOf(first.state.added).length === 1, 'the job');
  });

  test('leaves a file alone that is no socket', async () => {
    writeFileSync(path, 'precious');

    await expect(start()).rejects.toThrow('is no socket');
    expect(existsSync(path)).toBe(true);
  });

  test('says which folder it cannot use', async () => {
    await expect(start({ path: join(folder, 'missing', 'audit.sock') })).rejects.toThrow(
      `cannot listen on ${join(folder, 'missing', 'audit.sock')}`,
    );
    await chmod(folder, 0o700);
  });

  test('is gone when the webhook closes', async () => {
    const { close } = await start();
    worlds.splice(0);

    await close();

    expect(existsSync(path)).toBe(false);
  });
});
