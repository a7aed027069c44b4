import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createAuthority, type Issued } from '../authority.ts';
import { eventually, fakeClock, fakeState, jobsOf } from '../fakes.ts';
import { heardOf, type ListenersWorld, lineOf, startListeners } from './world.ts';

const ours = createAuthority('our authority');
const others = createAuthority('another authority');
const worlds: ListenersWorld[] = [];
const sockets: TLSSocket[] = [];
let folder = '';

async function writePair({ cert, key }: Issued): Promise<void> {
  await writeFile(join(folder, 'tls.crt'), cert);
  await writeFile(join(folder, 'tls.key'), key);
}

async function start(options: { clientCa?: string; clock?: ReturnType<typeof fakeClock>; allow?: string[] } = {}) {
  const { clientCa, clock, allow = [] } = options;
  await writePair(ours.issue({ addresses: ['127.0.0.1'] }));
  const clientCaFile = join(folder, 'ca.crt');
  if (clientCa !== undefined) await writeFile(clientCaFile, clientCa);
  const tls = {
    certFile: join(folder, 'tls.crt'),
    keyFile: join(folder, 'tls.key'),
    ...(clientCa === undefined ? {} : { clientCaFile }),
  };
  const state = fakeState();
  const world = await startListeners({
    state,
    settings: { tcp: [{ host: '127.0.0.1', port: 0, vault: 'main', tls, allow }] },
    ...(clock ? { clock } : {}),
  });
  worlds.push(world);
  return { state, ...world };
}

/** A relay, e.g. syslog-ng or stunnel. */
function dial(world: ListenersWorld, options: ConnectionOptions = {}): TLSSocket {
  const port = world.listeners.tcpAddresses[0]?.port ?? 0;
  const socket = connect({ host: '127.0.0.1', port, ca: ours.cert, ...options });
  sockets.push(socket);
  socket.on('error', () => undefined).resume();
  return socket;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-tls-'));
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await eventually(() => sockets.every(({ closed }) => closed), 'the end of every connection');
  sockets.splice(0);
  for (const world of worlds.splice(0)) {
    await eventually(async () => (await world.count('socketConnections')) === 0, 'no connection to be counted');
    await world.close();
  }
  await rm(folder, { recursive: true });
});

describe('a TCP listener with TLS', () => {
  test('takes lines from whoever trusts its certificate', async () => {
    const world = await start();

    dial(world).write(lineOf('a'));

    await eventually(() => heardOf(world.state.added).length === 1, 'the job');
    expect(await world.count('socketConnections', { listener: 'tcp:0' })).toBe(1);
  });

  test('takes nothing in clear', async () => {
    const world = await start();
    const socket = connectPlain(world.listeners.tcpAddresses[0]?.port ?? 0, '127.0.0.1');
    socket.on('error', () => undefined).resume();

    socket.write(lineOf('a'));

    await eventually(() => socket.closed, 'the end of the connection');
    expect(await world.count('ingestRefused', { reason: 'tls' })).toBe(1);
    expect(world.state.added).toEqual([]);
  });

  test('lets in those only whose certificate its authority issued, if it has one', async () => {
    const world = await start({ clientCa: others.cert });

    const strangers = [dial(world), dial(world, ours.issue({ commonName: 'relay' }))];
    await eventually(() => strangers.every(({ closed }) => closed), 'the end of the strangers');
    dial(world, others.issue({ commonName: 'relay' })).write(lineOf('a'));

    await eventually(() => heardOf(world.state.added).length === 1, 'the job');
    expect(heardOf(world.state.added)).toEqual(['path main  secret a']);
    expect(await world.count('ingestRefused', { reason: 'tls' })).toBe(2);
  });

  test('does not so much as shake hands with an address that is not allowed', async () => {
    const world = await start({ allow: ['10.0.0.0/8'] });

    const socket = dial(world);

    await eventually(() => socket.closed, 'the end of the connection');
    expect(await world.count('ingestRefused', { reason: 'address' })).toBe(1);
    expect(await world.count('ingestRefused', { reason: 'tls' })).toBe(0);
  });

  test('shows a renewed certificate to new connections, and leaves open ones alone', async () => {
    const clock = fakeClock(Date.now());
    const world = await start({ clock });
    const before = dial(world);
    before.write(lineOf('a'));
    await eventually(() => heardOf(world.state.added).length === 1, 'the first job');

    await writePair(others.issue({ addresses: ['127.0.0.1'] }));
    await eventually(async () => {
      await clock.advance(5_000);
      return world.logged.join().includes('the certificate was renewed');
    }, 'the renewal');
    dial(world, { ca: others.cert }).write(lineOf('b'));
    await eventually(() => jobsOf(world.state.added).includes('path main  secret b'), 'the second job');
    before.write(lineOf('c'));

    await eventually(() => jobsOf(world.state.added).includes('path main  secret c'), 'the third job');
  });

  test('names the setting and the file that it cannot use', async () => {
    const tls = { certFile: join(folder, 'none.crt'), keyFile: join(folder, 'none.key') };
    const tcp = [{ host: '127.0.0.1', port: 0, vault: 'main', tls }];

    await expect(startListeners({ state: fakeState(), settings: { tcp } })).rejects.toThrow(
      /webhook\.tcp\[0\]\.tls: .*none\.crt/,
    );
  });
});
