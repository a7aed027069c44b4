import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { eventually, makePeerFolder, removeFolder, startOnFreePort, startProcess } from './processes.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a peer process', () => {
  test('is gone after kill, and so are its own children', async () => {
    const folder = await makePeerFolder('test');
    const args = ['-c', 'sleep 1000 & echo child=$!; wait'];
    const peer = await startProcess({ name: 'parent', command: '/bin/sh', args, folder });
    await peer.untilReady(async () => (await peer.readLog()).includes('child='));
    const grandchild = Number(/child=(\d+)/.exec(await peer.readLog())?.[1]);

    await peer.kill();

    expect(peer.isRunning()).toBe(false);
    await eventually(() => !isAlive(grandchild), { what: 'the end of the grandchild' });
    await removeFolder(folder);
  });

  test('dies with the process that started it, which was killed and could do nothing about it, and its folder goes too', async () => {
    const own = await makePeerFolder('test');
    const script = join(own, 'starter.ts');
    await writeFile(
      script,
      `import { makePeerFolder, startProcess } from ${JSON.stringify(join(import.meta.dirname, 'processes.ts'))};
       const folder = await makePeerFolder('orphan');
       const peer = await startProcess({ name: 'sleeper', command: '/bin/sleep', args: ['1000'], folder });
       console.log(JSON.stringify({ pid: peer.pid, folder }));
       setInterval(() => undefined, 1000);`,
    );
    const starter = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(starter.stdout, 'data');
    const { pid, folder } = JSON.parse(String(line));
    expect([isAlive(pid), existsSync(folder)]).toEqual([true, true]);

    starter.kill('SIGKILL');

    await eventually(() => !isAlive(pid), { what: 'the end of the orphan' });
    await eventually(() => !existsSync(folder), { what: 'the end of its folder' });
    await removeFolder(own);
  });

  test('that ends before it is ready fails at once with the end of its log', async () => {
    const folder = await makePeerFolder('test');
    const args = ['-c', 'echo no such flag; exit 3'];
    const peer = await startProcess({ name: 'broken', command: '/bin/sh', args, folder });

    const ready = peer.untilReady(() => false, 60_000);

    await expect(ready).rejects.toThrow('broken ended (exit code 3) before it was ready:\nno such flag');
    await removeFolder(folder);
  });

  test('that is never ready is killed, and says why', async () => {
    const folder = await makePeerFolder('test');
    const peer = await startProcess({ name: 'slow', command: '/bin/sleep', args: ['1000'], folder });
    const check = () => {
      throw new Error('connection refused');
    };

    await expect(peer.untilReady(check, 50)).rejects.toThrow(
      'slow is not ready: waited 50 ms for slow: connection refused',
    );

    expect(peer.isRunning()).toBe(false);
    await removeFolder(folder);
  });

  test('whose program does not exist is named', async () => {
    const folder = await makePeerFolder('test');

    const start = startProcess({ name: 'ghost', command: '/nowhere/ghost', args: [], folder });

    await expect(start).rejects.toThrow('ghost: cannot run /nowhere/ghost');
    await removeFolder(folder);
  });
});

test('another port is tried when somebody took the first one', async () => {
  const tried: number[] = [];

  const port = await startOnFreePort(async (free) => {
    tried.push(free);
    if (tried.length === 1) throw new Error('bind: address already in use');
    return free;
  });

  expect(tried).toHaveLength(2);
  expect(port).toBe(tried[1]);
});
