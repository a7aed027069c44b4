import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { auditLine } from './entries.ts';
import { eventually, jobsOf, postEvents, startWorld, TOKEN, type World } from './fakes.ts';

jest.setTimeout(600_000);

const worlds: World[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const world of worlds.splice(0)) await world.webhook.close(100);
});

const another = 'a-token-of-another-sender';

async function start(): Promise<World> {
  const world = await startWorld({ settings: { tokens: [{ token: TOKEN }, { token: another }] } });
  worlds.push(world);
  return world;
}

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
  /** Sent in turn, over and over. */
  readonly pieces: readonly Buffer[];
  /** How many are sent. */
  readonly times: number;
  readonly last: string;
}

/** Sends bodies side by side, while another sender is heard again and again. */
async function upload(world: World, { connections, encoding, first, pieces, times, last }: Upload): Promise<Uploaded> {
  const before = heldMegabytes();
  const statuses: string[] = [];
  const served: number[] = [];
  const pieceAt = (sent: number) => pieces[sent % pieces.length] ?? Buffer.alloc(0);
  const sizes = Array.from({ length: times }, (_, sent) => pieceAt(sent).length);
  const length = sizes.reduce((sum, size) => sum + size, first.length + last.length);
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
  for (let sent = 0; sent < times; sent++) {
    await writeAll(pieceAt(sent));
    if (sent % 10 !== 9) continue;
    most = Math.max(most, heldMegabytes() - before);
    served.push((await postEvents(world, read, { Authorization: `Bearer ${another}` })).status);
  }
  await writeAll(last);
  await eventually(() => statuses.length === connections, 'the answers');
  return { most, statuses, served };
}

interface Uploaded {
  /** The most memory that was held meanwhile, in MB beyond that before. */
  readonly most: number;
  readonly statuses: readonly string[];
  /** What the other sender was answered. */
  readonly served: readonly number[];
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

/** A megabyte of names, none of which is in another such megabyte. */
function namesOf(at: number): string {
  return Array.from({ length: 80_000 }, (_, index) => `"k${at * 80_000 + index}":1,`).join('');
}

const read = auditLine({ operation: 'read', requestData: 'x'.repeat(700) }).trim();
const perPiece = Math.ceil(1_000_000 / read.length);

describe('the webhook holds little', () => {
  test.each([
    { connections: 10, form: 'lines', first: '', piece: `${read}\n`.repeat(perPiece), last: '' },
    { connections: 1, form: 'one array', first: '[{}', piece: `,${read}`.repeat(perPiece), last: ']' },
  ])('of $connections bodies of 100 MB at once, of $form', async ({ connections, first, piece, last }) => {
    const world = await start();

    const { most, statuses, served } = await upload(world, {
      connections,
      encoding: 'identity',
      first,
      pieces: [Buffer.from(piece)],
      times: 100,
      last,
    });

    expect(statuses).toEqual(Array(connections).fill('200'));
    expect(await world.count('auditEntries', { verdict: 'ignored' })).toBe(connections * 100 * perPiece + 10);
    expect(served).toEqual(Array(10).fill(200));
    expect(most).toBeLessThan(50);
  });

  test('of a line of 100 MB, and reads the next', async () => {
    const world = await start();

    const { most, statuses, served } = await upload(world, {
      connections: 1,
      encoding: 'identity',
      first: '{"type":"response","request":{"data":"',
      pieces: [Buffer.alloc(1_000_000, 'x')],
      times: 100,
      last: `"}}\n${auditLine()}`,
    });

    expect(statuses).toEqual(['200']);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(1);
    expect(jobsOf(world.state.added)).toEqual(['path main  secret app/db']);
    expect(served).toEqual(Array(10).fill(200));
    expect(most).toBeLessThan(60);
  });

  test.each([
    {
      what: 'a line of 30 MB of names, each another',
      pieces: Array.from({ length: 30 }, (_, at) => Buffer.from(namesOf(at))),
    },
    { what: 'a line of 30 MB of numbers', pieces: [Buffer.from(`"a":[${'1,'.repeat(500_000)}1],`)] },
    { what: 'a line of 30 MB of objects', pieces: [Buffer.from(`"a":[${'{},'.repeat(330_000)}1],`)] },
  ])('of $what, which is not parsed, and reads the next', async ({ pieces }) => {
    const world = await start();

    const { most, statuses, served } = await upload(world, {
      connections: 1,
      encoding: 'identity',
      first: '{"type":"response",',
      pieces,
      times: 30,
      last: `"b":1}\n${auditLine()}`,
    });

    expect(statuses).toEqual(['200']);
    const { values } = await world.metrics.unreadable.get();
    expect(values).toMatchObject([{ labels: { reason: 'TooComplex' }, value: 1 }]);
    expect(jobsOf(world.state.added)).toEqual(['path main  secret app/db']);
    expect(served).toEqual([200, 200, 200]);
    expect(most).toBeLessThan(60);
  });

  test.each([
    { what: 'garbage in lines', times: 30, piece: `${digits(1_000)}\n` },
    { what: 'garbage without an end', times: 30, piece: digits(1_000) },
    { what: 'objects that break off', times: 30, piece: '{"type":"response","request":{"a":[[{\n' },
    { what: 'quotes, backslashes and braces', times: 20, piece: `"\\{"\\\\[{"]}\n{"\\u0022${digits(1_000)}` },
  ])('of $times MB of $what from a sender that is let in', async ({ piece, times }) => {
    const world = await start();

    const { most, statuses, served } = await upload(world, {
      connections: 2,
      encoding: 'identity',
      first: '',
      pieces: [Buffer.from(piece.repeat(Math.ceil(1_000_000 / piece.length)))],
      times,
      last: `\n${auditLine()}`,
    });

    expect(statuses).toEqual(['200', '200']);
    expect(jobsOf(world.state.added)).toContain('path main  secret app/db');
    expect(served).toEqual(Array(times / 10).fill(200));
    expect(most).toBeLessThan(60);
  });

  test('of a compressed body that comes faster than it can be decompressed', async () => {
    const world = await start();
    const line = auditLine({ operation: 'read', requestData: digits(1_000_000) });

    const { most, statuses, served } = await upload(world, {
      connections: 2,
      encoding: 'gzip',
      first: '',
      pieces: [gzipSync(line, { level: 1 })],
      times: 100,
      last: '',
    });

    expect(statuses).toEqual(['200', '200']);
    expect(served).toEqual(Array(10).fill(200));
    expect(most).toBeLessThan(60);
  });

  test('of a body that grows without measure', async () => {
    const world = await start();

    const { most, statuses, served } = await upload(world, {
      connections: 2,
      encoding: 'gzip',
      first: '',
      pieces: [gzipSync(Buffer.alloc(10_000_000, ' '))],
      times: 20,
      last: '',
    });

    expect(statuses).toEqual(['413', '413']);
    expect(served).toEqual([200, 200]);
    expect(most).toBeLessThan(60);
  });
});
