import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { createMetrics } from '../../src/metrics.ts';

test('the reference names every metric, its type and its labels, and no other', async () => {
  const { registry } = createMetrics({
    withProcess: false,
    countDeadLetters: async () => 0,
    stateMayEvict: () => false,
  });
  const types = new Map((await registry.getMetricsAsJSON()).map(({ name, type }) => [name, String(type)]));
  const metrics = registry.getMetricsAsArray() as unknown as readonly { name: string; labelNames: readonly string[] }[];
  const page = await readFile('docs/reference/metrics.md', 'utf8');

  const rows = [...page.matchAll(/^\| `(vss_\w+)` \| (\w+) \| ([^|]*)\|/gm)].map(
    ([, name = '', type, labels = '']) => ({
      name,
      type,
      labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    }),
  );

  const known = metrics.map(({ name, labelNames }) => ({ name, type: types.get(name), labels: [...labelNames] }));
  const byName = (one: { name: string }, other: { name: string }) => one.name.localeCompare(other.name);
  expect(rows.sort(byName)).toEqual(known.sort(byName));
});
