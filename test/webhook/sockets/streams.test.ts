import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { auditLine } from '../entries.ts';
import { eventually, type FakeState, fakeClock, fakeState, jobsOf } from '../fakes.ts';
import { heardOf, type ListenersWorld, lineOf, startListeners } from './world.ts';

const worlds: ListenersWorld[] = [];
const anywhere = { port: 0, vault: 'main' };

async function start(options: Omit<Parameters<typeof startListeners>[0], 'state'> = {}) {
  const state: FakeState = fakeState();
  const world = await startListeners({ state, ...options });
  worlds.push(world);
  return { state, ...world };
}

const wholeVault = 'mount main  ';

function asked(state: FakeState): number {
  return jobsOf(state.added).filter((job) => job === wholeVault).length;
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

describe('a TCP listener', () => {
  test('reads on and keeps what fits while the queue is away, sheds and counts the rest, and hands all of it in later', async () => {
    const { state, queue, dial, count, logged } = await start();
    const socket = await dial();
    state.mode = 'refusing';
    socket.write(lineOf('first'));
    await eventually(() => queue.isAway(), 'the queue to be found away');

    for (let index = 0; index < 10_100; index += 100) {
      socket.write(Array.from({ length: 100 }, (_, offset) => lineOf(`app-${index + offset}`)).join(''));
    }
    // What is kept already, and what nobody wants, is never one too many.
    socket.write(lineOf('app-7') + auditLine({ operation: 'read' }).repeat(500));
    await eventually(async () => (await count('auditEntries')) === 10_602, 'every line to be read');
    state.mode = 'up';

    await eventually(() => asked(state) === 1, 'the reconcile');
    await eventually(() => heardOf(state.added).length === 10_000, 'what was kept');
    expect(logged.join()).toContain('"why":"shed"');
    expect(await count('socketShed', { listener: 'tcp:0', reason: 'full' })).toBe(101);
    expect(jobsOf(state.added)).toContain('path main  secret app-9998');
    expect(jobsOf(state.added)).not.toContain('path main  secret app-9999');
  });

  test('keeps no more than some megabytes of very long paths', async () => {
    const { state, queue, dial, count } = await start();
    const socket = await dial();
    state.mode = 'refusing';
    socket.write(lineOf('first'));
    await eventually(() => queue.isAway(), 'the queue to be found away');

    for (let index = 0; index < 600; index++) socket.write(lineOf(`${index}-${'x'.repeat(32_000)}`));
    await eventually(async () => (await count('auditEntries')) === 601, 'every line to be read');

    const shed = await count('socketShed', { reason: 'full' });
    expect(shed).toBeGreaterThan(50);
    expect(shed).toBeLessThan(200);
  });

  test('refuses more connections than it may have, and asks for a reconcile', async () => {
    const { state, dial, count, logged } = await start({
      settings: { tcp: [{ host: '127.0.0.1', ...anywhere, maxConnections: 2 }] },
    });
    const kept = [await dial(), await dial()];

    const third = await dial();

    await eventually(() => third.closed, 'the end of the third connection');
    expect(kept.map(({ closed }) => closed)).toEqual([false, false]);
    expect(await count('ingestRefused', { reason: 'connections' })).toBe(1);
    expect(await count('socketConnections', { listener: 'tcp:0' })).toBe(2);
    expect(logged.join()).toContain('maxConnections');
    await eventually(() => asked(state) === 1, 'the reconcile');
  });

  test('ends the connection that keeps most when halves of lines become too much', async () => {
    const { state, dial, count, logged } = await start({ maxLineBytes: 1_100_000 });
    const [greedy, second, third] = [await dial(), await dial(), await dial()];
    const half = (bytes: number) => `{"request":"${'x'.repeat(bytes)}`;

    greedy.write(half(1_000_000));
    second.write(half(700_000));
    third.write(half(700_000));

    await eventually(() => greedy.closed, 'the end of the greediest');
    expect([second.closed, third.closed]).toEqual([false, false]);
    expect(await count('ingestRefused', { reason: 'held' })).toBe(1);
    expect(logged.join()).toContain('"why":"cut"');
    await eventually(() => asked(state) === 1, 'the reconcile');
    second.write(`"}\n${lineOf('after')}`);
    await eventually(() => jobsOf(state.added).includes('path main  secret after'), 'what the second says next');
  });

  test('passes over a line that is too long, counts it, and asks for a reconcile', async () => {
    const { state, dial, count, logged } = await start({ maxLineBytes: 10_000 });
    const socket = await dial();

    socket.write(auditLine({ requestData: 'x'.repeat(200_000) }) + lineOf('next'));

    await eventually(() => state.added.length === 2, 'the job and the reconcile');
    expect(await count('auditEntries', { verdict: 'malformed' })).toBe(1);
    expect(jobsOf(state.added).sort()).toEqual([wholeVault, 'path main  secret next']);
    expect(logged.join()).toContain('"why":"unreadable"');
  });

  test('takes syslog messages with their lengths, and ends a connection whose lengths are wrong', async () => {
    const { state, dial, count } = await start();
    const socket = await dial();
    const message = `<14>1 2026-03-01T12:00:00Z vault-0 vault 1 audit [a b="{"] ${lineOf('a')}`;

    socket.write(`${Buffer.byteLength(message)} ${message}`);
    await eventually(() => heardOf(state.added).length === 1, 'the job');
    socket.write(message);

    await eventually(() => socket.closed, 'the end of the connection');
    expect(heardOf(state.added)).toEqual(['path main  secret a']);
    expect(await count('ingestRefused', { reason: 'framing' })).toBe(1);
  });

  test('asks for a reconcile when a connection speaks for the first time, not when somebody only knocks', async () => {
    const clock = fakeClock();
    const { state, dial, count } = await start({ clock });
    const speak = async (name: string): Promise<Socket> => {
      const socket = await dial();
      socket.write(lineOf(name));
      await eventually(() => jobsOf(state.added).includes(`path main  secret ${name}`), `the job of ${name}`);
      return socket;
    };
    const knock = await dial();
    await eventually(async () => (await count('socketConnections')) === 1, 'the knock');
    knock.destroy();
    await eventually(async () => (await count('socketConnections')) === 0, 'the end of the knock');
    await clock.advance(300_000);
    const askedByKnock = asked(state);

    const first = await speak('first');
    await eventually(() => asked(state) === 1, 'the reconcile');
    first.write(lineOf('more'));
    await eventually(() => jobsOf(state.added).includes('path main  secret more'), 'what it says next');
    await clock.advance(300_000);
    const askedByFirst = asked(state);
    await speak('second');
    await eventually(() => asked(state) === 2, 'the reconcile after the second');
    await speak('third');
    await clock.advance(300_000);

    expect([askedByKnock, askedByFirst, asked(state)]).toEqual([0, 1, 3]);
    expect(state.added.find(({ job }) => job.kind === 'mount')?.delayMs).toBeGreaterThan(0);
  });

  test('knows an IPv4 address when it listens for both kinds', async () => {
    const networks = { in: '127.0.0.0/8', out: '10.0.0.0/8' };
    const world = await start({
      settings: {
        tcp: [
          { host: '::', ...anywhere, allow: [networks.in] },
          { host: '::', ...anywhere, allow: [networks.out] },
        ],
      },
    });
    const [allowing, refusing] = world.listeners.tcpAddresses;
    const { connect } = await import('node:net');
    const sockets = [connect(allowing?.port ?? 0, '127.0.0.1'), connect(refusing?.port ?? 0, '127.0.0.1')];
    for (const socket of sockets) socket.on('error', () => undefined).resume();
    sockets[0]?.write(lineOf('a'));

    await eventually(() => heardOf(world.state.added).length === 1, 'the job');
    await eventually(() => sockets[1]?.closed === true, 'the end of the other');
    expect(await world.count('ingestRefused', { reason: 'address' })).toBe(1);
    sockets[0]?.destroy();
  });

  test('warns of a listener that others reach and that lets everybody in', async () => {
    const open = await start({ settings: { tcp: [{ host: '0.0.0.0', ...anywhere }] } });
    const closed = await start({ settings: { tcp: [{ host: '0.0.0.0', ...anywhere, allow: ['10.0.0.0/8'] }] } });

    expect(open.logged.join()).toContain('webhook.tcp[0] has no allow list');
    expect(closed.logged.join()).not.toContain('allow list');
  });

  test('names the listener whose allow list is wrong, and opens none', async () => {
    const tcp = [
      { host: '127.0.0.1', ...anywhere },
      { host: '127.0.0.1', ...anywhere, allow: ['10.0.0/8'] },
    ];

    await expect(startListeners({ state: fakeState(), settings: { tcp } })).rejects.toThrow(
      'webhook.tcp[1]: "10.0.0/8" in allow is no network',
    );
  });

  test('keeps nothing open when one of several cannot listen', async () => {
    const { listeners } = await start();
    const port = listeners.tcpAddresses[0]?.port ?? 0;
    const tcp = [
      { host: '127.0.0.1', ...anywhere },
      { host: '127.0.0.1', port, vault: 'main' },
    ];

    await expect(startListeners({ state: fakeState(), settings: { tcp } })).rejects.toThrow('cannot listen on');
  });

  test('hands in what it gathered when it closes', async () => {
    const clock = fakeClock();
    const world = await start({ clock });
    const socket = await world.dial();
    world.state.mode = 'refusing';
    socket.write(lineOf('a'));
    await eventually(() => world.queue.isAway(), 'the queue to be found away');
    world.state.mode = 'up';

    await world.listeners.close();

    expect(heardOf(world.state.added)).toEqual(['path main  secret a']);
    await eventually(() => socket.closed, 'the end of the connection');
  });
});
