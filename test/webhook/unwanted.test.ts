import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jobKey, type NewJob } from '../../src/state/contract.ts';
import { AuditReader } from '../../src/webhook/audit/reader.ts';
import { auditEntry, type EntryOptions, readSamples } from './entries.ts';
import { interestIn, settle } from './fakes.ts';
import { closeInsides, type Inside, startInside } from './inside.ts';
import { inOrder, requestOnly, type Shuffle, shuffledBy, spell, wrappers } from './spellings.ts';

type Interest = ReturnType<typeof interestIn>;

const interests = fc
  .tuple(
    fc.array(
      fc.constantFrom(
        ...[{ literal: 'app/db' }, { literal: 'web' }, { literal: 'data/app/db' }, { literal: 'config' }, {}],
        ...[{ pattern: 'app/.*', prefix: 'app/' }, { mount: 'secret/data', literal: 'app/db' }, { mount: 'infra/kv' }],
        ...[{ namespace: 'team-a' }, { namespace: 'team-a', literal: 'web' }, { vault: 'other' }, { mount: 'pki' }],
      ),
      { maxLength: 3 },
    ),
    fc.constantFrom<Interest['kvVersions']>({}, { '["main","","secret"]': 1 }, { '["main","","secret"]': 2 }),
  )
  .map(([entries, versions]) => interestIn(entries, versions));

const paths = [
  ...['secret/data/app/db', 'secret/metadata/app/db', 'secret/destroy/web', 'secret/web', 'secret/config', 'secret/'],
  ...['infra/kv/data/app/db', 'infra/kv/config', 'sys/mounts/secret', 'sys/mounts/infra/kv/tune', 'sys/remount'],
  ...['sys/namespaces/team-a', 'sys/storage/raft/snapshot', 'auth/token/create', 'pki/issue/web', 'secret/data/app'],
  ...['secret/data/äpp', 'secret/data/a"b', 'secret/data/a\\b', `secret/data/${'long/'.repeat(120)}db`, 'team-a/'],
];
/** What whoever writes a secret may choose. */
const requestData = [
  ...[undefined, { path: 'secret/data/app/db' }, { path: 7 }, { namespace: { path: 'team-a/' } }, { a: 'path' }],
  ...[{ operation: 'read' }, { mount_type: 'pki' }, { response: 'response' }, { note: '"path":"secret/data/web"' }],
  ...[{ a: { path: 'x' }, b: { path: 'y' }, c: { path: 'z' } }, { error: 'none' }],
];
const options = fc.record({
  operation: fc.constantFrom('create', 'update', 'patch', 'delete', 'recover', 'read', 'revoke'),
  type: fc.constantFrom('response', 'response', 'response', 'request'),
  path: fc.constantFrom(...paths),
  mountPoint: fc.constantFrom('secret/', 'secret/', 'infra/kv/', 'team-a/secret/', 'secret/data/', null),
  mountType: fc.constantFrom('kv', 'kv', 'generic', 'pki', null),
  namespace: fc.constantFrom('', '', '', 'team-a', 'team-a/b'),
  version: fc.constantFrom(undefined, 1, 7),
  requestData: fc.constantFrom(...requestData),
  error: fc.constantFrom(undefined, undefined, undefined, 'denied'),
});

function entryOf({
  requestData,
  version,
  error,
  ...rest
}: { [Key in keyof EntryOptions]?: EntryOptions[Key] | undefined }) {
  const full = Object.entries({ requestData, version, error, ...rest }).filter(([, value]) => value !== undefined);
  const entry = Object.fromEntries(full) as EntryOptions;
  return rest.type === 'request' ? requestOnly(entry) : auditEntry(entry);
}

const other = auditEntry({ path: 'secret/data/nobody-wants', id: '6e6e6e6e-0000-4000-8000-000000000002' });
const moreWrappers = fc.constantFrom<((value: unknown) => unknown)[]>(
  (value) => value,
  (value) => [other, value],
  (value) => [value, other],
  (value) => [other, { data: Buffer.from(JSON.stringify(value)).toString('base64') }],
  (value) => ({ path: 'secret/data/app/db', event: value }),
  (value) => ({ operation: 'update', path: 'secret/data/nobody-wants', log: JSON.stringify(value) }),
  (value) => ({ log: `${JSON.stringify(value)}\n`, path: 'secret/data/web' }),
);
/** What no writer does who knows JSON. */
const twists = fc.constantFrom<((record: string) => string)[]>(
  ...[(record: string) => record, (record: string) => record, (record: string) => record],
  (record) => record.replace(/"path"\s*:\s*"[^"]*"/, '$&,"path":"secret/data/app/db"'),
  (record) => record.replace(/"path"\s*:\s*"[^"]*"/, '"path":"secret/data/app/db",$&'),
  (record) => record.replace(/"path"\s*:\s*"[^"]*"/, '$&,"namespace":{"path":"team-a/"}'),
  (record) => record.replace(/"path"\s*:\s*"[^"]*"/, '$&,"p\\u0061th":"secret/data/app/db"'),
  (record) => record.replace(/"path"\s*:\s*"[^"]*"/, '$&,"path" : "secret/data/app/db"'),
  (record) => record.replace('"path":"secret/', '"path":"secret\\/'),
  (record) => record.slice(0, -1),
  (record) => `${record}${JSON.stringify(other)}`,
  (record) => `${record}{"log":"eyJ`,
);

const orders = { 'as it is': ((items) => items) as Shuffle, 'in order': inOrder };

const records = fc
  .record({
    entry: fc.oneof(
      { arbitrary: options.map(entryOf), weight: 4 },
      fc.constantFrom(...readSamples().map(({ entry }) => entry)),
    ),
    wrap: fc.oneof(moreWrappers, wrappers),
    twist: twists,
    gap: fc.constantFrom('', '', '', ' ', '\n'),
    order: fc.constantFrom<('as it is' | 'in order' | 'shuffled')[]>('as it is', 'in order', 'shuffled'),
    escaped: fc.constantFrom(false, false, false, true),
    swaps: fc.infiniteStream(fc.nat(1_000)),
  })
  .map(({ entry, wrap, twist, gap, order, escaped, swaps }) => {
    return twist(
      spell(wrap(entry), { gap, escaped, shuffle: order === 'shuffled' ? shuffledBy(swaps) : orders[order] }),
    );
  });

describe('a record that nobody wants', () => {
  let glancing: Inside;
  let reading: Inside;

  beforeAll(async () => {
    glancing = await startInside(interestIn([]));
    reading = await startInside(interestIn([]));
  });
  afterAll(closeInsides);

  /** What comes of records, heard one after another, and what of them once somebody else wants something. */
  async function hear(
    inside: Inside,
    glances: boolean,
    [before, after]: readonly Interest[],
    texts: readonly string[],
  ) {
    const { state, ingest, clock } = inside;
    state.publish(before ?? null);
    await settle();
    let passed = 0;
    for (const text of texts) {
      const intake = ingest.open('main');
      const unwanted = (record: Buffer, shown: readonly string[]): boolean => {
        const isPassed = intake.unwanted(record, shown);
        passed += isPassed ? 1 : 0;
        return isPassed;
      };
      const sink = {
        verdict: (verdict: Parameters<typeof intake.verdict>[0]) => intake.verdict(verdict),
        passedOver: () => intake.passedOver(),
        ...(glances ? { unwanted } : {}),
      };
      const reader = new AuditReader({ maxRecordBytes: 1_000_000, prefilter: glances, sink });
      reader.push(Buffer.from(`${text}\n`));
      reader.end();
      await intake.commit();
      await clock.advance(1);
    }
    const atOnce = byKey(state.added.splice(0));
    state.publish(after ?? null);
    await settle();
    const later = byKey(state.added.splice(0));
    await clock.advance(120_000);
    return { atOnce, later, passed };
  }

  function byKey(jobs: readonly NewJob[]): Record<string, NewJob> {
    return Object.fromEntries(jobs.map((job) => [jobKey(job.job), job]));
  }

  test('makes the same jobs unparsed as parsed, now and when somebody wants it, whatever stands in it', async () => {
    let passed = 0;
    let wantedLater = 0;

    await fc.assert(
      fc.asyncProperty(interests, interests, records, async (before, after, record) => {
        const { passed: isPassed, ...glanced } = await hear(glancing, true, [before, after], [record]);
        const { passed: _, ...read } = await hear(reading, false, [before, after], [record]);

        passed += isPassed;
        if (isPassed > 0 && Object.keys(glanced.later).length > 0) wantedLater += 1;
        expect(glanced).toEqual(read);
      }),
      { seed: 20_261_122, numRuns: 2_000 },
    );

    // Or else it proves nothing.
    expect(passed).toBeGreaterThan(150);
    expect(wantedLater).toBeGreaterThan(15);
  }, 120_000);

  test('loses no job to those that come after it', async () => {
    await fc.assert(
      fc.asyncProperty(
        interests,
        interests,
        fc.array(records, { minLength: 2, maxLength: 6 }),
        async (before, after, several) => {
          const glanced = await hear(glancing, true, [before, after], several);
          const read = await hear(reading, false, [before, after], several);

          expect(glanced.atOnce).toEqual(read.atOnce);
          expect(Object.keys(glanced.later)).toEqual(expect.arrayContaining(Object.keys(read.later)));
        },
      ),
      { seed: 20_261_123, numRuns: 500 },
    );
  }, 120_000);
});
