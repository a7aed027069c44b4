import { once } from 'node:events';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { History } from '../../scripts/chaos/history.ts';
import type { Sender } from '../../scripts/chaos/plan.ts';
import { Shipper } from '../../scripts/chaos/shipper.ts';
import { eventually } from '../peers/processes.ts';

let folder: string;
let webhook: Server;
let heard: string[];
/** Lines of each post that was taken. */
let sizes: number[];
/** Statuses of the next answers; 200 after them. */
let answers: number[];
let history: History;
let shipper: Shipper;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-shipper-'));
  heard = [];
  sizes = [];
  answers = [];
  history = new History();
  webhook = createServer(async (request, response) => {
    const lines = (await text(request)).trimEnd().split('\n');
    const status = answers.shift() ?? 200;
    if (status === 200) {
      heard.push(...lines);
      sizes.push(lines.length);
    }
    response.writeHead(status, { connection: 'close' }).end();
  }).listen(0, '127.0.0.1');
  await once(webhook, 'listening');
});

afterEach(async () => {
  await shipper.close();
  webhook.close();
  await rm(folder, { recursive: true, force: true });
});

async function ship(
  sender: Sender,
  url: string | null | (() => string | null) = address(),
): Promise<(...lines: string[]) => Promise<void>> {
  const file = join(folder, 'audit.log');
  await writeFile(file, '');
  const doors = () => [{ name: 'webhook 0', url: typeof url === 'function' ? url() : url }];
  shipper = new Shipper({ file, sender, doors, random: () => 0, history });
  await shipper.start();
  return (...lines) => appendFile(file, lines.map((line) => `${line}\n`).join(''));
}

function address(): string {
  return `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/events`;
}

function change(secret: string): string {
  return JSON.stringify({ type: 'response', request: { operation: 'update', path: `secret/data/chaos/${secret}` } });
}

test('a sender that tries again goes on until it hears 200, and only then counts an entry as taken', async () => {
  answers = [503, 503];
  const write = await ship('again');

  await write(change('a'));
  await eventually(() => heard.length === 1, { what: 'the entry' });
  await eventually(() => shipper.isIdle(), { what: 'the answer' });

  expect(shipper.counts).toMatchObject({ entries: 1, taken: 1, answered503: 2, retries: 2, givenUp: 0 });
  expect(history.lastFate('a')).toBe('taken');
});

test('a sender that sends once gives an entry up that was answered 503, and it is known which', async () => {
  answers = [503];
  const write = await ship('once');

  await write(change('a'));
  await eventually(() => history.lastFate('a'), { what: 'the end of the entry' });

  expect(shipper.counts).toMatchObject({ taken: 0, answered503: 1, retries: 0, givenUp: 1 });
  expect(history.lastFate('a')).toBe('refused');
});

test('an entry that no webhook was there for was heard by nobody', async () => {
  const write = await ship('once', null);

  await write(change('a'));
  await eventually(() => history.lastFate('a'), { what: 'the end of the entry' });

  expect(history.lastFate('a')).toBe('unheard');
});

test('half a line waits for its other half', async () => {
  const write = await ship('again');
  const line = change('a');

  await appendFile(join(folder, 'audit.log'), line.slice(0, 20));
  await write(line.slice(20), change('b'));
  await eventually(() => heard.length === 2, { what: 'both entries' });

  expect(heard).toEqual([line, change('b')]);
});

test('what has piled up while no webhook was there goes in few posts', async () => {
  let url: string | null = null;
  const write = await ship('again', () => url);

  for (let written = 1; written <= 30; written++) {
    await write(change(`s${written}`));
    await eventually(() => shipper.counts.entries === written, { what: 'the line to be read' });
  }
  url = address();
  await eventually(() => shipper.counts.taken === 30, { what: 'all of them' });

  // Four were under way before.
  expect(sizes.length).toBeLessThanOrEqual(5);
  expect(heard).toHaveLength(30);
});
