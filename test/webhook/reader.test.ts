import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AuditReader } from '../../src/webhook/audit/reader.ts';
import type { Verdict } from '../../src/webhook/audit/verdict.ts';
import { auditEntry, auditLine, readAll, readSamples } from './entries.ts';

const changed = auditEntry({ version: 3 });
const line = JSON.stringify(changed);
const tricky = JSON.stringify({ ...changed, note: '{"[\\"}' });

function kinds(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(({ verdict }) => verdict);
}

function reasons(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(({ reason }) => reason);
}

function isReadable({ verdict }: Verdict): boolean {
  return verdict !== 'malformed';
}

describe('AuditReader', () => {
  test.each([
    { form: 'one object without a newline', body: line, count: 1 },
    { form: 'lines', body: `${line}\n${line}\r\n\n${line}`, count: 3 },
    { form: 'an array in one line', body: `[${line},${line}]`, count: 2 },
    { form: 'an array over lines', body: `[\n${line},\n${line}\n]\n`, count: 2 },
    { form: 'an array whose strings hold quotes, braces and backslashes', body: `[${tricky},${tricky}]`, count: 2 },
    { form: 'objects one after another', body: `${line}${line}${line}\n`, count: 3 },
    { form: 'a pretty printed object', body: JSON.stringify(changed, null, 2), count: 1 },
    { form: 'a pretty printed array', body: JSON.stringify([changed, changed], null, 2), count: 2 },
    { form: 'a pretty printed object without indentation', body: JSON.stringify(changed, null, '\t'), count: 1 },
    { form: 'a prefix before each line', body: `@cee: ${line}\n@cee: ${line}\n`, count: 2 },
    { form: 'a container log line', body: `2026-03-01T12:00:00Z stdout F ${line}\n`, count: 1 },
    { form: 'a line in `log`', body: JSON.stringify({ date: 1, log: `${line}\n` }), count: 1 },
    { form: 'an object in `event`', body: `${JSON.stringify({ event: changed })}\n`.repeat(2), count: 2 },
    {
      form: 'lines in lines',
      body: JSON.stringify({ message: JSON.stringify({ log: `${line}\n${line}` }) }),
      count: 2,
    },
    { form: 'records', body: JSON.stringify({ records: [{ value: changed }, { value: changed }] }), count: 2 },
    {
      form: 'Loki streams',
      body: JSON.stringify({ streams: [{ stream: {}, values: [['1', line]] }] }),
      count: 1,
    },
    {
      form: 'OTLP',
      body: JSON.stringify({
        resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: line } }] }] }],
      }),
      count: 1,
    },
  ])('understands $form', ({ body, count }) => {
    const { verdicts } = readAll([body]);

    expect(kinds(verdicts)).toEqual(Array(count).fill('changed'));
    expect(verdicts[0]).toMatchObject({ mount: 'secret', path: 'secret/data/app/db', version: 3 });
  });

  test('never looks for entries within an entry', () => {
    const planted = auditEntry({ path: 'secret/data/victim', operation: 'delete' });
    const read = auditEntry({ operation: 'read', data: { planted, text: JSON.stringify(planted) } });

    const { verdicts } = readAll([JSON.stringify(read)]);

    expect(verdicts).toMatchObject([{ verdict: 'ignored', path: 'secret/data/app/db' }]);
  });

  test.each([
    { what: 'a line that is no JSON', bad: 'core: post-unseal setup starting', reason: 'NotJson' },
    { what: 'an object that is no JSON', bad: '{"type":"response",}', reason: 'NotJson' },
    { what: 'text with a brace', bad: 'expanding {name', reason: 'NotJson' },
    { what: 'the first half of a line', bad: line.slice(0, 100), reason: 'NotJson' },
    { what: 'the second half of a line', bad: line.slice(-20), reason: 'NotJson' },
    { what: 'an object that is no entry', bad: '{"level":"info"}', reason: 'NotAnEntry' },
  ])('counts $what and goes on with the next', ({ bad, reason }) => {
    const { verdicts } = readAll([`${line}\n${bad}\n${line}\n`]);

    expect(kinds(verdicts)).toEqual(['changed', 'malformed', 'changed']);
    expect(verdicts[1]?.reason).toBe(reason);
  });

  test('loses nothing after a line that holds a brace and no more', () => {
    const { verdicts } = readAll([`{\n${line}\n@cee: ${line}\n`]);

    expect(kinds(verdicts)).toEqual(['malformed', 'changed', 'changed']);
  });

  test('loses nothing after a cut line, though the next ones are indented', () => {
    const { verdicts } = readAll([`{"type":\n ${line}\n ${line}\n`]);

    expect(kinds(verdicts)).toEqual(['malformed', 'changed', 'changed']);
  });

  test('takes the whole entries of a line that is broken at its end', () => {
    const { verdicts } = readAll([`${line}${line.slice(0, 80)}}\n${line}\n`]);

    expect(kinds(verdicts)).toEqual(['changed', 'malformed', 'changed']);
  });

  test('skips a line beyond the limit, however it arrives, and counts it once', () => {
    const long = JSON.stringify(auditEntry({ requestData: 'x'.repeat(4_000_000) }));
    const body = Buffer.from(`${line}\n${long}\n${line}\n`);
    const pieces = Array.from({ length: Math.ceil(body.length / 65_536) }, (_, index) =>
      body.subarray(index * 65_536, (index + 1) * 65_536),
    );

    const whole = readAll([body], { maxRecordBytes: 1_000_000 });
    const inPieces = readAll(pieces, { maxRecordBytes: 1_000_000 });

    expect(reasons(whole.verdicts)).toEqual(['SecretChanged', 'TooLong', 'SecretChanged']);
    expect(reasons(inPieces.verdicts)).toEqual(['SecretChanged', 'TooLong', 'SecretChanged']);
  });

  test('reads a line of 4 MB within the limit', () => {
    const long = JSON.stringify(auditEntry({ requestData: 'x'.repeat(4_000_000) }));

    const { verdicts } = readAll([long], { maxRecordBytes: 32_000_000 });

    expect(kinds(verdicts)).toEqual(['changed']);
  });

  test('survives deep nesting', () => {
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    const lists = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;

    const { verdicts } = readAll([`${deep}\n${lists}\n${line}\n`]);

    expect(kinds(verdicts)).toEqual(['malformed', 'malformed', 'changed']);
  });

  test('goes on after a line that opens millions of lists', () => {
    const { verdicts } = readAll([`{"a":${'['.repeat(3_000_000)}\n`, line], { maxRecordBytes: 32_000_000 });

    expect(reasons(verdicts)).toEqual(['NotJson', 'SecretChanged']);
  });

  test('does not wait for the newline of an object that is whole', () => {
    const verdicts: Verdict[] = [];
    const sink = { verdict: (verdict: Verdict) => verdicts.push(verdict), passedOver: () => undefined };
    const reader = new AuditReader({ maxRecordBytes: 1_000_000, prefilter: false, sink });

    reader.push(Buffer.from(line));

    expect(kinds(verdicts)).toEqual(['changed']);
  });

  test('finds nothing in an empty stream', () => {
    const { verdicts } = readAll(['', '\n \n']);

    expect(verdicts).toEqual([]);
  });

  test('gives the same verdicts wherever the stream is cut', () => {
    const samples = readSamples().map(({ entry }) => entry);
    const forms = fc.oneof(
      fc.constantFrom(...samples).map((entry) => `${JSON.stringify(entry)}\n`),
      fc.constantFrom(...samples).map((entry) => `${JSON.stringify(entry, null, 1)}\n`),
      fc.constantFrom(...samples).map((entry) => `[${JSON.stringify(entry)},${JSON.stringify(entry)}]`),
      fc.constantFrom(...samples).map((entry) => `${JSON.stringify({ log: `${JSON.stringify(entry)}\n` })}\n`),
      fc.constantFrom(...samples).map((entry) => `${JSON.stringify(entry).slice(0, 200)}\n`),
      fc.constantFrom('no JSON at all\n', '\n', '{\n', '}}\n', '@cee: {"a":"\\"}\n', '{"a":"ü€😀"}\n'),
      fc.constantFrom('{"a":1}}\n', '{{"a":1}\n', '{"a":1} x}\n', '{"a":[1}\n', '{"a":"b\n"}\n', '[[{"a":1}]]\n'),
    );
    const streams = fc.tuple(fc.array(forms, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 8 }));

    fc.assert(
      fc.property(streams, ([parts, cuts]) => {
        const bytes = Buffer.from(parts.join(''));
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));

        // A broken line may count more than once, as far as it was seen when it broke.
        const whole = readAll([bytes]).verdicts;
        const cut = readAll(pieces).verdicts;
        expect(cut.filter(isReadable)).toEqual(whole.filter(isReadable));
        expect(cut.every(isReadable)).toBe(whole.every(isReadable));
      }),
      { seed: 20_260_301, numRuns: 300 },
    );
  });

  test('gives the same verdicts when every byte comes alone', () => {
    const bytes = Buffer.from(`${auditLine({ version: 1 })}no JSON\n${auditLine({ path: 'secret/data/ü€' })}`);

    const { verdicts } = readAll([...bytes].map((byte) => Buffer.from([byte])));

    expect(verdicts).toEqual(readAll([bytes]).verdicts);
  });
});
