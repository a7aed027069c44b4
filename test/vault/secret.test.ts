import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { interpretSecret } from '../../src/vault/secret.ts';
import type { VaultAnswer } from '../../src/vault/transport.ts';

const metadata = {
  created_time: '2026-01-02T03:04:05.678Z',
  custom_metadata: null,
  deletion_time: '',
  destroyed: false,
  version: 3,
};
const deleted = { ...metadata, deletion_time: '2026-02-02T00:00:00Z' };

function answer(status: number, data: unknown): VaultAnswer {
  return { status, body: { data }, retryAfterMs: undefined };
}

describe('what an answer of KV v2 says', () => {
  test('200 with data is a secret, also beside a deletion time that lies ahead', () => {
    const plain = interpretSecret(2, answer(200, { data: { a: '1' }, metadata }));
    const mortal = interpretSecret(2, answer(200, { data: { a: '1' }, metadata: deleted }));

    expect(plain).toMatchObject({ found: true, version: 3, createdTime: metadata.created_time, data: { a: '1' } });
    expect(mortal).toEqual(plain);
  });

  test('404 with the metadata of a deleted or destroyed version proves absence', () => {
    const isDeleted = interpretSecret(2, answer(404, { data: null, metadata: deleted }));
    const isDestroyed = interpretSecret(2, answer(404, { data: null, metadata: { ...deleted, destroyed: true } }));

    const proof = { found: false, version: 3, createdTime: metadata.created_time, mountUuid: null };
    expect(isDeleted).toEqual({ ...proof, because: 'deleted' });
    expect(isDestroyed).toEqual({ ...proof, because: 'destroyed' });
  });

  test.each([
    ['404 with metadata of a version that lives', answer(404, { data: null, metadata })],
    ['404 with data', answer(404, { data: { a: '1' }, metadata: deleted })],
    [
      '404 with a deletion time that is no text',
      answer(404, { data: null, metadata: { ...metadata, deletion_time: 1 } }),
    ],
    ['200 without data, with a deletion time', answer(200, { data: null, metadata: deleted })],
    ['200 without data, destroyed', answer(200, { data: null, metadata: { ...deleted, destroyed: true } })],
    ['200 without metadata', answer(200, { data: { a: '1' } })],
    ['200 without a version', answer(200, { data: { a: '1' }, metadata: { ...metadata, version: '3' } })],
    ['200 with a list for data', answer(200, { data: [], metadata })],
    ['500 with a perfect body', answer(500, { data: null, metadata: deleted })],
    ['403 with a perfect body', answer(403, { data: null, metadata: deleted })],
    ['404 with {"errors":[]}', { status: 404, body: { errors: [] }, retryAfterMs: undefined }],
    ['no JSON', { status: 200, body: undefined, retryAfterMs: undefined }],
  ] as const)('%s says nothing certain', (_title, doubtful) => {
    expect(interpretSecret(2, doubtful)).toBeNull();
  });

  test('whatever comes, absence is concluded from a 404 with that metadata only', () => {
    const bodies = fc.record(
      {
        data: fc.option(fc.jsonValue(), { nil: undefined }),
        metadata: fc.record(
          {
            version: fc.oneof(fc.nat(), fc.string()),
            created_time: fc.oneof(fc.constant('2026-01-01T00:00:00Z'), fc.nat()),
            deletion_time: fc.oneof(fc.constant(''), fc.constant('2026-01-01T00:00:00Z'), fc.boolean()),
            destroyed: fc.oneof(fc.boolean(), fc.string()),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.constantFrom(200, 204, 307, 400, 403, 404, 429, 472, 500, 503), bodies, (status, data) => {
        const reading = interpretSecret(2, answer(status, data));
        if (reading === null || reading.found) return;
        const { deletion_time, destroyed } = data.metadata ?? {};
        expect(status).toBe(404);
        expect(data.data ?? null).toBeNull();
        expect(destroyed === true || (typeof deletion_time === 'string' && deletion_time !== '')).toBe(true);
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});

describe('what an answer of KV v1 says', () => {
  test('200 with data is a secret without a version', () => {
    const reading = interpretSecret(1, answer(200, { a: '1' }));

    expect(reading).toEqual({ found: true, version: 0, createdTime: null, data: { a: '1' }, customMetadata: {} });
  });

  test('metadata within a 404 is no proof: version 1 has none', () => {
    expect(interpretSecret(1, answer(404, { data: null, metadata: deleted }))).toBeNull();
  });
});
