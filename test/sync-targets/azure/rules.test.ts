import { inspect } from 'node:util';
import type { SecretProperties } from '@azure/keyvault-secrets';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SyncError } from '../../../src/errors.ts';
import { failureOf, StoreRefusal } from '../../../src/sync-targets/azure/failures.ts';
import { azure } from '../../../src/sync-targets/azure/index.ts';
import { contentTypeOf } from '../../../src/sync-targets/azure/limits.ts';
import { newestOf, observedOf } from '../../../src/sync-targets/azure/observed.ts';
import type { AzureSettings } from '../../../src/sync-targets/azure/settings.ts';
import { createContext, createManualClock, desire } from '../conformance/under-test.ts';
import { errorOf } from '../conformance/world.ts';

const settings: AzureSettings = {
  dnsSuffix: 'vault.azure.net',
  authorityHost: 'https://login.microsoftonline.com',
  allowedHosts: ['localhost:8443'],
};
const owner = '0123456789abcdef0123456789abcdef';

function open(destination: { vaultUrl?: string; vaultName?: string }) {
  const context = createContext({ settings, clock: createManualClock(0), errors: [] });
  return azure.open({ azure: destination }, context);
}

function desireTags(tags: Record<string, string>, value = 'x') {
  return desire({ name: 'copy', value, owner, destination: { azure: { vaultName: 'team-a', tags } } });
}

function version(id: string, createdOn: string, tags?: Record<string, string>): SecretProperties {
  const at = new Date(createdOn);
  return { name: 'copy', vaultUrl: '', version: id, createdOn: at, ...(tags ? { tags } : {}) };
}

describe('which vault', () => {
  test.each([
    { vaultName: 'Team-A' },
    { vaultUrl: 'https://team-a.vault.azure.net' },
    { vaultUrl: 'https://TEAM-A.vault.azure.net:443/' },
  ])('%j is one and the same place', (destination) => {
    expect(open(destination).scope).toBe('azure:team-a.vault.azure.net');
  });

  test('a host that the settings allow may be named, with its port', () => {
    expect(open({ vaultUrl: 'https://localhost:8443' }).scope).toBe('azure:localhost:8443');
  });

  test.each([
    'https://vault.azure.net',
    'https://vault.azure.net.example.com',
    'https://x.team-a.vault.azure.net',
    'https://evil-vault.azure.net',
    'https://team-a.vault.azure.net:8443',
    'https://localhost:8444',
  ])('our token is not sent to %s', (vaultUrl) => {
    const refusal = errorOf(() => open({ vaultUrl }));

    expect(refusal).toMatchObject({ remedy: 'FixSpec', reason: 'VaultNotAllowed' });
    expect(refusal?.message).toContain('stores.azure.allowedHosts');
  });

  test.each([
    'http://team-a.vault.azure.net',
    'https://team-a.vault.azure.net/secrets',
    'https://user@team-a.vault.azure.net',
    'https://team-a.vault.azure.net?x',
    'team-a',
  ])('%s is no vaultUrl', (vaultUrl) => {
    const refusal = errorOf(() => azure.keyOf({ azure: { vaultUrl } }));

    expect(refusal).toMatchObject({ remedy: 'FixSpec', reason: 'VaultUrlInvalid' });
  });
});

describe('names', () => {
  const target = open({ vaultName: 'team-a' });

  test('a derived name is one the store can hold, and stays as it is from then on', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (name) => {
        const derived = target.nameOf(name, { derived: true });

        expect(derived).toMatch(/^[0-9a-zA-Z-]{1,127}$/);
        expect(target.nameOf(derived, { derived: false })).toBe(derived);
      }),
      { seed: 1 },
    );
  });

  test.each(['a_b', 'a.b', 'a/b', 'ä', ''])('the name %j, written out, is refused', (name) => {
    expect(errorOf(() => target.nameOf(name, { derived: false }))).toMatchObject({ reason: 'NameInvalid' });
  });

  test('names that differ in letter case alone are the same copy', () => {
    expect(target.identityOf('Db-Password')).toBe(target.identityOf('DB-PASSWORD'));
  });
});

describe('what is refused before any call', () => {
  const target = open({ vaultName: 'team-a' });
  const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, '']));

  test('12 tags of 512 characters are taken', () => {
    const desired = desireTags({ ...tags(11), ['k'.repeat(512)]: 'v'.repeat(512) });

    expect(errorOf(() => target.preflight(desired))).toBeNull();
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['13 tags', tags(13), /12 beside our 3/],
    ['a tag like our marks', { 'vss-owner': 'me' }, /kept for our marks/],
    ['a tag like our marks in capitals', { 'VSS-Owner': 'me' }, /kept for our marks/],
    ['a tag without a name', { '': 'x' }, /1 to 512/],
    ['a tag name of 513', { ['k'.repeat(513)]: 'x' }, /1 to 512/],
    ['a tag value of 513', { key: 'v'.repeat(513) }, /512 at most/],
  ])('%s is refused', (_what, given, rule) => {
    const refusal = errorOf(() => target.preflight(desireTags(given)));

    expect(refusal).toMatchObject({ remedy: 'FixSpec', reason: 'TagsInvalid', message: expect.stringMatching(rule) });
  });

  test('half a character is refused, because UTF-8 has no way to write it', () => {
    const refusal = errorOf(() => target.preflight(desireTags({}, 'secret \ud83d')));

    expect(refusal).toMatchObject({ remedy: 'FixSpec', reason: 'ValueInvalid' });
    expect(refusal?.message).not.toContain('secret \ud83d');
  });
});

test.each([
  ['{"a":1}', 'application/json'],
  ['plain text', 'text/plain'],
  ['', 'text/plain'],
])('the content type of %j is %s', (value, contentType) => {
  expect(contentTypeOf(desireTags({}, value))).toBe(contentType);
});

describe('versions', () => {
  const marks = { 'vss-owner': owner, 'vss-ref': 'team-a/db', 'vss-state': '1.a.b' };

  test('the newest is found in any order, and several of one second stay several', () => {
    const versions = [
      version('b', '2026-01-01T00:00:01Z'),
      version('c', '2026-01-01T00:00:02Z'),
      version('a', '2026-01-01T00:00:02Z'),
      version('d', '2026-01-01T00:00:00Z'),
    ];

    expect(newestOf(versions).map(({ version: id }) => id)).toEqual(['c', 'a']);
  });

  test('one made by hand leaves the copy to the owner of the last one that has a mark, without a state', () => {
    const older = version('a', '2026-01-01T00:00:00Z', { ...marks, 'vss-owner': 'before' });
    const ours = version('b', '2026-01-01T00:00:01Z', marks);
    const byHand = version('c', '2026-01-01T00:00:02Z', { note: 'mine' });

    const observed = observedOf(byHand, [older, byHand, ours]);

    expect(observed).toMatchObject({ owner, ref: 'team-a/db', state: null, versionId: 'c' });
  });

  test('of several made in one second the current one tells whose the copy is', () => {
    const ours = version('a', '2026-01-01T00:00:01Z', marks);
    const theirs = version('b', '2026-01-01T00:00:01Z', { 'vss-owner': 'them' });

    const observed = observedOf(theirs, [ours, theirs]);

    expect(observed).toMatchObject({ owner: 'them', state: null });
  });

  test("one with another owner's mark makes the copy theirs", () => {
    const ours = version('a', '2026-01-01T00:00:00Z', marks);
    const theirs = version('b', '2026-01-01T00:00:01Z', { 'vss-owner': 'them' });

    const observed = observedOf(theirs, [theirs, ours]);

    expect(observed).toMatchObject({ owner: 'them', ref: null });
  });
});

describe('failures', () => {
  const attempt = { doing: 'setting the secret', place: 'vault/name', permission: 'set', who: 'the operator' } as const;
  const signal = new AbortController().signal;

  test('nothing of what the vault writes reaches us but single words', () => {
    const statuses = fc.constantFrom(400, 403, 404, 409, 429, 500);
    const text = fc.string({ minLength: 1, maxLength: 60 }).map((noise) => `canary ${noise}`);
    fc.assert(
      fc.property(statuses, text, text, text, (status, code, message, innerCode) => {
        const body = JSON.stringify({ error: { code, message, innererror: { code: innerCode } } });
        const refusal = new StoreRefusal({ status, method: 'PUT', body, retryAfter: undefined });

        const failure = failureOf(attempt, refusal, signal);

        expect(failure).toBeInstanceOf(SyncError);
        expect(inspect(failure, { depth: null, showHidden: true })).not.toContain('canary');
      }),
      { seed: 1 },
    );
  });

  test.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SlowRetry', 'caFile'],
    ['ENOTFOUND', 'Retry', 'name of the vault'],
    ['ECONNREFUSED', 'Retry', 'tried again'],
  ])('%s on the way is a %s that says what to do', (code, remedy, advice) => {
    const error = Object.assign(new Error('canary'), { name: 'RestError', code });

    const failure = failureOf(attempt, error, signal);

    expect(failure).toMatchObject({ remedy, code, message: expect.stringContaining(advice) });
    expect(inspect(failure)).not.toContain('canary');
  });

  test('a defect of ours stays what it is', () => {
    const defect = new TypeError('undefined is not a function');

    expect(failureOf(attempt, defect, signal)).toBe(defect);
  });
});
