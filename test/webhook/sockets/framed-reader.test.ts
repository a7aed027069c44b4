import { describe, expect, test } from '@jest/globals';
import type { Verdict } from '../../../src/webhook/audit/verdict.ts';
import { FramedReader } from '../../../src/webhook/sockets/framed-reader.ts';
import { auditLine } from '../entries.ts';

/** The secrets whose changes were read, and a word for everything that could not be; `false` when reading was given up. */
function read(pieces: readonly (string | Buffer)[], maxLineBytes = 100_000) {
  const heard: (string | false)[] = [];
  const reader = new FramedReader({
    maxLineBytes,
    sink: {
      verdict: ({ verdict, path, reason }: Verdict) => heard.push(verdict === 'malformed' ? reason : (path ?? '')),
      passedOver: () => heard.push('passed over'),
    },
  });
  for (const piece of pieces) if (!reader.push(Buffer.from(piece))) heard.push(false);
  reader.end();
  expect(reader.heldBytes).toBe(0);
  return heard;
}

function entryOf(path: string): string {
  return auditLine({ path }).trimEnd();
}

function counted(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`;
}

/** Cuts at every place, one cut at a time; and everywhere at once. */
function cuts(text: string): string[][] {
  const twos = Array.from({ length: text.length - 1 }, (_, at) => [text.slice(0, at + 1), text.slice(at + 1)]);
  return [[text], [...text], ...twos];
}

const header = '<165>1 2026-03-01T12:00:00.123Z vault-0 vault 123 audit';
const [one, two] = [entryOf('kv/data/one'), entryOf('kv/data/two')];
const braced = `${header} [a b="{"]`;
const readBoth = ['kv/data/one', 'kv/data/two'];

describe('the bytes of a connection', () => {
  test.each([
    { framing: 'JSON lines', text: `${one}\n${two}\n` },
    { framing: 'JSON lines with a prefix', text: `@cee: ${one}\n@cee: ${two}\n` },
    { framing: 'syslog lines (RFC 5424)', text: `${header} - ${one}\n${header} - ${two}\n` },
    {
      framing: 'syslog lines (RFC 3164)',
      text: `<14>Mar  1 12:00:00 vault-0 vault[7]: ${one}\n<14>Mar 1 x y: ${two}\n`,
    },
    { framing: 'counted syslog messages', text: counted(`${header} - ${one}`) + counted(`${header} - ${two}`) },
    {
      framing: 'counted messages with newlines',
      text: `${counted(`${header} - ${one}\n`)}\n${counted(`${header} - ${two}\n`)}`,
    },
    { framing: 'syslog lines with a brace in their header', text: `${braced} ${one}\n${braced} ${two}\n` },
    { framing: 'counted messages with a brace', text: counted(`${braced} ${one}`) + counted(`${braced} ${two}`) },
  ])('are $framing, wherever they are cut', ({ text }) => {
    const outcomes = cuts(text).map((pieces) => read(pieces).join());

    expect([...new Set(outcomes)]).toEqual([readBoth.join()]);
  });

  test.each([
    { what: 'a brace', data: '[origin@32473 shape="{" ip="10.0.0.1"]' },
    { what: 'an escaped quote and bracket', data: '[a x="\\"{ \\] {"][b y="\\\\"]' },
    { what: 'a byte order mark after it', data: '[a x="1"] \uFEFF' },
  ])('hold structured data with $what', ({ data }) => {
    const text = counted(`${header} ${data} ${one}`) + counted(`${header} - ${two}`);

    expect(read([text])).toEqual(readBoth);
    expect(read([`${header} ${data} ${one}\n${header} - ${two}\n`])).toEqual(readBoth);
  });

  test('hold a counted message that is too long: it is passed over, and the next one read', () => {
    const long = counted(`${header} - ${auditLine({ requestData: 'x'.repeat(30_000) })}`);

    expect(read([long, counted(`${header} - ${two}`)], 4_000)).toEqual(['TooLong', 'kv/data/two']);
    expect(read([...long, counted(`${header} - ${two}`)], 4_000)).toEqual(['TooLong', 'kv/data/two']);
  });

  test('hold a syslog line that is too long: it is passed over, and the next one read', () => {
    const long = `${header} - ${auditLine({ requestData: 'x'.repeat(30_000) })}`;

    expect(read([long.slice(0, 20_000), long.slice(20_000), `${header} - ${two}\n`], 4_000)).toEqual([
      'TooLong',
      'kv/data/two',
    ]);
  });

  test.each([
    { framing: 'a counted message', head: `9999999 ${header} - {"` },
    { framing: 'a syslog line', head: `${header} - {"` },
    { framing: 'a JSON line', head: '{"' },
  ])('hold no more of $framing than the longest that is taken', ({ head }) => {
    const reader = new FramedReader({
      maxLineBytes: 10_000,
      sink: { verdict: () => undefined, passedOver: () => undefined },
    });
    const piece = Buffer.alloc(5_000, 'x');

    const held = Array.from({ length: 100 }, (_, index) => {
      reader.push(index === 0 ? Buffer.from(head) : piece);
      return reader.heldBytes;
    });

    expect(Math.max(...held)).toBeLessThan(10_000 + 8_192 + 1);
    expect(held.at(-1)).toBe(0);
  });

  test('are given up when a length is none', () => {
    expect(read([`${counted(`${header} - ${one}`)}x12 <165>`])).toEqual(['kv/data/one', 'NotJson', false]);
  });

  test('end with half a message: what came before stands', () => {
    const half = `${header} - ${two}`.slice(0, 200);

    expect(read([counted(`${header} - ${one}`), `400 ${half}`])).toEqual(['kv/data/one', 'NotJson']);
    expect(read([`${header} - ${one}\n`, half])).toEqual(['kv/data/one', 'NotJson']);
  });

  test('end with a whole syslog message without a newline: it counts', () => {
    expect(read([`${header} - ${one}\n${header} - ${two}`])).toEqual(readBoth);
  });

  test('are kept until the rest of the line comes, and counted while they are', () => {
    const held = ['{"half', `${header} - {"half`, `400 ${header} - {"half`].map((text) => {
      const reader = new FramedReader({
        maxLineBytes: 1_000,
        sink: { verdict: () => undefined, passedOver: () => undefined },
      });
      reader.push(Buffer.from(text));
      return reader.heldBytes;
    });

    expect(held).toEqual([6, header.length + 9, header.length + 9]);
  });
});
