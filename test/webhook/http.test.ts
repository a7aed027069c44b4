import { once } from 'node:events';
import { type ClientRequest, request as sendHttp } from 'node:http';
import { connect } from 'node:net';
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { auditLine, readSamples } from './entries.ts';
import {
  bearer,
  eventually,
  fakeClock,
  fakeState,
  type Headers,
  jobsOf,
  postEvents as post,
  startWorld,
  TOKEN,
  type World,
} from './fakes.ts';

const worlds: World[] = [];

async function start(options: Parameters<typeof startWorld>[0] = {}): Promise<World> {
  const world = await startWorld(options);
  worlds.push(world);
  return world;
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.webhook.close(100);
});

describe('POST /events', () => {
  test('answers 200 with an empty body once the queue holds the jobs', async () => {
    const world = await start();

    const response = await post(world, auditLine({ version: 2 }));

    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('0');
    expect(await response.text()).toBe('');
    expect(jobsOf(world.state.added)).toEqual(['path main  secret app/db']);
  });

  test('does not answer before the queue holds the jobs', async () => {
    const state = fakeState();
    const world = await start({ state });
    let take: () => void = () => undefined;
    let answered = false;
    const add = state.inbox.add;
    state.inbox.add = async (jobs) => {
      await new Promise<void>((resolve) => {
        take = resolve;
      });
      await add(jobs);
    };
    let asked = false;
    const taking = take;

    const answer = post(world, auditLine()).then((response) => {
      answered = true;
      return response;
    });
    await eventually(() => (asked ||= take !== taking), 'the jobs handed in');
    const answeredBefore = answered;
    take();
    await answer;

    expect(answeredBefore).toBe(false);
    expect(state.added).toHaveLength(1);
  });

  test('hands the jobs of one body in at once, each key once', async () => {
    const world = await start();
    const lines = ['a', 'b', 'a', 'b', 'a'].map((name) => auditLine({ path: `secret/data/${name}` }));

    await post(world, lines.join(''));

    expect(world.state.calls).toBe(1);
    expect(jobsOf(world.state.added)).toEqual(['path main  secret a', 'path main  secret b']);
  });

  test('counts entries by verdict and jobs by kind', async () => {
    const world = await start();
    const body = readSamples().map(({ entry }) => `${JSON.stringify(entry)}\n`);

    await post(world, `${body.join('')}no JSON\n`);

    const counts = await Promise.all(
      ['changed', 'reconcile', 'ignored', 'malformed'].map((verdict) => world.count('auditEntries', { verdict })),
    );
    expect(counts).toEqual([18, 5, 25, 1]);
    expect(await world.count('jobsQueued', { kind: 'path' })).toBe(
      world.state.added.filter(({ job }) => job.kind === 'path').length,
    );
  });

  test.each([
    { what: 'application/json', headers: { 'Content-Type': 'application/json' } },
    { what: 'no content type', headers: {} },
    { what: 'a charset nobody knows', headers: { 'Content-Type': 'text/plain; charset=x-none' } },
  ])('reads a body with $what', async ({ headers }) => {
    const world = await start();

    const response = await post(world, Buffer.from(auditLine()), { ...bearer, ...(headers as Headers) });

    expect(response.status).toBe(200);
    expect(world.state.added).toHaveLength(1);
  });

  test.each([
    { encoding: 'gzip', encode: gzipSync },
    { encoding: 'deflate', encode: deflateSync },
    { encoding: 'deflate', encode: deflateRawSync },
    { encoding: 'zstd', encode: zstdCompressSync },
  ])('reads a body encoded as $encoding', async ({ encoding, encode }) => {
    const world = await start();
    const lines = Array.from({ length: 2_000 }, (_, index) => auditLine({ path: `secret/data/app-${index}` }));

    const response = await post(world, encode(lines.join('')), { ...bearer, 'Content-Encoding': encoding });

    expect(response.status).toBe(200);
    expect(world.state.added).toHaveLength(2_000);
  });

  test.each([
    { what: 'gzip that is none', body: Buffer.from(auditLine()), encoding: 'gzip' },
    { what: 'gzip that is cut', body: gzipSync(auditLine()).subarray(0, 60), encoding: 'gzip' },
    { what: 'an encoding nobody knows', body: Buffer.from(auditLine()), encoding: 'snappy' },
    { what: 'no JSON', body: Buffer.from('no JSON\n'), encoding: 'identity' },
    { what: 'half a line', body: Buffer.from(auditLine().slice(0, 100)), encoding: 'identity' },
  ])('answers 200 for $what and counts it', async ({ body, encoding }) => {
    const world = await start();

    const response = await post(world, body, { ...bearer, 'Content-Encoding': encoding });

    expect(response.status).toBe(200);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(1);
    expect(world.state.added).toEqual([]);
  });

  test('answers 200 for an empty body', async () => {
    const world = await start();

    const response = await post(world, '');

    expect(response.status).toBe(200);
    expect(world.state.calls).toBe(0);
  });

  test('reads the lines around one of 4 MB and around one beyond the limit', async () => {
    const world = await start({ settings: { limits: { maxLineBytes: 5_000_000 } } });
    const lines = [4_000_000, 6_000_000].map((size, index) =>
      auditLine({ path: `secret/data/long-${index}`, requestData: 'x'.repeat(size) }),
    );

    await post(world, [auditLine({ path: 'secret/data/a' }), ...lines, auditLine({ path: 'secret/data/b' })].join(''));

    expect(jobsOf(world.state.added)).toEqual([
      'path main  secret a',
      'path main  secret long-0',
      'path main  secret b',
    ]);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(1);
  });

  test('answers 413 beyond the longest body, and queues what came before', async () => {
    const world = await start({ settings: { limits: { maxBodyBytes: 100_000 } } });
    const body = `${auditLine()}${auditLine({ operation: 'read' }).repeat(1_000)}`;

    const response = await post(world, body);

    expect(response.status).toBe(413);
    expect(jobsOf(world.state.added)[0]).toBe('path main  secret app/db');
  });

  test('answers 413 for a body that grows without measure', async () => {
    const world = await start();
    const bomb = gzipSync(Buffer.alloc(40_000_000, ' '));

    const response = await post(world, bomb, { ...bearer, 'Content-Encoding': 'gzip' });

    expect(response.status).toBe(413);
  });

  test('takes what was complete when the sender goes away', async () => {
    const world = await start();
    const sending = await beginPost(world);
    sending.on('error', () => undefined);

    sending.write(`${auditLine()}{"type":`);
    sending.socket?.end();

    await eventually(() => world.state.added.length === 1, 'the job');
    expect(await world.count('ingestRefused', { reason: 'aborted' })).toBe(1);
  });

  test('keeps the connection of a sender that does not read the answer', async () => {
    const world = await start();
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
    const answers: string[] = [];
    socket.on('data', (chunk) => answers.push(String(chunk)));
    const line = auditLine();
    const head = `POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: ${line.length}\r\n\r\n`;

    for (let times = 1; times <= 3; times++) {
      socket.write(head + line);
      await eventually(() => answers.join('').split('HTTP/1.1 200 OK').length === times + 1, 'the answer');
    }

    expect(answers.join('')).toMatch(/Connection: keep-alive/);
    expect(answers.join('')).not.toMatch(/X-Powered-By|ETag/i);
    socket.destroy();
  });

  test.each(['GET', 'HEAD'])('answers %s with 200, for those who look whether it is there', async (method) => {
    const world = await start();

    const response = await fetch(`${world.url}/events`, { method });

    expect(response.status).toBe(200);
  });

  test.each(['/', '/event', '/events/main/more', '/events/%zz'])('knows no %s', async (path) => {
    const world = await start();

    const response = await post(world, auditLine(), bearer, path);

    expect(response.status).toBe(404);
  });

  test('does not redirect a path with a slash at its end', async () => {
    const world = await start();

    const response = await post(world, auditLine(), bearer, '/events/');

    expect(response.status).toBe(200);
    expect(world.state.added).toHaveLength(1);
  });

  test('says what is wrong when lines of the socket device arrive at the HTTP port', async () => {
    const world = await start();
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1');

    socket.resume();
    socket.on('error', () => undefined);
    socket.write(auditLine());
    await eventually(() => socket.closed, 'the end of the connection');

    expect(await world.count('ingestRefused', { reason: 'wrongPort' })).toBe(1);
    expect(world.logged.join('')).toContain('must be pointed at a listener of webhook.tcp');
  });
});

describe('a queue that is away', () => {
  test.each(['refusing', 'silent'] as const)('is answered 503 when it is %s', async (mode) => {
    const world = await start();
    world.state.mode = mode;

    const response = await post(world, auditLine());

    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await response.text()).toBe('');
    expect(await world.count('ingestRefused', { reason: 'queue' })).toBe(1);
  });

  test('is answered 503 in the middle of a body with very many changes', async () => {
    const world = await start();
    world.state.mode = 'refusing';
    const lines = Array.from({ length: 12_000 }, (_, index) => auditLine({ path: `secret/data/app-${index}` }));

    const response = await post(world, lines.join(''));

    expect(response.status).toBe(503);
    expect(await world.count('ingestRefused', { reason: 'queue' })).toBe(1);
    expect(await world.count('ingestRefused', { reason: 'bug' })).toBe(0);
  });

  test('does not keep irrelevant entries from being answered 200', async () => {
    const world = await start();
    world.state.mode = 'refusing';

    const response = await post(world, auditLine({ operation: 'read' }));

    expect(response.status).toBe(200);
  });

  test('makes the webhook not ready until it is back, and asks for a reconcile then', async () => {
    const clock = fakeClock(Date.now());
    const world = await start({ clock });
    const readyFirst = world.webhook.ready();
    world.state.mode = 'refusing';
    await post(world, auditLine());
    const readyAway = world.webhook.ready();
    await clock.advance(299_000);

    world.state.mode = 'up';
    await clock.advance(1_000);
    const readyBack = world.webhook.ready();
    const response = await post(world, auditLine());
    await clock.advance(2_000);

    expect(readyFirst).toEqual({ ready: true, reason: '' });
    expect(readyAway).toEqual({ ready: false, reason: 'the queue does not answer' });
    expect(readyBack.ready).toBe(true);
    expect(response.status).toBe(200);
    expect(jobsOf(world.state.added).sort()).toEqual(['mount main  ', 'path main  secret app/db']);
  });
});

describe('the end', () => {
  test('finishes a request under way, and asks its connection to close', async () => {
    const world = await start();
    const sending = await beginPost(world);
    sending.write(auditLine());

    const closing = world.webhook.close(60_000);
    sending.end(auditLine({ path: 'secret/data/last' }));
    const [response] = await once(sending, 'response');
    response.resume();
    await closing;

    expect(response.statusCode).toBe(200);
    expect(response.headers.connection).toBe('close');
    expect(jobsOf(world.state.added)).toEqual(['path main  secret app/db', 'path main  secret last']);
    expect(world.webhook.ready()).toEqual({ ready: false, reason: 'the webhook is shutting down' });
    await expect(post(world, auditLine())).rejects.toThrow('fetch failed');
  });

  test('ends a request that does not come to an end when its time is up', async () => {
    const world = await start();
    const sending = await beginPost(world);
    const ended = new Promise((resolve) => sending.on('error', resolve));
    sending.write(auditLine());

    await world.webhook.close(50);

    expect(await ended).toMatchObject({ code: 'ECONNRESET' });
  });

  test.each([
    { what: 'turned away', path: '/events', authorization: 'Bearer wrong', status: 401 },
    { what: 'that nobody knows the Vault of', path: '/events', authorization: bearer.Authorization, status: 200 },
    { what: 'sent to no route', path: '/elsewhere', authorization: bearer.Authorization, status: 404 },
    { what: 'to a collector', path: '/services/collector', authorization: bearer.Authorization, status: 200 },
  ])('ends a connection with a request $what, answered before all of its body came', async (sample) => {
    const clock = fakeClock(Date.now());
    const vaults = ['main', 'other'].map((name) => ({ name, address: `https://${name}.example.com`, aliases: [] }));
    const world = await start({ clock, settings: { vaults } });
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
    const head = `POST ${sample.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${sample.authorization}`;
    socket.write(`${head}\r\nContent-Length: 4\r\n\r\n{`);
    const [answer] = await once(socket, 'data');

    const closing = world.webhook.close(60_000);
    socket.write('}\r\n');
    await once(socket, 'close');
    await closing;

    expect(String(answer)).toMatch(new RegExp(`^HTTP/1.1 ${sample.status} `));
  });

  test('says that a port is taken', async () => {
    const world = await start();
    const port = Number(new URL(world.url).port);

    const second = startWorld({ settings: { http: { host: '127.0.0.1', port } } });

    await expect(second).rejects.toMatchObject({ name: 'InputError', message: expect.stringContaining(`:${port}`) });
  });
});

/** A request that has arrived, its body still to come. */
async function beginPost(world: World): Promise<ClientRequest> {
  const sending = sendHttp(`${world.url}/events`, {
    method: 'POST',
    headers: { ...bearer, Expect: '100-continue', 'Transfer-Encoding': 'chunked' },
  });
  sending.flushHeaders();
  await once(sending, 'continue');
  return sending;
}
