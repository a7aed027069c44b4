import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { auditLine } from '../entries.ts';
import { eventually, fakeState, jobsOf } from '../fakes.ts';
import { type ListenerSettings, type ListenersWorld, lineOf, startListeners } from './world.ts';

let folder = '';
let world: ListenersWorld | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-logged-'));
});

afterEach(async () => {
  await world?.close();
  world = null;
  await rm(folder, { recursive: true });
});

const canary = 'canary-0f9d';
const line = auditLine({ path: `secret/data/${canary}`, requestData: canary });
const texts = [
  line,
  line.slice(0, -20),
  `${canary}\n`,
  `${'['.repeat(5_000)}"${canary}"\n`,
  `{"a":${'['.repeat(5_000)}"${canary}"${']'.repeat(5_000)}}\n`,
  auditLine({ requestData: canary.repeat(2_000) }),
  `<14>1 ${canary} ${canary} - - - ${canary}\n`,
  `12 <14>${canary} ${canary}`,
  `<14>Mar  1 12:00:00 ${canary} vault: ${line}`,
];

interface Way {
  readonly way: string;
  settings(): ListenerSettings;
  /** Sends a text by itself: over a connection of its own, or in one datagram. */
  send(world: ListenersWorld, text: string): Promise<void>;
}

const overStream = async (to: ListenersWorld, text: string, path?: string): Promise<void> => {
  const socket = await to.dial(path);
  const closed = once(socket, 'close');
  socket.end(text);
  await closed;
};
const socketPath = () => join(folder, 'audit.sock');

const ways: readonly Way[] = [
  {
    way: 'TCP',
    settings: () => ({ tcp: [{ host: '127.0.0.1', port: 0, vault: 'main' }] }),
    send: (to, text) => overStream(to, text),
  },
  {
    way: 'a unix socket',
    settings: () => ({ unix: [{ path: socketPath(), vault: 'main' }] }),
    send: (to, text) => overStream(to, text, socketPath()),
  },
  {
    way: 'UDP',
    settings: () => ({ udp: [{ host: '127.0.0.1', port: 0, vault: 'main' }] }),
    async send(to, text) {
      const socket = createSocket('udp4');
      const port = to.listeners.udpAddresses[0]?.port ?? 0;
      await new Promise((sent) => socket.send(text, port, '127.0.0.1', sent));
      await new Promise<void>((closed) => socket.close(() => closed()));
    },
  },
];

test.each(ways)('nothing of what comes over $way is logged, whatever becomes of it', async ({ settings, send }) => {
  const state = fakeState();
  const started = await startListeners({ state, settings: settings(), maxLineBytes: 10_000 });
  world = started;

  for (const text of texts) await send(started, text);
  await send(started, lineOf('last'));
  await eventually(() => jobsOf(state.added).includes('path main  secret last'), 'the last line');
  state.mode = 'refusing';
  await send(started, auditLine({ path: `secret/data/${canary}-2` }));
  await eventually(() => started.queue.isAway(), 'the queue to be found away');

  expect(jobsOf(state.added)).toContain(`path main  secret ${canary}`);
  expect(started.logged.length).toBeGreaterThan(1);
  expect(started.logged.join('')).not.toContain(canary);
});
