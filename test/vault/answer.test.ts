import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Attempt, refusalOf, saysInvalidToken, saysNothingThere } from '../../src/vault/answer.ts';
import { canary } from './world.ts';

const attempt: Attempt = {
  address: 'https://vault.example:8200',
  namespace: 'team-a',
  what: 'to read "app/db" in the mount "secret"',
  grant: { capability: 'read', path: 'secret/data/app/db' },
};

function answer(status: number, body: unknown, retryAfterMs?: number) {
  return { status, body, retryAfterMs };
}

describe('an answer that is not certain', () => {
  test.each([
    [307, {}, 'SourceUnavailable', 'VaultRedirects'],
    [400, { errors: ['Upgrading from non-versioned to versioned data.'] }, 'SourceUnavailable', 'MountUpgrading'],
    [400, { errors: ['something'] }, 'SourceUnavailable', 'AnswerUnclear'],
    [403, { errors: ['permission denied'] }, 'SlowRetry', 'PermissionDenied'],
    [403, { errors: ['2 errors occurred:\n\t* permission denied\n\t* invalid token'] }, 'SlowRetry', 'TokenInvalid'],
    [404, { errors: ['no handler for route "x". route entry not found.'] }, 'SourceUnavailable', 'MountMissing'],
    [404, undefined, 'SourceUnavailable', 'AnswerUnclear'],
    [405, { errors: [] }, 'SourceUnavailable', 'AnswerUnclear'],
    [412, { errors: [] }, 'SourceUnavailable', 'VaultBehind'],
    [429, { errors: [] }, 'RateLimited', 'RateLimited'],
    [472, undefined, 'SourceUnavailable', 'VaultStandby'],
    [473, undefined, 'SourceUnavailable', 'VaultStandby'],
    [500, { errors: ['internal error'] }, 'SourceUnavailable', 'VaultUnavailable'],
    [502, undefined, 'SourceUnavailable', 'VaultUnavailable'],
    [503, { errors: ['Vault is sealed'] }, 'SourceUnavailable', 'VaultSealed'],
    [503, undefined, 'SourceUnavailable', 'VaultUnavailable'],
  ] as const)('%i %j is %s, %s', (status, body, remedy, reason) => {
    const refusal = refusalOf(answer(status, body), attempt);

    expect(refusal).toMatchObject({ remedy, reason, code: String(status) });
    expect(refusal.message).toContain('https://vault.example:8200');
    expect(refusal.message).toContain('to read "app/db" in the mount "secret" in the namespace "team-a"');
  });

  test('names the capability and the path to grant when permission is missing', () => {
    const refusal = refusalOf(answer(403, { errors: ['permission denied'] }), attempt);

    expect(refusal.message).toContain('grant "read" on "secret/data/app/db"');
  });

  test('carries the time Vault asked us to wait', () => {
    expect(refusalOf(answer(429, undefined, 2000), attempt)).toMatchObject({ retryAfterMs: 2000 });
  });

  test('never repeats what Vault wrote', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 300, max: 599 }),
        fc.constantFrom('', 'invalid token ', 'no handler for route '),
        (status, phrase) => {
          const refusal = refusalOf(answer(status, { errors: [phrase + canary], data: canary }), attempt);

          expect(JSON.stringify(refusal) + refusal.message).not.toContain(canary);
        },
      ),
      { seed: 3, numRuns: 500 },
    );
  });
});

describe('the one 404 that says "there is nothing"', () => {
  test('has exactly an empty list of errors', () => {
    expect(saysNothingThere(answer(404, { errors: [] }))).toBe(true);
  });

  test.each([
    [404, { errors: ['no handler for route'] }],
    [404, { errors: [], warnings: [] }],
    [404, { errors: {} }],
    [404, []],
    [404, null],
    [404, undefined],
    [200, { errors: [] }],
    [403, { errors: [] }],
  ])('is not %i %j', (status, body) => {
    expect(saysNothingThere(answer(status, body))).toBe(false);
  });
});

test('a token is known to be invalid only from a 403 that says so', () => {
  expect(saysInvalidToken(answer(403, { errors: ['invalid token'] }))).toBe(true);
  expect(saysInvalidToken(answer(403, { errors: ['permission denied'] }))).toBe(false);
  expect(saysInvalidToken(answer(500, { errors: ['invalid token'] }))).toBe(false);
});
