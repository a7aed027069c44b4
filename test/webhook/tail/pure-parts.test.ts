import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AuditReader } from '../../../src/webhook/audit/reader.ts';
import { beginsWith, headOf, parseCheckpoint } from '../../../src/webhook/tail/checkpoint.ts';
import { LinePosition } from '../../../src/webhook/tail/line-position.ts';
import { byAge, rotationName } from '../../../src/webhook/tail/rotations.ts';
import { changeOf } from './tail-world.ts';

/** Paths of the secrets that a reader hears of in pieces of a file. */
function pathsIn(pieces: readonly Buffer[]): string[] {
  const paths: string[] = [];
  const sink = {
    verdict: ({ path }: { path: string | null }) => void paths.push(path ?? 'malformed'),
    passedOver: () => undefined,
  };
  const reader = new AuditReader({ maxRecordBytes: 1_000_000, prefilter: true, sink });
  for (const piece of pieces) reader.push(piece);
  return paths;
}

describe('where reading stands', () => {
  test('is at the beginning of a line whenever somebody else goes on, and no line is missed', () => {
    const names = fc.array(fc.stringMatching(/^[a-zé{}"\\]{1,12}$/), { minLength: 1, maxLength: 12 });
    const cuts = fc.array(fc.nat(10_000), { maxLength: 12 });
    fc.assert(
      fc.property(names, cuts, fc.nat(12), (secrets, given, killed) => {
        const file = Buffer.from(secrets.map(changeOf).join(''));
        const ends = [...new Set([...given.map((cut) => cut % file.length), file.length])].sort((a, b) => a - b);
        const pieces = ends.map((end, index) => file.subarray(ends[index - 1] ?? 0, end));
        const position = new LinePosition(0);
        const taken = pieces.slice(0, killed);
        for (const piece of taken) position.pass(piece);

        const heard = [...pathsIn(taken), ...pathsIn([file.subarray(position.lineEnd)])];

        expect(new Set(heard)).toEqual(new Set(secrets.map((name) => `secret/data/${name}`)));
        expect(position.lineEnd === 0 || file[position.lineEnd - 1] === 0x0a).toBe(true);
        expect(position.next).toBe(Buffer.concat(taken).length);
      }),
    );
  });
});

describe('the head of a file', () => {
  test('is found in whatever the file has grown to, and in nothing else', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(bytes, bytes, fc.nat(63), (begun, more, at) => {
        const head = headOf(Buffer.from(begun));
        const other = Buffer.from(begun);
        other[at % other.length] = (other[at % other.length] ?? 0) ^ 1;

        expect(beginsWith(Buffer.concat([begun, more]), head)).toBe(true);
        expect(beginsWith(Buffer.concat([other, more]), head)).toBe(false);
        expect(beginsWith(Buffer.from(begun).subarray(1), head)).toBe(false);
      }),
    );
  });

  test('of an empty file is found in none', () => {
    expect(beginsWith(Buffer.from('x'), headOf(Buffer.alloc(0)))).toBe(false);
  });
});

describe('a checkpoint', () => {
  const right = {
    format: 1,
    device: '1',
    inode: '2',
    lastWrite: '3',
    head: headOf(Buffer.from('x')),
    offset: 4,
  };

  test('is read as it was written', () => {
    expect(parseCheckpoint(JSON.stringify(right))).toEqual(right);
  });

  test.each([
    '',
    'null',
    '{}',
    JSON.stringify(right).slice(0, -1),
    JSON.stringify({ ...right, format: 2 }),
    JSON.stringify({ ...right, offset: -1 }),
    JSON.stringify({ ...right, offset: 1.5 }),
    JSON.stringify({ ...right, more: 1 }),
  ])('is damaged as %p', (text) => {
    expect(parseCheckpoint(text)).toBe('damaged');
  });
});

describe('what a rotated file is called', () => {
  test.each([
    ['audit.log.1', 'audit.log.1', 'none'],
    ['audit.log.12.gz', 'audit.log.12', 'gzip'],
    ['audit.log-20261122', 'audit.log-20261122', 'none'],
    ['audit.log-20261122.zst', 'audit.log-20261122', 'zstd'],
    ['audit.log-20261122-1763769600.gz', 'audit.log-20261122-1763769600', 'gzip'],
    ['audit-20261122.log', 'audit-20261122.log', 'none'],
    ['audit.1.log.gz', 'audit.1.log', 'gzip'],
    ['audit-2026-11-22T10:00:00.log', 'audit-2026-11-22T10:00:00.log', 'none'],
  ])('is known: %s', (name, plain, compression) => {
    expect(rotationName('audit.log', name)).toEqual({ plain, compression });
  });

  test.each([
    'audit.log',
    'audit.log.gz',
    'audit.log.bak',
    'audit.log.1.xz',
    'audit.log.1.bak',
    'audit.log.new',
    'audit-rest.log',
    'audit-rest.log.1',
    'other.log.1',
    'audit.log1',
  ])('is told from %s', (name) => {
    expect(rotationName('audit.log', name)).toBeNull();
  });

  test('and an ending that is none is no trouble', () => {
    expect(rotationName('audit', 'audit.1')).toEqual({ plain: 'audit.1', compression: 'none' });
    expect(rotationName('audit', 'audit-rest.log')).toBeNull();
  });
});

describe('the age of rotated files', () => {
  const at = (path: string, mtimeNs: number) => ({ path: `/logs/${path}`, mtimeNs: BigInt(mtimeNs) });

  test.each([
    { what: 'numbers go down', files: [at('audit.log.10.gz', 9), at('audit.log.2.gz', 1), at('audit.log.1', 5)] },
    { what: 'dates go up', files: [at('audit.log-20261120.gz', 9), at('audit.log-20261121', 1)] },
    { what: 'dates before the ending go up', files: [at('audit-20261120.log.gz', 9), at('audit-20261121.log', 1)] },
    { what: 'of other kinds the last write decides', files: [at('audit.log-20261121', 1), at('audit.log.1', 2)] },
  ])('$what', ({ files }) => {
    expect([...files].reverse().sort(byAge)).toEqual(files);
  });
});
