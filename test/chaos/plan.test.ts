import { describe, expect, test } from '@jest/globals';
import {
  type Disturbance,
  describeDisturbance,
  drawPlan,
  type RedisMode,
  redisModes,
} from '../../scripts/chaos/plan.ts';
import { seededRandom } from '../../scripts/chaos/random.ts';

function planOf(seed: number, more: { redis?: RedisMode; forMs?: number } = {}) {
  return drawPlan({ random: seededRandom(seed), forMs: 300_000, redis: 'standalone', ...more });
}

/** What a disturbance is about, and how. */
function cardOf(disturbance: Disturbance): string {
  if (disturbance.kind === 'redis') return disturbance.trouble;
  if (disturbance.kind === 'store') return disturbance.store;
  return `${disturbance.kind} ${disturbance.who.length} ${disturbance.role}`;
}

describe('the plan of disturbances', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(planOf(1)).toEqual(planOf(1));
    expect(planOf(1)).not.toEqual(planOf(2));
  });

  test.each([
    ['standalone', ['restart', 'freeze', 'slow', 'full', 'evict', 'empty']],
    ['sentinel', ['die', 'hand over', 'freeze', 'slow', 'full', 'empty']],
    ['cluster', ['die', 'hand over', 'freeze', 'slow', 'full', 'empty']],
  ] as const)('has every kind in five minutes, with Redis %s', (redis, troubles) => {
    const cards = new Set(planOf(1, { redis }).disturbances.map(cardOf));

    expect([...cards].sort()).toEqual(
      [
        ...['kill 1 operator', 'kill 1 webhook', 'kill 2 operator', 'kill 2 webhook'],
        ...['pause 1 operator', 'pause 1 webhook', 'restart 1 operator', 'restart 1 webhook'],
        ...['aws', 'azure', 'gcp'],
        ...troubles,
      ].sort(),
    );
  });

  test('mends everything before the end, and Redis is never disturbed in two ways at once', () => {
    for (let seed = 0; seed < 50; seed++) {
      const { disturbances } = planOf(seed, { forMs: 60_000 });
      const ends = disturbances.map(({ at, forMs }) => at + forMs);
      const ofRedis = disturbances.filter(({ kind }) => kind === 'redis');
      const overlaps = ofRedis.filter(({ at }, index) => {
        const before = ofRedis[index - 1];
        return before !== undefined && before.at + before.forMs > at;
      });

      expect(Math.max(...ends)).toBeLessThanOrEqual(60_000);
      expect(overlaps).toEqual([]);
    }
  });

  test('lets Redis be gone for minutes in a run that is long enough', () => {
    const longest = [1, 2, 3, 4].flatMap((seed) =>
      planOf(seed, { forMs: 900_000 }).disturbances.flatMap(({ kind, forMs }) => (kind === 'redis' ? [forMs] : [])),
    );

    expect(Math.max(...longest)).toBeGreaterThan(120_000);
  });

  test('sets the clock of one webhook and of one operator wrong', () => {
    const { clocks } = planOf(1);

    expect(clocks.map(({ role }) => role)).toEqual(['webhook', 'operator']);
    expect(clocks.every(({ offMs }) => Math.abs(offMs) >= 30_000)).toBe(true);
  });

  test('draws both kinds of senders, unless one is asked for', () => {
    const senders = new Set(Array.from({ length: 30 }, (_, seed) => planOf(seed).sender));

    expect([...senders].sort()).toEqual(['again', 'once']);
    expect(drawPlan({ random: seededRandom(1), forMs: 1_000, redis: 'cluster', sender: 'once' }).sender).toBe('once');
  });

  test('can be read', () => {
    const told = describeDisturbance({ kind: 'kill', role: 'operator', who: [0, 2], at: 12_300, forMs: 1_500 });

    expect(told).toBe('  12.3 s  SIGKILL to operator 0 and 2 (1.5 s)');
    expect(redisModes).toContain('sentinel');
  });
});
