import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

/**
 * Reasons are part of the product: people alert on them. So each one that a status, an Event or a job can carry is
 * explained in `docs/guides/operations.md`, or on the page of its store, and nothing is explained that does not exist.
 */
const guide = readFileSync('docs/guides/operations.md', 'utf8');
const ours = ['sync', 'operator', 'vault', 'paths'];
const stores = ['aws', 'azure', 'gcp'];

/** Words that begin like a reason where the code names one: of an error, of a condition, of a job. */
const named = /(?:\breason(?::| =|,) |fixSpec\(\s*|(?:unavailable|refuse)\((?:\s*'[A-Z]\w+',)?\s*)'([A-Z][A-Za-z]+)'/g;

function reasonsIn(pattern: string): string[] {
  const found = globSync(pattern).flatMap((file) => {
    return [...readFileSync(file, 'utf8').matchAll(named)].map(([, reason = '']) => reason);
  });
  return [...new Set(found)].sort();
}

function explainedIn(text: string): Set<string> {
  return new Set([...text.matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, word = '']) => word));
}

describe('every reason is explained', () => {
  test.each(ours)('that src/%s gives', (room) => {
    const reasons = reasonsIn(`src/${room}/**/*.ts`);

    expect(reasons.length).toBeGreaterThan(3);
    expect(reasons.filter((reason) => !explainedIn(guide).has(reason))).toEqual([]);
  });

  test.each(stores)('that the store %s gives', (store) => {
    const page = readFileSync(`docs/reference/stores/${store}.md`, 'utf8');
    const explained = new Set([...explainedIn(guide), ...explainedIn(page)]);

    const reasons = reasonsIn(`src/sync-targets/${store}/*.ts`);

    expect(reasons.length).toBeGreaterThan(3);
    expect(reasons.filter((reason) => !explained.has(reason))).toEqual([]);
  });
});

test('nothing is explained that no code gives', () => {
  const tables = guide.slice(guide.indexOf('## Reasons'), guide.indexOf('## More than one replica'));
  const code = globSync('src/**/*.ts').map((file) => readFileSync(file, 'utf8'));
  const words = ['Stalled', 'SourceAvailable'];

  const unknown = [...explainedIn(tables)].filter(
    (reason) => !words.includes(reason) && !code.some((text) => text.includes(`'${reason}'`)),
  );

  expect(unknown).toEqual([]);
});
