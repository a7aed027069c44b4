import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { foreignFormat } from '../../src/webhook/audit/foreign.ts';
import { mayHideChange, type Reason } from '../../src/webhook/audit/verdict.ts';
import { auditLine, readAll } from './entries.ts';
import { bearer, eventually, type FakeClock, fakeClock, jobsOf, postEvents, startWorld, type World } from './fakes.ts';

const interval = 300_000;
const worlds: World[] = [];

/** A webhook whose start, which asks for a reconcile itself, is long ago. */
async function start(): Promise<World & { clock: FakeClock }> {
  const clock = fakeClock(Date.now());
  const world = await startWorld({ clock, settings: { limits: { maxLineBytes: 4_000_000 } } });
  worlds.push(world);
  await clock.advance(interval);
  return { ...world, clock };
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.webhook.close(100);
});

function asked(world: World): number {
  return jobsOf(world.state.added).filter((job) => job === 'mount main  ').length;
}

async function unreadable(world: World, reason: string): Promise<number> {
  const { values } = await world.metrics.unreadable.get();
  return values.find(({ labels }) => labels.reason === reason && labels.vault === 'main')?.value ?? 0;
}

const line = auditLine({ version: 3 });
const tooLong = auditLine({ requestData: 'x'.repeat(4_100_000) });
const tooComplex = auditLine({ requestData: JSON.parse(`[${'[],'.repeat(1_000_000)}[]]`) });
/** As Fluent Bit writes `[time, {"log": line}]`. */
const msgpack = Buffer.concat([
  Buffer.from([0x92, 0xd7, 0x00, 0x65, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x81, 0xa3]),
  Buffer.from('log'),
  Buffer.from([0xda, line.length >> 8, line.length & 0xff]),
  Buffer.from(line),
]);
/** As Fluentd writes maps with more than 15 members. */
const msgpackMap = Buffer.from([0xde, 0x00, 0x10, 0xa4, ...Buffer.from('type'), 0xa8, ...Buffer.from('response')]);
const jsonx = '<json:object name="auth"><json:string name="accessor">hmac-sha256:aa</json:string></json:object>\n';
const prefixedJsonx = `@cee: ${jsonx}`;
const form = `message=${encodeURIComponent(line)}&host=vault-0`;
/** As an OpenTelemetry Collector writes a request without saying `encoding: json`. */
const protobuf = Buffer.from([0x0a, 0x10, 0x12, 0x0e, 0x0a, 0x00, 0x12, 0x0a, 0x2a, 0x08, ...Buffer.from('{"a":1}\n')]);
const asProtobuf = { 'Content-Type': 'application/x-protobuf' };

/** What is posted, and a word of what the log tells to set. */
const lost: readonly {
  readonly what: string;
  readonly body: string | Buffer;
  readonly headers?: Record<string, string>;
  readonly reason: string;
  readonly remedy: string;
}[] = [
  { what: 'a line that is too long', body: tooLong, reason: 'TooLong', remedy: 'elide_list_responses=true' },
  { what: 'a line that is too complex', body: tooComplex, reason: 'TooComplex', remedy: 'batch less' },
  { what: 'msgpack', body: msgpack, reason: 'Msgpack', remedy: 'Format json_lines' },
  { what: 'msgpack with a large map', body: msgpackMap, reason: 'Msgpack', remedy: 'Format json_lines' },
  { what: 'format=jsonx', body: jsonx, reason: 'Jsonx', remedy: 'format=json' },
  { what: 'format=jsonx with a prefix', body: prefixedJsonx, reason: 'Jsonx', remedy: 'format=json' },
  { what: 'a form', body: form, reason: 'Form', remedy: 'json_batch' },
  { what: 'Protobuf', body: protobuf, headers: asProtobuf, reason: 'Protobuf', remedy: 'encoding: json' },
  {
    what: 'gzip that is none',
    body: line,
    headers: { 'Content-Encoding': 'gzip' },
    reason: 'BadEncoding',
    remedy: 'gzip',
  },
  {
    what: 'snappy',
    body: line,
    headers: { 'Content-Encoding': 'snappy' },
    reason: 'BadEncoding',
    remedy: 'deflate',
  },
];

describe('what cannot be read and may hold a change', () => {
  test.each(lost)('as $what: 200, counted, the log says what to set, one reconcile', async (sample) => {
    const world = await start();

    const { status } = await postEvents(world, sample.body, { ...bearer, ...sample.headers });

    await eventually(() => asked(world) === 1, 'the reconcile');
    expect(status).toBe(200);
    expect(await unreadable(world, sample.reason)).toBeGreaterThan(0);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBeGreaterThan(0);
    expect(world.logged.filter((text) => text.includes(sample.remedy))).toHaveLength(1);
  });

  test.each(lost)('as $what leads to one reconcile each five minutes, however often it comes', async (sample) => {
    const world = await start();
    const send = () => postEvents(world, sample.body, { ...bearer, ...sample.headers });

    for (let times = 0; times < 4; times++) await send();
    await eventually(() => asked(world) === 1, 'the first reconcile');
    await world.clock.advance(interval - 1_000);
    const withinFiveMinutes = asked(world);
    await eventually(async () => {
      await world.clock.advance(1_000);
      return asked(world) === 2;
    }, 'the second reconcile');
    await world.clock.advance(2 * interval);

    expect(withinFiveMinutes).toBe(1);
    expect(asked(world)).toBe(2);
  });

  test.each(lost)('as $what from a sender without a token leads to nothing', async ({ body, headers }) => {
    const world = await start();

    // The answer may come, and the connection end, before all of the body was sent.
    await postEvents(world, body, { ...headers }).catch(() => undefined);
    await world.clock.advance(interval);

    expect(asked(world)).toBe(0);
  });

  test.each([...new Set(lost.map(({ reason }) => reason))])('as %s is explained in the guide', (reason) => {
    const guide = readFileSync('docs/guides/senders.md', 'utf8');

    expect(guide).toContain(`| \`${reason}\` |`);
    expect(mayHideChange(reason as Reason)).toBe(true);
  });

  test('does not take the lines around it along', async () => {
    const world = await start();

    await postEvents(world, `${line}${tooLong}${auditLine({ path: 'secret/data/other', id: randomUUID() })}`);

    expect(jobsOf(world.state.added)).toEqual(expect.arrayContaining(['path main  secret other']));
    expect(await world.count('auditEntries', { verdict: 'changed' })).toBe(2);
  });

  test('leads to a reconcile over TCP, too', async () => {
    const world = await start();
    const socket = connect(world.tcpPort, '127.0.0.1').resume();
    await once(socket, 'connect');

    socket.end(tooLong);
    await once(socket, 'close');

    await eventually(() => asked(world) === 1, 'the reconcile');
    expect(await unreadable(world, 'TooLong')).toBe(1);
  });
});

describe('what cannot be read and holds no change', () => {
  test.each([
    {
      what: "Vault's own log between the entries",
      body: `2026-03-01T12:00:00Z [INFO] core: vault is unsealed\n${line}`,
    },
    { what: 'JSON of another kind', body: `{"@level":"info","@message":"core: vault is unsealed"}\n${line}` },
    { what: 'a line that was cut short', body: line.slice(0, 100) },
    { what: 'nothing', body: '' },
  ])('as $what asks for nothing', async ({ body }) => {
    const world = await start();

    const { status } = await postEvents(world, body);
    await world.clock.advance(interval);

    expect(status).toBe(200);
    expect(asked(world)).toBe(0);
    expect((await world.metrics.unreadable.get()).values).toEqual([]);
  });

  test.each([
    { what: 'JSON', head: line },
    { what: 'an array', head: `[${line}]` },
    { what: 'a prefix', head: `@cee: ${line}` },
    { what: 'a byte order mark', head: `\uFEFF${line}` },
    { what: 'Cyrillic, Hebrew or Arabic before the entry', head: `журнал שלום سجل ${line}` },
    { what: 'a prefix that is a form, before JSON', head: `a=b&c=%20 ${line}` },
    { what: 'nothing', head: '' },
  ])('as $what is no other format', ({ head }) => {
    expect(foreignFormat(Buffer.from(head), 'application/x-www-form-urlencoded')).toBeNull();
  });

  test('JSON that is called Protobuf, or a form, is JSON', () => {
    const verdicts = ['application/x-protobuf', 'application/x-www-form-urlencoded'].map((type) =>
      foreignFormat(Buffer.from(line), type),
    );

    expect(verdicts).toEqual([null, null]);
  });
});

describe('base64 in a string', () => {
  const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');

  test('that unfolds beyond the longest line is too long, whatever it is packed in', () => {
    const bomb = base64(gzipSync(Buffer.alloc(20_000_000, line)));

    const { verdicts } = readAll([`${JSON.stringify({ records: [{ data: bomb }] })}\n${line}`]);

    expect(verdicts.map(({ reason }) => reason)).toEqual(['TooLong', 'SecretChanged']);
  });

  test('is unfolded no further than that', () => {
    const member = gzipSync(Buffer.alloc(20_000_000));
    const bomb = base64(Buffer.concat(Array.from({ length: 40 }, () => member)));
    const before = process.resourceUsage().maxRSS;

    const { verdicts } = readAll([JSON.stringify({ records: [{ data: bomb }] })], { maxRecordBytes: 2_000_000 });

    expect(verdicts.map(({ reason }) => reason)).toEqual(['TooLong']);
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(200_000);
  });

  test('that unfolds beyond it only together is too long from there on', () => {
    const half = base64(gzipSync(`${line}${' '.repeat(600_000)}`));

    const { verdicts } = readAll([JSON.stringify({ records: [{ data: half }, { data: half }] })]);

    expect(verdicts.map(({ reason }) => reason)).toEqual(['SecretChanged', 'TooLong']);
  });

  test('that is damaged gzip cannot be read', () => {
    const damaged = base64(gzipSync(line).subarray(0, 60));

    const { verdicts } = readAll([JSON.stringify({ records: [{ data: damaged }] })]);

    expect(verdicts.map(({ reason }) => reason)).toEqual(['BadEncoding']);
  });

  test('that is within an audit entry is never looked into', () => {
    const planted = base64(auditLine({ path: 'secret/data/planted' }));

    const { verdicts } = readAll([auditLine({ operation: 'read', requestData: { value: planted } })]);

    expect(verdicts).toMatchObject([{ verdict: 'ignored', path: 'secret/data/app/db' }]);
  });

  test('that is none, like a JWT, is text', () => {
    const jwt = `${base64('{"alg":"none"}')}.${base64(line)}.`;

    const { verdicts } = readAll([JSON.stringify({ message: jwt })]);

    expect(verdicts.map(({ reason }) => reason)).toEqual(['NotAnEntry']);
  });
});
