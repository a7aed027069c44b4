import { describe, expect, test } from '@jest/globals';
import {
  type Disturbance,
  describeDisturbance,
  drawPlan,
  type RedisMode,
  redisModes,
} from '../../scripts/chaos/plan.ts';
import { seededRandom } from '../../scripts/chaos/random.ts';

const seeds = Array.from({ length: 50 }, (_, seed) => seed);

function planOf(seed: number, more: { redis?: RedisMode; forMs?: number } = {}) {
  return drawPlan({ random: seededRandom(seed), forMs: 300_000, redis: 'standalone', ...more });
}

/** What a disturbance is about, and how. */
function cardsOf(disturbance: Disturbance): string[] {
  if (disturbance.kind === 'redis') return [disturbance.trouble];
  if (disturbance.kind === 'store') return [disturbance.store, disturbance.fault];
  return [`${disturbance.kind} ${disturbance.who.length} ${disturbance.role}`];
}

/** The things that a disturbance befalls. */
function thingsOf(disturbance: Disturbance): string[] {
  if (disturbance.kind === 'redis') return ['redis'];
  if (disturbance.kind === 'store') return [disturbance.store];
  return disturbance.who.map((index) => `${disturbance.role} ${index}`);
}

function killsOf(disturbances: readonly Disturbance[]) {
  return disturbances.flatMap((disturbance) => (disturbance.kind === 'kill' ? [disturbance] : []));
}

/** Both roles, and whether two were killed at once. */
function kindsOf(kills: ReturnType<typeof killsOf>): string[] {
  const kinds = kills.flatMap(({ role, who }) => [role, ...(who.length === 2 ? ['two at once'] : [])]);
  return [...new Set(kinds)].sort();
}

describe('the plan of disturbances', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(planOf(1)).toEqual(planOf(1));
    expect(planOf(1)).not.toEqual(planOf(2));
  });

  const ofGroup = ['die', 'hand over', 'gone', 'freeze', 'slow', 'full', 'evict', 'empty'];
  test.each([
    ['standalone', ['restart', 'freeze', 'slow', 'full', 'evict', 'empty']],
    ['sentinel', ofGroup],
    ['cluster', ofGroup],
  ] as const)('has every kind within a minute, whatever the seed, with Redis %s', (redis, troubles) => {
    const every = [
      ...['kill 1 operator', 'kill 1 webhook', 'kill 2 operator', 'kill 2 webhook'],
      ...['pause 1 operator', 'pause 1 webhook', 'restart 1 operator', 'restart 1 webhook'],
      ...['aws', 'azure', 'gcp', 'throttle', 'hang', 'lose-answer', 'refuse'],
      ...troubles,
    ].sort();

    const found = seeds.map((seed) => new Set(planOf(seed, { redis, forMs: 60_000 }).disturbances.flatMap(cardsOf)));

    expect(found.map((cards) => [...cards].sort())).toEqual(seeds.map(() => every));
  });

  test.each([60, 120, 300, 600, 1_800])(
    'kills webhooks, operators and two at once in every third of %d seconds',
    (seconds) => {
      const forMs = seconds * 1_000;
      const kinds = seeds.flatMap((seed) => {
        const kills = killsOf(planOf(seed, { forMs }).disturbances);
        return [0, 1, 2].map((third) => kindsOf(kills.filter(({ at }) => Math.floor((at * 3) / forMs) === third)));
      });

      expect(kinds).toEqual(kinds.map(() => ['operator', 'two at once', 'webhook']));
    },
  );

  test('leaves no ten seconds of a long run without a kill', () => {
    const gaps = seeds.flatMap((seed) => {
      const times = [0, ...killsOf(planOf(seed, { forMs: 900_000 }).disturbances).map(({ at }) => at), 900_000];
      return times.slice(1).map((at, index) => at - (times[index] ?? 0));
    });

    expect(Math.max(...gaps)).toBeLessThan(10_000);
  });

  test.each(redisModes)('kills processes while Redis %s is in trouble of most kinds', (redis) => {
    const kinds = seeds.map((seed) => {
      const { disturbances } = planOf(seed, { redis, forMs: 60_000 });
      const kills = killsOf(disturbances);
      const met = disturbances.filter(
        ({ kind, at, forMs }) => kind === 'redis' && kills.some((kill) => at <= kill.at && kill.at < at + forMs),
      );
      return new Set(met.flatMap(cardsOf)).size;
    });

    expect(Math.min(...kinds)).toBeGreaterThanOrEqual(3);
  });

  test('mends everything before the end, and nothing is disturbed in two ways at once', () => {
    for (const seed of seeds) {
      const { disturbances } = planOf(seed, { forMs: 60_000 });
      const ends = disturbances.map(({ at, forMs }) => at + forMs);
      const overlaps = disturbances.filter((one, index) =>
        disturbances
          .slice(0, index)
          .some(
            (before) =>
              before.at + before.forMs > one.at && thingsOf(before).some((thing) => thingsOf(one).includes(thing)),
          ),
      );

      expect(Math.max(...ends)).toBeLessThanOrEqual(60_000);
      expect(overlaps).toEqual([]);
    }
  });

  test('disturbs Redis for six seconds at most, and most of the time, in a run of a minute', () => {
    for (const seed of seeds) {
      const ofRedis = planOf(seed, { forMs: 60_000 }).disturbances.filter(({ kind }) => kind === 'redis');
      const lengths = ofRedis.map(({ forMs }) => forMs);

      expect(Math.max(...lengths)).toBeLessThanOrEqual(6_000);
      expect(lengths.reduce((total, forMs) => total + forMs, 0)).toBeGreaterThan(30_000);
    }
  });

  test.each([
    ['standalone', 'restart'],
    ['sentinel', 'gone'],
    ['cluster', 'gone'],
  ] as const)(
    'lets Redis %s be gone for two minutes, and kills meanwhile, in a run of five minutes',
    (redis, trouble) => {
      for (const seed of seeds) {
        const { disturbances } = planOf(seed, { redis, forMs: 300_000 });
        const long = disturbances.filter(({ kind, forMs }) => kind === 'redis' && forMs >= 120_000);
        const [{ at, forMs } = { at: 0, forMs: 0 }] = long;
        const meanwhile = killsOf(disturbances).filter((kill) => at < kill.at && kill.at < at + forMs);

        expect(long.flatMap(cardsOf)).toEqual([trouble]);
        expect(kindsOf(meanwhile)).toEqual(['operator', 'two at once', 'webhook']);
      }
    },
  );

  test('has every trouble of Redis in a run of five minutes, though it is gone for half of it', () => {
    const found = seeds.map((seed) => new Set(planOf(seed, { redis: 'cluster' }).disturbances.flatMap(cardsOf)));

    expect(found.every((cards) => ofGroup.every((trouble) => cards.has(trouble)))).toBe(true);
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
