import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../src/metrics.ts';

describe('the metric of dead letters', () => {
  test('is asked for at each scrape', async () => {
    const counts = [3, 0];
    const { registry } = createMetrics({ withProcess: false, countDeadLetters: async () => counts.shift() ?? -1 });

    const [first, second] = [await registry.metrics(), await registry.metrics()];

    expect([first, second].map((text) => /^vss_dead_letters (.+)$/m.exec(text)?.[1])).toEqual(['3', '0']);
  });

  test('is left out while nobody can count, and the rest is there', async () => {
    const answers = [async () => 3, () => Promise.reject(new Error('Redis is away')), async () => 2];
    const { registry } = createMetrics({
      withProcess: false,
      countDeadLetters: () => answers.shift()?.() ?? Promise.resolve(-1),
    });

    const texts = [await registry.metrics(), await registry.metrics(), await registry.metrics()];

    expect(texts.map((text) => /^vss_dead_letters (.+)$/m.exec(text)?.[1])).toEqual(['3', undefined, '2']);
    expect(texts[1]).toContain('vss_interest_missing 0');
  });

  test('is none where nobody can tell, as in a webhook', async () => {
    const { registry } = createMetrics({ withProcess: false });

    expect(await registry.metrics()).not.toContain('vss_dead_letters');
  });
});
