import { randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { auditLine } from './entries.ts';
import { bearer, eventually, type FakeClock, fakeClock, jobsOf, postEvents, startWorld, type World } from './fakes.ts';

const worlds: World[] = [];
const interval = 300_000;

interface Inside extends World {
  readonly clock: FakeClock;
}

/** A webhook whose start, which asks for a reconcile itself, is long ago. */
async function start(): Promise<Inside> {
  const clock = fakeClock(Date.now());
  const settings = { udp: [{ host: '127.0.0.1', port: 0, vault: 'main' }], limits: { maxLineBytes: 10_000 } };
  const world = await startWorld({ clock, settings });
  worlds.push(world);
  await clock.advance(interval);
  return { ...world, clock };
}

/** One that was not sent before. */
function line(): string {
  return auditLine({ path: 'secret/data/app', id: randomUUID() });
}

/** Sends bytes over a connection of its own, as a Vault that has just connected. */
async function overTcp(world: World, text: string): Promise<void> {
  const socket = connect(world.tcpPort, '127.0.0.1').resume();
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  socket.end(text);
  await closed;
}

async function overUdp(world: World, text: string): Promise<void> {
  const socket = createSocket('udp4');
  await new Promise((sent) => socket.send(text, world.webhook.udpAddresses[0]?.port ?? 0, '127.0.0.1', sent));
  await new Promise<void>((closed) => socket.close(() => closed()));
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
    async lose(world) {
      await overTcp(world, line());
      await overTcp(world, line());
    },
  },
  {
    sender: 'a Vault whose line is too long to be kept',
    lose: (world) => overTcp(world, auditLine({ requestData: 'x'.repeat(100_000) })),
  },
  {
    sender: 'a Vault whose lines were too many while the queue was away',
    async lose(world) {
      // No request is refused: what is shed must be reason enough.
      world.state.mode = 'refusing';
      const lines = Array.from({ length: 10_001 }, (_, index) => auditLine({ path: `secret/data/app-${index}` }));
      await overTcp(world, lines.join(''));
      await eventually(async () => (await world.count('auditEntries', { verdict: 'changed' })) >= 10_001, 'every line');
      await isBack(world);
    },
  },
  { sender: 'a Vault half of whose datagram arrives', lose: (world) => overUdp(world, line().slice(0, 200)) },
];

function asked(world: World): number {
  return jobsOf(world.state.added).filter((job) => job === 'mount main  ').length;
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.webhook.close(100);
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
    await overTcp(world, line());
    await overUdp(world, line());
    await eventually(async () => (await world.count('auditEntries', { verdict: 'changed' })) === 3, 'all three');
    await world.clock.advance(interval);

    expect(asked(world)).toBe(0);
  });
});
