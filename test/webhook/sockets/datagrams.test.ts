import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { kernelDropsIn } from '../../../src/webhook/sockets/kernel-drops.ts';
import { auditLine } from '../entries.ts';
import { eventually, type FakeState, fakeClock, fakeState, jobsOf } from '../fakes.ts';
import { type ListenersWorld, lineOf, startListeners } from './world.ts';

const worlds: ListenersWorld[] = [];
const wholeVault = 'mount main  ';

async function start(options: { allow?: string[]; clock?: ReturnType<typeof fakeClock>; host?: string } = {}) {
  const state: FakeState = fakeState();
  const { allow = [], host = '127.0.0.1' } = options;
  const world = await startListeners({
    state,
    settings: { udp: [{ host, port: 0, vault: 'main', allow }] },
    ...(options.clock ? { clock: options.clock } : {}),
  });
  worlds.push(world);
  return { state, ...world };
}

/** Sends datagrams in one go, without letting anybody read meanwhile. */
async function send(world: ListenersWorld, datagrams: readonly string[], host = '127.0.0.1'): Promise<void> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const port = world.listeners.udpAddresses[0]?.port ?? 0;
  await Promise.all(datagrams.map((text) => new Promise<unknown>((resolve) => socket.send(text, port, host, resolve))));
  await new Promise<void>((resolve) => socket.close(() => resolve()));
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

describe('a UDP listener', () => {
  test('makes jobs of a line, of several, of one without a newline and of one from syslog', async () => {
    const world = await start();

    await send(world, [
      lineOf('a'),
      lineOf('b') + lineOf('c'),
      lineOf('d').trimEnd(),
      `<14>1 2026-03-01T12:00:00Z vault-0 vault 1 audit [a b="{"] ${lineOf('e').trimEnd()}`,
      auditLine({ operation: 'read' }),
    ]);

    await eventually(() => world.state.added.length === 5, 'every job');
    expect(jobsOf(world.state.added)).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => `path main  secret ${name}`));
  });

  test('counts half a line, asks for a reconcile, and does not mix it with the next datagram', async () => {
    const world = await start();

    await send(world, [lineOf('a').slice(0, 200), lineOf('a').slice(200), lineOf('b')]);

    await eventually(() => world.state.added.length === 2, 'the job and the reconcile');
    expect(jobsOf(world.state.added).sort()).toEqual([wholeVault, 'path main  secret b']);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(2);
  });

  test('passes over what comes from an address that is not allowed', async () => {
    const refusing = await start({ allow: ['10.0.0.0/8'] });
    const allowing = await start({ allow: ['127.0.0.0/8'] });

    for (const world of [refusing, allowing]) await send(world, [lineOf('a')]);

    await eventually(() => allowing.state.added.length === 1, 'the job');
    await eventually(async () => (await refusing.count('ingestRefused', { reason: 'address' })) === 1, 'the refusal');
    expect(refusing.state.added).toEqual([]);
  });

  test('listens on IPv6, too', async () => {
    const world = await start({ host: '::1', allow: ['::1'] });

    await send(world, [lineOf('a')], '::1');

    await eventually(() => world.state.added.length === 1, 'the job');
  });

  test('warns at the start that entries are lost without a trace', async () => {
    const { logged } = await start();

    expect(logged.join()).toContain('UDP loses entries without a trace');
  });

  // The kernel's count is Linux's.
  const onLinux = existsSync('/proc/net/udp') ? test : test.skip;
  onLinux('counts what the kernel had no room for, and asks for a reconcile once', async () => {
    const clock = fakeClock(Date.now());
    const world = await start({ clock });
    const line = auditLine({ operation: 'read', requestData: 'x'.repeat(30_000) });

    await send(
      world,
      Array.from({ length: 3_000 }, () => line),
    );
    await clock.advance(10_000);
    await eventually(async () => (await world.count('socketShed', { reason: 'kernel' })) > 0, 'the count');
    const dropped = await world.count('socketShed', { listener: 'udp:0', reason: 'kernel' });
    await eventually(async () => (await world.count('auditEntries')) + dropped === 3_000, 'the rest');
    await clock.advance(10_000);

    expect(await world.count('socketShed', { reason: 'kernel' })).toBe(dropped);
    await eventually(() => world.state.added.length === 1, 'the reconcile');
    expect(jobsOf(world.state.added)).toEqual([wholeVault]);
  });

  test('says which address it cannot listen on', async () => {
    const { listeners } = await start();
    const port = listeners.udpAddresses[0]?.port ?? 0;
    const udp = [{ host: '127.0.0.1', port, vault: 'main' }];

    await expect(startListeners({ state: fakeState(), settings: { udp } })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}`,
    );
  });
});

describe("the kernel's table of UDP sockets", () => {
  const table = [
    '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
    '  277: 0100007F:2382 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4244 2 0000000000000000 17',
    '  277: 00000000:2382 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4245 2 0000000000000000 4',
  ].join('\n');

  test.each([
    { address: '127.0.0.1', port: 9090, drops: 17 },
    { address: '0.0.0.0', port: 9090, drops: 4 },
    { address: '::', port: 9090, drops: 17 },
    { address: '10.0.0.1', port: 9090, drops: null },
    { address: '127.0.0.1', port: 9091, drops: null },
  ])('says $drops of $address, port $port', ({ address, port, drops }) => {
    const family = address === '::' ? 'IPv6' : 'IPv4';

    expect(kernelDropsIn(table, { address, port, family })).toBe(drops);
  });
});
