import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { auditLine } from './entries.ts';
import { bearer, eventually, fakeClock, jobsOf, postEvents, startWorld, TOKEN, type World } from './fakes.ts';

const worlds: World[] = [];
const sockets: Socket[] = [];

async function start(options: Parameters<typeof startWorld>[0] = {}): Promise<World> {
  const world = await startWorld(options);
  worlds.push(world);
  return world;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const world of worlds.splice(0)) await world.webhook.close(100);
});

interface RawSender {
  readonly socket: Socket;
  /** What was answered so far. */
  answered(): string;
  /** Waits until the connection is over. */
  end(): Promise<void>;
}

/** A sender that writes what it likes. */
async function rawSender(world: World): Promise<RawSender> {
  const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
  sockets.push(socket);
  const answers: string[] = [];
  socket.on('data', (chunk) => answers.push(String(chunk))).on('error', () => undefined);
  await once(socket, 'connect');
  const end = () => eventually(() => socket.closed, 'the end of the connection');
  return { socket, answered: () => answers.join(''), end };
}

const head = (...more: string[]) => `${['POST /events HTTP/1.1', 'Host: x', ...more].join('\r\n')}\r\n\r\n`;
const withToken = `Authorization: Bearer ${TOKEN}`;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What cannot be thrown away at this moment, in MB. */
function heldMegabytes(): number {
  collectGarbage();
  collectGarbage();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return (arrayBuffers + heapUsed) / 1e6;
}

describe('a sender without a credential', () => {
  test('is answered before its body has come, and its body is never looked at', async () => {
    const world = await start({ clock: fakeClock(Date.now()) });
    const sender = await rawSender(world);

    sender.socket.write(head('Content-Length: 1000000000'));
    await eventually(() => sender.answered().includes('401'), 'the answer');
    sender.socket.write(auditLine());
    for (let sent = 0; sent < 160 && !sender.socket.destroyed; sent++)
      sender.socket.write(Buffer.alloc(64 * 1024, 'x'));
    await sender.end();

    expect(sender.answered()).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n[\s\S]*Connection: close/);
    expect(await world.count('auditEntries', {})).toBe(0);
    expect(world.state.calls).toBe(0);
  });

  test('keeps its connection after a short body, which costs less than a new one', async () => {
    const world = await start();
    const sender = await rawSender(world);
    const line = auditLine();

    for (let times = 1; times <= 3; times++) {
      sender.socket.write(head(`Content-Length: ${line.length}`) + line);
      await eventually(() => sender.answered().split(' 401 ').length === times + 1, 'the answer');
    }

    expect(await world.count('auditEntries', {})).toBe(0);
    expect(await world.count('ingestRefused', { reason: 'unauthorized' })).toBe(3);
  });

  test('that asks first is not told to send its body', async () => {
    const world = await start();
    const sender = await rawSender(world);

    sender.socket.write(head('Expect: 100-continue', 'Content-Length: 1000000'));
    await eventually(() => sender.answered() !== '', 'the answer');

    expect(sender.answered()).toMatch(/^HTTP\/1\.1 401/);
  });

  test('does not keep its connection by sending nothing of a long body', async () => {
    const clock = fakeClock(Date.now());
    const world = await start({ clock });
    const sender = await rawSender(world);
    sender.socket.write(head('Transfer-Encoding: chunked'));
    await eventually(() => sender.answered().includes('401'), 'the answer');

    await clock.advance(5_000);

    await sender.end();
  });

  test('leaves nothing behind however much it sends, while others are served', async () => {
    const world = await start();
    const before = heldMegabytes();
    const piece = Buffer.alloc(64 * 1024, auditLine());
    const flood = async () => {
      const sender = await rawSender(world);
      sender.socket.write(head('Transfer-Encoding: chunked'));
      for (let sent = 0; sent < 40 && !sender.socket.destroyed; sent++) {
        await new Promise((resolve) => sender.socket.write(`10000\r\n${piece}\r\n`, resolve));
      }
      sender.socket.destroy();
    };

    const flooding = Promise.all(Array.from({ length: 50 }, flood));
    const served = await postEvents(world, auditLine());
    await flooding;
    sockets.splice(0);

    expect(served.status).toBe(200);
    expect(jobsOf(world.state.added)).toEqual(['path main  secret app/db']);
    expect(await world.count('auditEntries', {})).toBe(1);
    expect(heldMegabytes() - before).toBeLessThan(30);
  });
});

describe('slow senders', () => {
  test.each([
    ['a header', { headerMs: 1_000 }, 'POST /events HTTP/1.1\r\nHost: x\r\n'],
    ['nothing', { headerMs: 1_000 }, ''],
    ['a body', { headerMs: 1_000, requestMs: 1_500 }, `${head(withToken, 'Content-Length: 100')}{`],
  ])('are ended when %s takes too long, and others are served meanwhile', async (_what, limits, sent) => {
    const world = await start({ settings: { limits } });
    const slow = await Promise.all(Array.from({ length: 20 }, () => rawSender(world)));
    for (const { socket } of slow) socket.write(sent);

    const served = await postEvents(world, auditLine());
    for (const sender of slow) await sender.end();

    expect(served.status).toBe(200);
    for (const sender of slow) expect(sender.answered()).toMatch(/^HTTP\/1\.1 408 Request Timeout/);
    expect(jobsOf(world.state.added)).toEqual(['path main  secret app/db']);
  });

  test('that keep a connection for the next request are not taken for slow', async () => {
    const world = await start({ settings: { limits: { headerMs: 1_000 } } });
    const line = auditLine();
    const request = head(withToken, `Content-Length: ${line.length}`) + line;
    const sender = await rawSender(world);
    sender.socket.write(request);
    await eventually(() => sender.answered().split(' 200 ').length === 2, 'the first answer');

    // Whoever is slow was looked for by then.
    await (await rawSender(world)).end();
    sender.socket.write(request);
    await eventually(() => sender.answered().split(' 200 ').length === 3, 'the second answer');

    expect(sender.answered()).not.toContain('408');
  });
});

describe('too many', () => {
  test('connections of one address are ended, and those before go on', async () => {
    const world = await start({ settings: { limits: { maxConnectionsPerAddress: 2 } } });
    const line = auditLine();
    const [first, second] = [await rawSender(world), await rawSender(world)];

    const third = await rawSender(world);
    await third.end();
    second?.socket.destroy();
    await second?.end();
    first?.socket.write(head(withToken, `Content-Length: ${line.length}`) + line);
    await eventually(() => first?.answered().includes(' 200 ') ?? false, 'the answer');
    await eventually(async () => {
      const again = await rawSender(world);
      again.socket.write(head(withToken, `Content-Length: ${line.length}`) + line);
      await eventually(() => again.answered() !== '' || again.socket.closed, 'an answer or the end');
      const answered = again.answered().includes(' 200 ');
      again.socket.destroy();
      return answered;
    }, 'room for another connection');

    expect(await world.count('ingestRefused', { reason: 'connections' })).toBeGreaterThan(0);
    expect(world.logged.join('')).toContain('webhook.http.maxConnectionsPerAddress');
  });

  test('connections in all are ended', async () => {
    const world = await start({ settings: { limits: { maxConnections: 1 } } });
    await rawSender(world);

    const second = await rawSender(world);
    await second.end();

    expect(await world.count('ingestRefused', { reason: 'connections' })).toBe(1);
  });

  test('requests of one sender at once are answered 503, a reconcile is asked for, and other senders are served', async () => {
    const clock = fakeClock(Date.now());
    const tokens = [{ token: TOKEN }, { token: 'token-of-another' }];
    const world = await start({ clock, settings: { tokens, limits: { maxRequestsPerSender: 2 } } });
    const busy = [await rawSender(world), await rawSender(world)];
    for (const { socket } of busy) socket.write(head(withToken, 'Expect: 100-continue', 'Content-Length: 1000'));
    for (const { answered } of busy) await eventually(() => answered().includes(' 100 '), 'the go-ahead');

    const refused = await postEvents(world, auditLine());
    const another = await postEvents(world, auditLine(), { Authorization: 'Bearer token-of-another' });
    for (const { socket } of busy) socket.destroy();
    await eventually(async () => (await world.count('ingestRefused', { reason: 'aborted' })) === 2, 'their end');
    const later = await postEvents(world, auditLine());
    await clock.advance(300_000);

    expect([refused.status, another.status, later.status]).toEqual([503, 200, 200]);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(await world.count('ingestRefused', { reason: 'tooMany' })).toBe(1);
    expect(jobsOf(world.state.added)).toContain('mount main  ');
  });

  test('requests of one sender a second are answered 503 until time has passed', async () => {
    const clock = fakeClock(Date.now());
    const world = await start({ clock, settings: { limits: { requestsPerSecond: 3 } } });
    const statuses: number[] = [];

    for (let times = 0; times < 4; times++) statuses.push((await postEvents(world, auditLine())).status);
    await clock.advance(400);
    for (let times = 0; times < 2; times++) statuses.push((await postEvents(world, auditLine())).status);

    expect(statuses).toEqual([200, 200, 200, 503, 200, 503]);
  });

  test('unfinished lines at once make the one that goes too far come again, and a reconcile is asked for', async () => {
    const clock = fakeClock(Date.now());
    const world = await start({ clock, settings: { limits: { maxHeldBytes: 4_000_000 } } });
    await clock.advance(300_000);
    const unfinished = `{"type":"response","request":{"data":"${'x'.repeat(3_000_000)}`;
    const request = head(withToken, 'Content-Length: 9000000') + unfinished;
    const first = await rawSender(world);
    await new Promise((resolve) => first.socket.write(request, resolve));

    const second = await rawSender(world);
    second.socket.write(request);
    await eventually(() => first.answered() + second.answered() !== '', 'an answer');
    const small = await postEvents(world, auditLine());
    await eventually(() => jobsOf(world.state.added).includes('mount main  '), 'the reconcile');

    expect(first.answered() + second.answered()).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 2/);
    expect(small.status).toBe(200);
    expect(await world.count('ingestRefused', { reason: 'tooMany' })).toBe(1);
    expect(jobsOf(world.state.added)).toContain('path main  secret app/db');
  });

  test('unfinished lines at once do not concern those who hold little', async () => {
    const world = await start({ settings: { limits: { maxHeldBytes: 1_000_000 } } });
    const line = auditLine({ operation: 'read', requestData: 'x'.repeat(900_000) });
    const senders = [await rawSender(world), await rawSender(world), await rawSender(world)];

    for (const { socket } of senders) {
      const request = head(withToken, `Content-Length: ${line.length}`) + line.slice(0, -100);
      await new Promise((resolve) => socket.write(request, resolve));
    }
    for (const { socket } of senders) socket.write(line.slice(-100));
    for (const { answered } of senders) await eventually(() => answered() !== '', 'the answer');

    for (const { answered } of senders) expect(answered()).toMatch(/^HTTP\/1\.1 200/);
  });
});

test('nothing of a body is logged, whatever becomes of it', async () => {
  const canary = 'canary-0f9d';
  const world = await start({ level: 'debug', settings: { limits: { maxBodyBytes: 200_000, maxLineBytes: 10_000 } } });
  const line = auditLine({ path: `secret/data/${canary}`, requestData: canary });
  const bodies: [string | Buffer, Record<string, string>?][] = [
    [line],
    [line, {}],
    [line.slice(0, -20)],
    [canary],
    [`${'['.repeat(5_000)}"${canary}"`],
    [`{"a":${'['.repeat(5_000)}"${canary}"${']'.repeat(5_000)}}\n`],
    [auditLine({ requestData: canary.repeat(2_000) })],
    [line.repeat(2_000)],
    [canary, { ...bearer, 'Content-Encoding': 'gzip' }],
    [gzipSync(line).subarray(0, 80), { ...bearer, 'Content-Encoding': 'gzip' }],
    [line, { ...bearer, 'X-Vault-Tenant': canary }],
  ];

  for (const [body, headers] of bodies) await postEvents(world, body, headers ?? bearer);
  world.state.mode = 'refusing';
  await postEvents(world, line);
  for (const bytes of [`${canary}\r\n${line}`, line]) {
    const garbage = await rawSender(world);
    garbage.socket.write(bytes);
    await garbage.end();
  }

  expect(world.logged.length).toBeGreaterThan(3);
  expect(world.logged.join('')).not.toContain(canary);
});
