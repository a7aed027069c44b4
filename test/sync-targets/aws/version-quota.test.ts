import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createVersionQuota, waitForVersion } from '../../../src/sync-targets/aws/version-quota.ts';
import { createManualClock } from '../conformance/under-test.ts';
import { openStrictStore, type StrictStore } from './strict-store.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const versionId = (version: number) => `vss1-${String(version).padStart(10, '0')}-${'a'.repeat(40)}`;

describe('the wait before another version', () => {
  const now = 10 * day;
  const madeAgo = (count: number, age: number) => Array.from({ length: count }, () => now - age);

  test.each<[string, number[], number]>([
    ['none for a secret without versions', [], 0],
    ['none in calm times', madeAgo(49, minute), 0],
    ['none for what is older than a day', madeAgo(99, day), 0],
    ['a share of the time until the oldest is a day old', madeAgo(50, 4 * hour), (20 / 40 - 4) * hour],
    ['what is left of that share', [...madeAgo(79, 4 * hour), now - hour], (20 / 10 - 1) * hour],
    ['until the oldest is a day old when there is nothing left', madeAgo(90, 4 * hour), 20 * hour],
    ['until enough are a day old', [...madeAgo(6, 23 * hour), ...madeAgo(90, minute)], day - minute],
  ])('is %s', (_what, created, wait) => {
    expect(waitForVersion(created, now)).toBe(Math.max(0, wait));
  });

  test('keeps the busiest secret within 90 versions of any day, and lets it go on all the time', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 20 * minute }), { minLength: 300, maxLength: 300 });

    fc.assert(
      fc.property(gaps, (changes) => {
        const created: number[] = [];
        let time = now;
        for (const gap of changes) {
          time += gap;
          // Whoever waited asks again: meanwhile some are a day old.
          let asked = 0;
          for (; waitForVersion(created, time) > 0; asked += 1) time += waitForVersion(created, time);
          expect(asked).toBeLessThan(50);
          created.push(time);
        }
        const busiest = Math.max(...created.map((at) => created.filter((one) => one > at - day && one <= at).length));
        const longest = Math.max(...created.slice(1).map((at, index) => at - (created[index] ?? at)));
        expect(busiest).toBeLessThanOrEqual(90);
        expect(longest).toBeLessThanOrEqual(day);
      }),
      { seed: 20_261_121, numRuns: 20 },
    );
  });
});

describe('the count of versions', () => {
  function countFor(versions: number) {
    const clock = createManualClock(10 * day);
    const quota = createVersionQuota(clock);
    let asked = 0;
    const created = async () => {
      asked += 1;
      return Array.from({ length: versions }, () => clock.now());
    };
    const write = (version: number, name = 'db') => quota.waitFor({ name, versionId: versionId(version), created });
    return { clock, write, asked: () => asked };
  }

  test('asks AWS nothing for the first ten writes, and once for every ten more', async () => {
    const { write, asked } = countFor(0);

    const after: number[] = [];
    for (let version = 1; version <= 31; version += 1) {
      await write(version);
      after.push(asked());
    }

    expect([after[9], after[10], after[20], after[30]]).toEqual([0, 1, 2, 3]);
  });

  test('sees by the version in Vault that others write too', async () => {
    const { write, asked } = countFor(0);

    await write(7);
    await write(17);

    expect(asked()).toBe(1);
  });

  test('asks nothing for secrets that change every three hours', async () => {
    const { clock, write, asked } = countFor(0);

    for (let version = 1; version <= 100; version += 1) {
      for (let name = 1; name <= 12; name += 1) await write(version, `db-${name}`);
      clock.advance(3 * hour);
    }

    expect(asked()).toBe(0);
  });

  test('asks before each version once it is not calm, and not before its time', async () => {
    const { clock, write, asked } = countFor(60);
    for (let version = 1; version <= 10; version += 1) await write(version);

    const wait = await write(11);
    const again = await write(12);
    clock.advance(wait);
    await write(13);

    expect(wait).toBe(day / 30);
    expect(again).toBe(wait);
    expect(asked()).toBe(2);
  });

  test('is by the number that the settings give', () => {
    const created = Array.from({ length: 600 }, () => 10 * day);

    expect(waitForVersion(created, 10 * day, 2_000)).toBe(0);
    expect(waitForVersion(created, 10 * day, 1_000)).toBe(day / 300);
  });

  test('lets everything pass where the count may not be known', async () => {
    const quota = createVersionQuota(createManualClock(0));
    let asked = 0;
    const created = async () => {
      asked += 1;
      return null;
    };

    const waits: number[] = [];
    for (let version = 1; version <= 30; version += 1) {
      waits.push(await quota.waitFor({ name: 'db', versionId: versionId(version), created }));
    }

    expect(new Set(waits)).toEqual(new Set([0]));
    expect(asked).toBe(2);
  });
});

describe('a copy in AWS that changes all the time', () => {
  let store: StrictStore;

  beforeAll(async () => {
    store = await openStrictStore();
  });

  afterAll(() => store.close());

  test('is slowed before AWS refuses it, and goes on', async () => {
    const name = 'busy';
    const desired = (version: number) => store.desire(name, {}, { value: `v${version}`, version });
    let written = await store.target.write(desired(1), { kind: 'absent' }, store.signal);
    const refusals: unknown[] = [];
    const waits: number[] = [];

    for (let version = 2; version <= 150; version += 1) {
      store.clock.advance(minute);
      const write = () => store.target.write(desired(version), { kind: 'remembered', written }, store.signal);
      written = await write().catch((error: { remedy: string; retryAfterMs: number }) => {
        refusals.push(error);
        waits.push(error.retryAfterMs);
        store.clock.advance(error.retryAfterMs);
        return write();
      });
    }

    expect(store.secrets.look(name).value).toBe('v150');
    expect(refusals.length).toBeGreaterThan(40);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ remedy: 'SlowRetry', reason: 'VersionsSpent', code: undefined });
    }
    expect(Math.max(...waits)).toBeLessThan(2 * hour);
  });

  test('is not slowed where the operator may not list versions', async () => {
    const name = 'unseen';
    const Action = ['secretsmanager:CreateSecret', 'secretsmanager:TagResource', 'secretsmanager:PutSecretValue'];
    store.permit({ Statement: [{ Effect: 'Allow', Action, Resource: '*' }] });
    let written = await store.target.write(store.desire(name, {}), { kind: 'absent' }, store.signal);

    for (let version = 2; version <= 60; version += 1) {
      const desired = store.desire(name, {}, { value: `v${version}`, version });
      written = await store.target.write(desired, { kind: 'remembered', written }, store.signal);
    }

    expect(store.secrets.look(name).value).toBe('v60');
    store.permit(null);
  });
});
