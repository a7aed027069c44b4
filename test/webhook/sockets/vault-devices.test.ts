import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startVault, type VaultPeer } from '../../peers/start-vault.ts';
import { eventually, type FakeState, fakeClock, fakeState, interestIn, jobsOf } from '../fakes.ts';
import { heardOf, type ListenersWorld, startListeners } from './world.ts';

let folder: string;
let state: FakeState;
let world: ListenersWorld;
let vault: VaultPeer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-devices-'));
  state = fakeState(interestIn([{}]));
  world = await startListeners({
    state,
    settings: {
      tcp: [{ host: '127.0.0.1', port: 0, vault: 'main', allow: ['127.0.0.1'] }],
      unix: [{ path: join(folder, 'audit.sock'), vault: 'main' }],
      udp: [{ host: '127.0.0.1', port: 0, vault: 'main', allow: ['127.0.0.1'] }],
    },
  });
  vault = await startVault();
}, 600_000);

const closers: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const close of closers) await close();
  await vault.stop();
  await world.close();
  await rm(folder, { recursive: true });
});

/** The lines that a guide tells to type, after the file device. */
function addressOf(kind: string): string {
  if (kind === 'unix') return join(folder, 'audit.sock');
  const { tcpAddresses, udpAddresses } = world.listeners;
  return `127.0.0.1:${(kind === 'tcp' ? tcpAddresses : udpAddresses)[0]?.port}`;
}

describe("Vault's socket audit device", () => {
  test.each(['tcp', 'unix', 'udp'])('of socket_type %s is heard', async (kind) => {
    const args = ['audit', 'enable', `-path=${kind}`, 'socket', `socket_type=${kind}`, `address=${addressOf(kind)}`];
    const enabled = await vault.cli(args);
    state.added.splice(0);

    await vault.cli(['kv', 'put', `secret/${kind}`, 'user=ada']);
    await vault.cli(['kv', 'patch', `secret/${kind}`, 'user=bob']);

    expect(enabled.code).toBe(0);
    await eventually(() => state.added.some(({ heard }) => heard?.version === 2), 'both writes');
    expect([...new Set(heardOf(state.added))]).toEqual([`path main  secret ${kind}`]);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(0);
    await vault.cli(['audit', 'disable', kind]);
  });

  test('connects again after its connection broke, and that asks for a reconcile', async () => {
    const heard = fakeState(interestIn([{}]));
    const clock = fakeClock();
    const own = await startListeners({ state: heard, clock });
    const relay = await startRelay(own.listeners.tcpAddresses[0]?.port ?? 0);
    closers.push(() => vault.cli(['audit', 'disable', 'again']), relay.stop, own.close);
    await vault.cli(['audit', 'enable', '-path=again', 'socket', `address=127.0.0.1:${relay.port}`]);
    await vault.cli(['kv', 'put', 'secret/before', 'user=ada']);
    await eventually(() => heardOf(heard.added).length > 0, 'the write before');
    const before = heardOf(heard.added);
    heard.added.splice(0);

    relay.cut();
    // Vault notices with a later entry, which may be lost, and dials.
    await eventually(async () => {
      await vault.cli(['kv', 'put', 'secret/after', 'user=ada']);
      return jobsOf(heard.added).includes('path main  secret after');
    }, 'a write after');

    await eventually(async () => {
      await clock.advance(300_000);
      return jobsOf(heard.added).includes('mount main  ');
    }, 'the reconcile');
    expect(before).toEqual(['path main  secret before']);
  });
});

/** Passes bytes on to a port on this machine, and can cut the line. */
async function startRelay(to: number) {
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const onward = connect(to, '127.0.0.1');
    for (const socket of [from, onward]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    from.pipe(onward).pipe(from);
    from.on('close', () => onward.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
