import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { glimpse } from '../../src/webhook/audit/prefilter.ts';
import { auditEntry, readAll, readSamples } from './entries.ts';
import { requestOnly, shuffledBy, spell, withPathBehindOperation, wrappers } from './spellings.ts';

const operations = ['read', 'list', 'help', 'scan', 'create', 'update', 'patch', 'delete', 'recover', 'reader'];
const entries = fc.oneof(
  fc.constantFrom(...readSamples().map(({ entry }) => entry)),
  fc
    .record({
      operation: fc.constantFrom(...operations),
      type: fc.constantFrom('request', 'response'),
      path: fc.constantFrom(
        ...['secret/data/a', 'sys/mounts/kv', 'sys/storage/raft/snapshot', 'secret/config', 'auth/token/renew-self'],
        ...['sys/leases/renew', 'sys/storage/raft/snapshot-force', 'sys/remount'],
      ),
      mountType: fc.constantFrom('kv', 'system', 'pki', null),
      // Whoever writes a secret chooses keys and, with log_raw, values.
      requestData: fc.constantFrom(
        undefined,
        { operation: 'read' },
        { operation: 'update' },
        { operation: 'update', path: 'auth/token/renew-self' },
        { '"operation":"read"': 1 },
        { note: '"operation":"read"' },
        { note: '{"operation":"read"}' },
        { type: 'request' },
        { type: 'response' },
        { response: 'response' },
      ),
    })
    .map((options) => {
      const { requestData, ...rest } = options;
      const full = requestData === undefined ? rest : { ...rest, requestData };
      return rest.type === 'request' ? requestOnly(full) : auditEntry(full);
    }),
);
describe('glimpse', () => {
  test('passes over reads as Vault writes them', () => {
    const read = JSON.stringify(auditEntry({ operation: 'read' }));

    const { passedOver, verdicts } = readAll([`${read}\n${read}\n`], { prefilter: true });

    expect(passedOver).toBe(2);
    expect(verdicts).toEqual([]);
  });

  test.each([
    { path: 'auth/approle/login', passed: 1 },
    { path: 'identity/entity', passed: 1 },
    { path: 'sys/leases/renew', passed: 1 },
    { path: 'sys/mounts/kv', passed: 0 },
    { path: 'authors/data/ada', passed: 0 },
  ])('passes over $passed writes of $path', ({ path, passed }) => {
    const record = JSON.stringify(withPathBehindOperation(auditEntry({ path })));

    const { passedOver } = readAll([record], { prefilter: true });

    expect(passedOver).toBe(passed);
  });

  test.each([
    { what: 'the request of a write', entry: requestOnly({}), passed: 1 },
    { what: 'the response to a write', entry: auditEntry(), passed: 0 },
    {
      what: 'the request of a restore',
      entry: requestOnly({ path: 'sys/storage/raft/snapshot' }),
      passed: 0,
    },
    {
      what: 'a request whose data speak of a response',
      entry: requestOnly({ requestData: { response: 1 } }),
      passed: 0,
    },
  ])('passes over $passed of $what', ({ entry, passed }) => {
    const asLine = readAll([JSON.stringify(withPathBehindOperation(entry))], { prefilter: true });
    const inString = readAll([JSON.stringify({ log: JSON.stringify(withPathBehindOperation(entry)) })], {
      prefilter: true,
    });

    expect(asLine.passedOver).toBe(passed);
    expect(inString.passedOver).toBe(passed);
  });

  test.each([
    { form: 'an array of Fluent Bit', wrap: (line: string) => `[{"date":1700000000.1,${line.slice(1)}]` },
    { form: "Vector's message", wrap: (line: string) => JSON.stringify({ host: 'vault-0', message: line }) },
    { form: "Docker's log", wrap: (line: string) => JSON.stringify({ log: `${line}\n`, stream: 'stdout' }) },
    { form: "Splunk's event", wrap: (line: string) => `{"time":1700000000,"event":${line}}` },
  ])('passes over reads and logins within $form', ({ wrap }) => {
    const login = withPathBehindOperation(auditEntry({ path: 'auth/approle/login' }));
    const body = [auditEntry({ operation: 'read' }), login].map((entry) => `${wrap(JSON.stringify(entry))}\n`);

    const { passedOver } = readAll(body, { prefilter: true });

    expect(passedOver).toBe(2);
  });

  test.each([
    { what: 'base64', encode: (text: string) => Buffer.from(text) },
    { what: 'gzip in base64', encode: (text: string) => gzipSync(text, { level: 9 }) },
  ])('does not pass over the least change in $what beside a read, wherever it stands', ({ encode }) => {
    const least = '{"type":"response","request":{"operation":"patch","path":"a/b"}}';
    const data = encode(least).toString('base64');
    const records = Array.from({ length: 200 }, (_, length) => {
      return `{"${'-'.repeat(length)}":"${data}"}${JSON.stringify(auditEntry({ operation: 'read' }))}\n`;
    });

    const { verdicts } = readAll(records, { prefilter: true });

    expect(verdicts.filter(({ verdict }) => verdict === 'changed')).toHaveLength(records.length);
  });

  test('misses no change, whoever wrote the line and whatever stands in it', () => {
    const lines = fc.record({
      entry: entries,
      wrap: wrappers,
      gap: fc.constantFrom('', ' ', '\t', '\r'),
      escaped: fc.boolean(),
      swaps: fc.infiniteStream(fc.nat(1_000)),
    });

    fc.assert(
      fc.property(lines, ({ entry, wrap, gap, escaped, swaps }) => {
        const record = spell(wrap(entry), { gap, escaped, shuffle: shuffledBy(swaps) });
        const important = readAll([record]).verdicts.filter(
          ({ verdict }) => verdict === 'changed' || verdict === 'reconcile',
        );

        const filtered = readAll([record], { prefilter: true }).verdicts.filter(
          ({ verdict }) => verdict === 'changed' || verdict === 'reconcile',
        );

        expect(filtered).toEqual(important);
        if (important.length > 0) expect(glimpse(Buffer.from(record))).not.toBe('nothing');
      }),
      { seed: 20_260_302, numRuns: 3_000 },
    );
  });

  test.each([
    { what: 'a second operation', record: '{"request":{"operation":"update"},"x":{"operation":"read"}}' },
    { what: 'a space after the colon', record: '{"operation": "read"}' },
    { what: 'an escape that hides a string in a string', record: '{"operation":"read","x":"\\\\"}' },
    { what: 'an escaped letter', record: '{"operation":"read","\\u006fperation":"update"}' },
    { what: 'a longer word', record: '{"operation":"reader"}' },
    { what: 'a record that ends too soon', record: '{"operation":"re' },
    { what: 'a record that ends within the next key', record: '{"operation":"update","pa' },
  ])('does not decide on $what', ({ record }) => {
    expect(glimpse(Buffer.from(record))).not.toBe('nothing');
  });

  test.each([
    { what: 'more paths than an entry has', more: '"a":{"path":"a"},"b":{"path":"b"},"c":{"path":"c"}' },
    { what: 'a path that is no text', more: '"a":{"path":1}' },
    { what: 'a path behind a space', more: '"a":{"path": "b"}' },
    { what: 'a path with an escape', more: '"a":{"path":"b\\"c"}' },
    { what: 'a path of a system', more: '"a":{"path":"sys/remount"}' },
  ])('does not tell the paths of a record with $what', ({ more }) => {
    const record = (others: string) => `{${others},"request":{"operation":"update","path":"secret/data/app"}}`;

    expect(glimpse(Buffer.from(record('"a":{"path":"auth/"}')))).toEqual(['auth/', 'secret/data/app']);
    expect(glimpse(Buffer.from(record(more)))).toBe('unclear');
  });
});
