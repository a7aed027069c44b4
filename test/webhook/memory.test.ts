import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { auditLine } from './entries.ts';
import { eventually, jobsOf, startWorld, TOKEN, type World } from './fakes.ts';

jest.setTimeout(120_000);

const worlds: World[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const world of worlds.splice(0)) await world.webhook.close(100);
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What cannot be thrown away at this moment, in MB. Twice, for buffers found unused are freed beside the program. */
function heldMegabytes(): number {
  collectGarbage();
  collectGarbage();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return (arrayBuffers + heapUsed) / 1e6;
}

interface Upload {
  readonly connections: number;
  readonly encoding: string;
  readonly first: string;
  /** Sent over and over. */
  readonly piece: Buffer;
  readonly times: number;
  readonly last: string;
}

/** Sends bodies side by side; resolves to the most memory that was held meanwhile, in MB beyond that before. */
async function upload(world: World, { connections, encoding, first, piece, times, last }: Upload): Promise<Uploaded> {
  const before = heldMegabytes();
  const statuses: string[] = [];
  const length = first.length + piece.length * times + last.length;
  const head = `POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${length}\r\n\r\n`;
  const opened = Array.from({ length: connections }, () => {
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
    socket.on('data', (chunk) => statuses.push(String(chunk).slice(9, 12))).on('error', () => undefined);
    sockets.push(socket);
    return socket;
  });
  const writeAll = (bytes: string | Buffer) => Promise.all(opened.map((socket) => write(socket, bytes)));
  let most = 0;
  await writeAll(head + first);
  for (let sent = 1; sent <= times; sent++) {
    await writeAll(piece);
    if (sent % 20 === 0) most = Math.max(most, heldMegabytes() - before);
  }
  await writeAll(last);
  await eventually(() => statuses.length === connections, 'the answers');
  return { most, statuses };
}

interface Uploaded {
  readonly most: number;
  readonly statuses: readonly string[];
}

/** Resolves once the bytes have left this process, or the connection has ended. */
function write(socket: Socket, bytes: string | Buffer): Promise<void> {
  return new Promise((resolve) => socket.write(bytes, () => resolve()));
}

/** Digits that compression makes nothing of, the same in each run. */
function digits(count: number): string {
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return ((state >>> 16) % 36).toString(36);
  }).join('');
}

const read = auditLine({ operation: 'read', requestData: 'x'.repeat(700) }).trim();
const perPiece = Math.ceil(1_000_000 / read.length);

describe('the webhook holds little', () => {
  test.each([
    { connections: 10, form: 'lines', first: '', piece: `${read}\n`.repeat(perPiece), last: '' },
    { connections: 1, form: 'one array', first: '[{}', piece: `,${read}`.repeat(perPiece), last: ']' },
  ])('of $connections bodies of 100 MB at once, of $form', async ({ connections, first, piece, last }) => {
    const world = await startWorld();
    worlds.push(world);

    const { most, statuses } = await upload(world, {
      connections,
      encoding: 'identity',
      first,
      piece: Buffer.from(piece),
      times: 100,
      last,
    });

    expect(statuses).toEqual(Array(connections).fill('200'));
    expect(await world.count('auditEntries', { verdict: 'ignored' })).toBe(connections * 100 * perPiece);
    expect(most).toBeLessThan(50);
  });

  test('of a line of 100 MB, and reads the next', async () => {
    const world = await startWorld();
    worlds.push(world);

    const { most, statuses } = await upload(world, {
      connections: 1,
      encoding: 'identity',
      first: '{"type":"response","request":{"data":"',
      piece: Buffer.alloc(1_000_000, 'x'),
      times: 100,
      last: `"}}\n${auditLine()}`,
    });

    expect(statuses).toEqual(['200']);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(1);
    expect(jobsOf(world.state.added)).toEqual(['path main  secret app/db']);
    expect(most).toBeLessThan(60);
  });

  test('of a compressed body that comes faster than it can be decompressed', async () => {
    const world = await startWorld();
    worlds.push(world);
    const line = auditLine({ operation: 'read', requestData: digits(1_000_000) });

    const { most, statuses } = await upload(world, {
      connections: 2,
      encoding: 'gzip',
      first: '',
      piece: gzipSync(line, { level: 1 }),
      times: 100,
      last: '',
    });

    expect(statuses).toEqual(['200', '200']);
    expect(most).toBeLessThan(60);
  });

  test('of a body that grows without measure', async () => {
    const world = await startWorld();
    worlds.push(world);

    const { most, statuses } = await upload(world, {
      connections: 2,
      encoding: 'gzip',
      first: '',
      piece: gzipSync(Buffer.alloc(10_000_000, ' ')),
      times: 20,
      last: '',
    });

    expect(statuses).toEqual(['413', '413']);
    expect(most).toBeLessThan(60);
  });
});
