import { randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { auditLine } from './entries.ts';
import {
  bearer,
  eventually,
  type FakeClock,
  fakeClock,
  fakeState,
  jobsOf,
  postEvents,
  startWorld,
  type World,
} from './fakes.ts';

const worlds: World[] = [];
const sockets: Socket[] = [];
const interval = 300_000;
let folder = '';

interface Inside extends World {
  readonly clock: FakeClock;
  /** A connection of a Vault that has spoken before, and for which a reconcile was made then. */
  readonly vault: Socket;
}

/** A webhook whose start and whose first connection, which ask for a reconcile themselves, are long ago. */
async function start(): Promise<Inside> {
  const clock = fakeClock(Date.now());
  const world = await startWorld({ clock, settings: settings() });
  worlds.push(world);
  await clock.advance(interval);
  const vault = await speak({ port: world.tcpPort });
  await eventually(() => asked(world) === 1 && world.state.added.length === 2, 'the reconcile and the first job');
  await clock.advance(interval);
  world.state.added.splice(0);
  return { ...world, clock, vault };
}

function settings() {
  return {
    udp: [{ host: '127.0.0.1', port: 0, vault: 'main' }],
    unix: [{ path: socketPath(), vault: 'main' }],
    limits: { maxLineBytes: 10_000 },
  };
}

function socketPath(): string {
  return join(folder, 'audit.sock');
}

/** Connects, as Vault does when it has something to say, and says it. */
async function speak(to: { port: number } | { path: string }): Promise<Socket> {
  const socket = connect('port' in to ? { ...to, host: '127.0.0.1' } : to).resume();
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(line());
  return socket;
}

/** One that was not sent before. */
function line(): string {
  return auditLine({ path: 'secret/data/app', id: randomUUID() });
}

async function overUdp(world: World, text: string): Promise<void> {
  const socket = createSocket('udp4');
  await new Promise((sent) => socket.send(text, world.webhook.udpAddresses[0]?.port ?? 0, '127.0.0.1', sent));
  await new Promise<void>((closed) => socket.close(() => closed()));
}

/** Does what makes an entry, and waits until that is counted: by then what it means has been noticed. */
async function untilCounted(world: World, verdict: 'changed' | 'malformed', act: () => unknown): Promise<void> {
  const before = await world.count('auditEntries', { verdict });
  await act();
  await eventually(async () => (await world.count('auditEntries', { verdict })) > before, `what is ${verdict}`);
}

async function isRefused(world: World): Promise<void> {
  world.state.mode = 'refusing';
  const { status } = await postEvents(world, line());
  expect(status).toBe(503);
}

async function isBack(world: Inside): Promise<void> {
  world.state.mode = 'up';
  await world.clock.advance(2_000);
}

/** What each sender does around a loss. */
const losses: readonly { readonly sender: string; readonly lose: (world: Inside) => Promise<void> }[] = [
  {
    sender: 'a shipper that is refused, and comes back',
    async lose(world) {
      await isRefused(world);
      await isBack(world);
      expect((await postEvents(world, line())).status).toBe(200);
    },
  },
  {
    sender: 'an OpenBao that is refused, and does not come back',
    async lose(world) {
      await isRefused(world);
      await isBack(world);
    },
  },
  {
    sender: 'an OpenBao that hangs up in the midst of an entry',
    async lose(world) {
      const before = await world.count('ingestRefused', { reason: 'aborted' });
      const { port } = new URL(world.url);
      const head = `POST /events/main HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer.Authorization}\r\nContent-Length: 5000\r\n\r\n`;
      const socket = connect(Number(port), '127.0.0.1').resume();
      socket.on('error', () => undefined);
      socket.end(`${head}${line().slice(0, 200)}`);
      await eventually(
        async () => (await world.count('ingestRefused', { reason: 'aborted' })) > before,
        'the end of the body',
      );
    },
  },
  {
    sender: 'a Vault that connects again',
    lose: (world) => untilCounted(world, 'changed', () => speak({ port: world.tcpPort })),
  },
  {
    sender: 'a Vault that connects to the unix socket',
    lose: (world) => untilCounted(world, 'changed', () => speak({ path: socketPath() })),
  },
  {
    sender: 'a Vault whose line is too long to be kept',
    lose: (world) =>
      untilCounted(world, 'malformed', () => world.vault.write(auditLine({ requestData: 'x'.repeat(100_000) }))),
  },
  {
    sender: 'a Vault whose lines were too many while the queue was away',
    async lose(world) {
      // No request is refused: what is shed must be reason enough.
      world.state.mode = 'refusing';
      const lines = Array.from({ length: 10_001 }, (_, index) => auditLine({ path: `secret/data/app-${index}` }));
      const before = await world.count('auditEntries', { verdict: 'changed' });
      world.vault.write(lines.join(''));
      await eventually(
        async () => (await world.count('auditEntries', { verdict: 'changed' })) >= before + 10_001,
        'every line',
      );
      await isBack(world);
    },
  },
  {
    sender: 'a Vault half of whose datagram arrives',
    lose: (world) => untilCounted(world, 'malformed', () => overUdp(world, line().slice(0, 200))),
  },
];

function asked(world: World): number {
  return jobsOf(world.state.added).filter((job) => job === 'mount main  ').length;
}

/** How often the log tells of a loss: at most once a minute for each kind. */
function noticed(world: World): number {
  return world.logged.filter((entry) => entry.includes('"why":')).length;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-loss-'));
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const world of worlds.splice(0)) await world.webhook.close(100);
  await rm(folder, { recursive: true });
});

describe('after a loss', () => {
  test.each(losses)('of $sender one reconcile of that Vault is asked for', async ({ lose }) => {
    const world = await start();

    await lose(world);

    await eventually(() => asked(world) === 1, 'the reconcile');
  });

  test.each(losses)(
    'of $sender within five minutes of another, it is asked for when they are over',
    async ({ lose }) => {
      const world = await start();
      await overUdp(world, line().slice(0, 200));
      await eventually(() => asked(world) === 1, 'the reconcile after the other');

      await lose(world);
      await lose(world);
      const askedTooSoon = asked(world) - 1;
      await eventually(async () => {
        await world.clock.advance(interval);
        return asked(world) === 2;
      }, 'the reconcile');
      await world.clock.advance(2 * interval);

      expect(askedTooSoon).toBe(0);
      expect(asked(world)).toBe(2);
    },
  );

  test('every webhook asks a moment later, so that what several ask for is one', async () => {
    const world = await start();

    await overUdp(world, line().slice(0, 200));

    await eventually(() => world.state.added.length === 1, 'the reconcile');
    expect(world.state.added[0]?.delayMs).toBeGreaterThan(0);
  });

  test('nothing is asked for while nothing is lost', async () => {
    const world = await start();

    await postEvents(world, line());
    world.vault.write(line());
    await overUdp(world, line());
    await eventually(() => world.state.added.length === 3, 'all three');
    await world.clock.advance(interval);

    expect(asked(world)).toBe(0);
  });

  test.each(losses)('of $sender that waits when the webhook is stopped, it is asked for at once', async ({ lose }) => {
    const world = await start();
    await overUdp(world, line().slice(0, 200));
    await eventually(() => asked(world) === 1, 'the reconcile after the other');
    await world.clock.advance(60_000);
    const noticedBefore = noticed(world);
    await lose(world);
    await eventually(() => noticed(world) > noticedBefore, 'the loss to be noticed');
    const askedBefore = asked(world);

    await world.webhook.close(100);

    expect([askedBefore, asked(world)]).toEqual([1, 2]);
  });
});

describe('a webhook that is stopped', () => {
  test('asks for nothing when nothing waits', async () => {
    const world = await start();

    await world.webhook.close(100);

    expect(asked(world)).toBe(0);
  });

  test('in the midst of a body asks for the Vault whose entry was cut', async () => {
    const world = await start();
    const { port } = new URL(world.url);
    const head = `POST /events/main HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer.Authorization}\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n`;
    const socket = connect(Number(port), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write(head);
    await once(socket, 'data');
    socket.write(line().slice(0, 200));

    const closing = world.webhook.close(100);
    await world.clock.advance(100);
    await closing;

    expect(asked(world)).toBe(1);
  });

  test('with changes that the queue does not take asks for their Vault, and says so when the queue takes nothing', async () => {
    const world = await start();
    world.state.mode = 'refusing';
    world.vault.write(line());
    await eventually(() => !world.webhook.ready().ready, 'the queue to be found away');

    await world.webhook.close(100);

    expect(world.state.added).toEqual([]);
    const told = world.logged.find((entry) => entry.includes('takes no request for a reconcile'));
    expect(told).toContain('"vaults":["main"]');
  });
});

describe('a webhook that has just started', () => {
  test.each([
    { over: 'TCP', to: ({ tcpPort }: World) => ({ port: tcpPort }) },
    { over: 'the unix socket', to: () => ({ path: socketPath() }) },
  ])(
    'asks again for a Vault that comes over from another webhook later, over $over: its lines to that one may be lost',
    async ({ to }) => {
      const clock = fakeClock(Date.now());
      const world = await startWorld({ clock, settings: settings() });
      worlds.push(world);
      await clock.advance(30_000);
      const noticedBefore = noticed(world);

      await speak(to(world));
      await eventually(() => noticed(world) > noticedBefore, 'the connection');
      const askedTooSoon = asked(world);
      await clock.advance(interval);

      expect([askedTooSoon, asked(world)]).toEqual([0, 1]);
    },
  );

  test('asks once for a Vault that comes over before the request of the start is handed in', async () => {
    const clock = fakeClock(Date.now());
    const state = fakeState();
    state.mode = 'refusing';
    const world = await startWorld({ clock, state, settings: settings() });
    worlds.push(world);

    await speak({ port: world.tcpPort });
    await eventually(async () => (await world.count('auditEntries', { verdict: 'changed' })) === 1, 'the line');
    state.mode = 'up';
    await clock.advance(2_000);
    const askedOnce = asked(world);
    await clock.advance(2 * interval);

    expect([askedOnce, asked(world)]).toEqual([1, 1]);
  });
});
