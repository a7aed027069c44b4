import { describe, expect, test } from '@jest/globals';
import { auditEntry, auditLine, otlp, readAll } from './entries.ts';

const maxRecordBytes = 32 * 1024 * 1024;

function listOf(count: number, item: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => item(index)).join();
}

/** A record in which something stands beside what makes it no entry. */
function recordOf(content: string): string {
  return `{"type":"response",${content}}`;
}

const numbers = (count: number) => recordOf(`"a":[${listOf(count, () => '1')}]`);
const names = (count: number) => recordOf(listOf(count, (index) => `"name-${index}":1`));
const inBase64 = (text: string) => Buffer.from(text).toString('base64');
const asText = (json: string) => JSON.stringify({ log: json });

/** What no Vault and no shipper writes: parsed, each would take seconds or hundreds of megabytes if it were as long as it may. */
const dear: readonly { readonly what: string; readonly record: string }[] = [
  { what: 'numbers', record: numbers(1_600_000) },
  { what: 'texts', record: recordOf(`"a":[${listOf(1_600_000, () => '""')}]`) },
  { what: 'objects', record: recordOf(`"a":[${listOf(800_000, () => '{}')}]`) },
  { what: 'lists within lists', record: recordOf(`"a":${'['.repeat(1_600_000)}${']'.repeat(1_600_000)}`) },
  { what: 'names', record: names(160_000) },
  { what: 'names, each in an object', record: recordOf(`"a":[${listOf(150_000, (index) => `{"name-${index}":1}`)}]`) },
  { what: 'names with a space behind', record: names(160_000).replaceAll('":', '" :') },
  { what: 'names that hold a quote', record: names(160_000).replaceAll('":', '\\"x":') },
  { what: 'names that end with a backslash', record: names(160_000).replaceAll('":', '\\\\":') },
  { what: 'objects whose name is a number', record: recordOf(`"a":[${listOf(140_000, () => '{"7":1}')}]`) },
  {
    what: "names in OTLP's pairs",
    record: recordOf(`"a":[${listOf(120_000, (index) => JSON.stringify({ key: `n-${index}`, value: otlp('x') }))}]`),
  },
];

const hidden: readonly { readonly what: string; readonly record: string }[] = [
  { what: 'a text', record: asText(names(160_000)) },
  { what: 'a text in a text', record: asText(asText(names(160_000))) },
  { what: 'a text whose names have a line break behind', record: asText(names(160_000).replaceAll('":', '"\n:')) },
  { what: 'a text whose quotes are hidden', record: asText(names(160_000)).replaceAll('\\"', '\\u0022') },
  {
    what: 'a text whose colons are hidden',
    record: asText(names(160_000).replaceAll('":', '"\u0000')).replaceAll('\\u0000', '\\u003A'),
  },
  { what: 'a text whose commas are hidden', record: asText(numbers(1_600_000)).replaceAll(',', '\\u002c') },
  { what: 'base64', record: asText(inBase64(names(160_000))) },
  {
    what: 'base64, half of it, and half of it beside',
    record: recordOf(`"log":"${inBase64(names(80_000))}","beside":${names(80_000).replaceAll('name', 'other')}`),
  },
  {
    what: 'several texts of base64',
    record: JSON.stringify(
      Array.from({ length: 4 }, (_, at) => ({ data: inBase64(names(80_000).replaceAll('name', `name-${at}`)) })),
    ).replace(/^\[(.*)\]$/s, '{"records":[$1]}'),
  },
];

describe('a record that is dear to parse', () => {
  test.each(dear)('is not parsed when it has too many $what', ({ record }) => {
    const { verdicts } = readAll([`${record}\n${auditLine()}`], { maxRecordBytes });

    expect(verdicts.map(({ reason }) => reason)).toEqual(['TooComplex', 'SecretChanged']);
  });

  test.each(hidden)('is not parsed when it is in $what', ({ record }) => {
    const { verdicts } = readAll([`${record}\n${auditLine()}`], { maxRecordBytes });

    expect(verdicts.map(({ reason }) => reason)).toEqual(['TooComplex', 'SecretChanged']);
  });
});

/** An entry of some 1.1 kB, with as many values as those of a real Vault. */
function entryOf(index: number): Record<string, unknown> {
  const data = Object.fromEntries(['user', 'password', 'host'].map((name) => [name, `hmac-sha256:${'0'.repeat(64)}`]));
  const entry = auditEntry({ path: `secret/data/app-${index}`, id: `id-${index}`, requestData: { data }, version: 3 });
  return { ...entry, more: Array.from({ length: 15 }, () => 'hmac-sha256:aa') };
}

const batch = Array.from({ length: 29_000 }, (_, index) => entryOf(index));

describe('a record that is large, and no more', () => {
  test.each([
    { what: 'a batch of 29,000 entries in one object', record: JSON.stringify({ records: batch }) },
    {
      what: 'a batch of 29,000 lines in one text',
      record: asText(batch.map((entry) => JSON.stringify(entry)).join('\n')),
    },
  ])('is taken: $what', ({ record }) => {
    const { verdicts } = readAll([record], { maxRecordBytes: 2 * maxRecordBytes });

    expect(verdicts).toHaveLength(29_000);
    expect(new Set(verdicts.map(({ reason }) => reason))).toEqual(new Set(['SecretChanged']));
  });

  const list = (names: readonly string[]) =>
    JSON.stringify(auditEntry({ operation: 'list', path: 'secret/metadata/', data: { keys: names } }));

  test.each([
    {
      what: 'a list of 800,000 names',
      record: list(Array.from({ length: 800_000 }, (_, index) => `team/app-${index}`)),
    },
    {
      what: 'a list of 350,000 hashed names',
      record: list(Array.from({ length: 350_000 }, (_, index) => `hmac-sha256:${String(index).padStart(64, '0')}`)),
    },
  ])('is taken: $what', ({ record }) => {
    const { verdicts } = readAll([record], { maxRecordBytes });

    expect(verdicts.map(({ reason }) => reason)).toEqual(['ReadOnly']);
  });

  test('is taken: a secret of 100,000 keys', () => {
    const data = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`KEY_${index}`, 'hmac-sha256:aa']));

    const { verdicts } = readAll([auditLine({ requestData: { data } })], { maxRecordBytes });

    expect(verdicts.map(({ reason }) => reason)).toEqual(['SecretChanged']);
  });
});
