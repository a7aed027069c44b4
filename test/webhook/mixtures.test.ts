import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createLogger } from '../../src/logging.ts';
import { createMetrics } from '../../src/metrics.ts';
import { jobKey, type NewJob } from '../../src/state/contract.ts';
import { raiseHeard } from '../../src/state/heard.ts';
import { AuditReader } from '../../src/webhook/audit/reader.ts';
import { createIngest, type Ingest } from '../../src/webhook/ingest.ts';
import { createNotices } from '../../src/webhook/notices.ts';
import { createQueue } from '../../src/webhook/queue.ts';
import { createReconcileRequests } from '../../src/webhook/reconcile-requests.ts';
import { auditEntry, readSamples } from './entries.ts';
import { type FakeState, fakeClock, fakeState } from './fakes.ts';

type Entry = Record<string, unknown>;

const json = JSON.stringify;
const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');

/** The bytes of some entries, as one sender or another writes them. Each ends where another may begin. */
const envelopes: Readonly<Record<string, (entries: readonly Entry[]) => string>> = {
  lines: (entries) => entries.map((entry) => `${json(entry)}\n`).join(''),
  'lines that end in CR LF': (entries) => entries.map((entry) => `${json(entry)}\r\n`).join(''),
  'one after another': (entries) => `${entries.map((entry) => json(entry)).join('')}\n`,
  'an array': (entries) => `[${entries.map((entry) => json(entry)).join(',')}]\n`,
  'an array over lines': (entries) => `[\n${entries.map((entry) => json(entry)).join(',\n')}\n]\n`,
  'pretty printed': (entries) => entries.map((entry) => `${json(entry, null, 2)}\n`).join(''),
  'a prefix': (entries) => entries.map((entry) => `@cee: ${json(entry)}\n`).join(''),
  syslog: (entries) => entries.map((entry) => `<134>1 2026-03-01T12:00:00Z v vault 7 - - ${json(entry)}\n`).join(''),
  'log in an array': (entries) => `[${entries.map((entry) => json({ date: 1.5, log: `${json(entry)}\n` })).join(',')}]`,
  'message a line': (entries) => entries.map((entry) => `${json({ host: 'v', message: json(entry) })}\n`).join(''),
  'event one after another': (entries) => entries.map((entry) => json({ time: 1, event: entry })).join(''),
  'lines in one string': (entries) => json({ log: entries.map((entry) => `${json(entry)}\n`).join('') }),
  records: (entries) => json({ records: entries.map((value) => ({ value })) }),
  base64: (entries) => json({ records: entries.map((entry) => ({ data: base64(json(entry)) })) }),
  'gzip in base64': (entries) => json({ records: entries.map((entry) => ({ data: base64(gzipSync(json(entry))) })) }),
  'strings in strings': (entries) => entries.map((entry) => `${json({ a: json({ log: json(entry) }) })}\n`).join(''),
};

const entries = fc.oneof(
  fc.constantFrom(...readSamples().map(({ entry }) => entry)),
  fc
    .record({
      operation: fc.constantFrom('read', 'create', 'update', 'patch', 'delete', 'list'),
      type: fc.constantFrom('request', 'response'),
      path: fc.constantFrom(
        'secret/data/a',
        'secret/data/b',
        'secret/config',
        'sys/mounts/kv',
        'auth/token/renew-self',
      ),
      version: fc.integer({ min: 1, max: 9 }),
      time: fc.constantFrom('2026-03-01T12:00:00Z', '2026-03-01T12:00:07.5Z'),
    })
    .map((options) => auditEntry(options)),
);

const parts = fc.array(
  fc.record({
    envelope: fc.constantFrom(...Object.keys(envelopes)),
    entries: fc.array(entries, { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 6 },
);

interface Outcome {
  readonly counts: Readonly<Record<string, number>>;
  /** By key, with what was heard of each; in no order. */
  readonly jobs: Readonly<Record<string, NewJob>>;
}

/**
 * What the webhook makes of some bodies, one after the other, with or without a word of which piece is the last; nobody has
 * said what they want, so every change counts.
 */
async function hear(bodies: readonly (readonly Buffer[])[], tellsLast = false): Promise<Outcome> {
  const state = fakeState(null);
  const metrics = createMetrics({ withProcess: false });
  const ingest = await openIngest(state, metrics);
  for (const pieces of bodies) {
    const intake = ingest.open('main');
    const reader = new AuditReader({ maxRecordBytes: 1_000_000, prefilter: true, sink: intake });
    for (const [at, piece] of pieces.entries()) reader.push(piece, tellsLast && at === pieces.length - 1);
    reader.end();
    await intake.commit();
  }
  await ingest.close();
  const { values } = await metrics.auditEntries.get();
  return {
    counts: Object.fromEntries(values.map(({ labels, value }) => [labels.verdict, value])),
    jobs: jobsByKey(state.added),
  };
}

function openIngest(state: FakeState, metrics: ReturnType<typeof createMetrics>): Promise<Ingest> {
  const clock = fakeClock();
  const notify = createNotices({ logger: createLogger({ level: 'silent' }), clock });
  const queue = createQueue({ state, metrics, clock, notify });
  const requests = createReconcileRequests({ queue, clock, notify, intervalMs: 1_000 });
  return createIngest({ state, queue, requests, metrics, clock, notify });
}

function jobsByKey(added: readonly NewJob[]): Record<string, NewJob> {
  const jobs: Record<string, NewJob> = {};
  for (const { job, heard } of added) {
    const key = jobKey(job);
    const latest = raiseHeard(jobs[key]?.heard ?? null, heard);
    jobs[key] = latest ? { job, heard: latest } : { job };
  }
  return jobs;
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((left, right) => left - right);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe('a mixture of entries', () => {
  test('comes to the same as each entry alone, whatever wraps them and wherever the stream is cut', async () => {
    const streams = fc.tuple(parts, fc.array(fc.nat(), { maxLength: 8 }));

    await fc.assert(
      fc.asyncProperty(streams, async ([mixture, cuts]) => {
        const text = mixture.map((part) => envelopes[part.envelope]?.(part.entries)).join('');
        const alone = mixture.flatMap((part) => part.entries).map((entry) => [Buffer.from(`${json(entry)}\n`)]);

        const together = await hear([cut(Buffer.from(text), cuts)]);
        const toldWhichIsLast = await hear([cut(Buffer.from(text), cuts)], true);

        expect(together).toEqual(await hear(alone));
        expect(toldWhichIsLast).toEqual(together);
      }),
      { seed: 20_260_304, numRuns: 150 },
    );
  });

  test.each(Object.keys(envelopes))('of all samples as %s comes to the same as each alone', async (envelope) => {
    const samples = readSamples().map(({ entry }) => entry);
    const text = envelopes[envelope]?.(samples) ?? '';

    const together = await hear([[Buffer.from(text)]]);
    const toldThatItIsAll = await hear([[Buffer.from(text)]], true);

    expect(toldThatItIsAll).toEqual(together);
    expect(together).toEqual(await hear(samples.map((entry) => [Buffer.from(json(entry))])));
    expect(together.counts).toEqual({ changed: 18, reconcile: 5, ignored: 25 });
  });
});
