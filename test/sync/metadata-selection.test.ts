import { describe, expect, test } from '@jest/globals';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const production = { matchLabels: { env: 'prod' } };
const sync = someSync({ path: 'secret/app/*', source: { selector: production } });

function copiesIn({ aws }: FakeWorld): string[] {
  return [...aws.copies.keys()].sort();
}

async function settledWorld(of = sync): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('app/a', { of: 'a' }, { env: 'prod' });
  world.vault.put('app/b', { of: 'b' }, { env: 'prod' });
  world.vault.put('app/c', { of: 'c' }, { env: 'dev' });
  await world.reconcile(of);
  world.clock.now += 1_000;
  world.quiet();
  return world;
}

describe('a sync that selects by custom metadata', () => {
  test('copies what has the metadata, in a full reconcile', async () => {
    const world = await settledWorld();

    expect(copiesIn(world)).toEqual(['app/a', 'app/b']);
    expect([...world.ledger.entries.keys()].sort()).toEqual(['aws:eu-west-1:/app/a', 'aws:eu-west-1:/app/b']);
  });

  test('copies what has the metadata, on events', async () => {
    const world = await settledWorld();
    world.vault.put('app/d', { of: 'd' }, { env: 'prod' });
    world.vault.put('app/e', { of: 'e' });

    const outcomes = [await world.follow('app/d', sync), await world.follow('app/e', sync)];

    expect(copiesIn(world)).toEqual(['app/a', 'app/b', 'app/d']);
    expect(outcomes).toMatchObject([
      { outcome: 'done', resync: [] },
      { outcome: 'done', results: [], resync: [] },
    ]);
  });

  test('copies a secret whose metadata have changed, without a new version of it', async () => {
    const world = await settledWorld();
    world.vault.setMetadata('app/c', { env: 'prod' });

    await world.follow('app/c', sync);

    expect(copiesIn(world)).toEqual(['app/a', 'app/b', 'app/c']);
  });

  test('asks no store about a secret that it does not select', async () => {
    const world = await settledWorld();

    await world.follow('app/c', sync);

    expect(world.calls()).toEqual([]);
  });

  test('a secret that stops matching keeps its copy, and its sync is named for a reconcile as a whole', async () => {
    const world = await settledWorld();
    world.vault.setMetadata('app/a', { env: 'dev' });

    const { outcome, resync } = await world.follow('app/a', sync);

    expect({ outcome, resync }).toEqual({ outcome: 'done', resync: ['team-a/db'] });
    expect(copiesIn(world)).toEqual(['app/a', 'app/b']);
    expect(world.calls()).toEqual([]);
  });

  test.each([
    ['Retain' as const, ['app/a', 'app/b']],
    ['Delete' as const, ['app/b']],
  ])('with removalPolicy: %s the reconcile as a whole leaves %p', async (removalPolicy, left) => {
    const policy = someSync({ path: 'secret/app/*', source: { selector: production }, removalPolicy });
    const world = await settledWorld(policy);
    world.vault.setMetadata('app/a', { env: 'dev' });
    await world.follow('app/a', policy);

    await world.reconcile(policy);
    const { resync } = await world.follow('app/a', policy);

    expect(copiesIn(world)).toEqual(left);
    expect([...world.ledger.entries.keys()]).toEqual(['aws:eu-west-1:/app/b']);
    expect(resync).toEqual([]);
  });

  test('a secret that matches again is copied again, and what was kept is taken up', async () => {
    const world = await settledWorld();
    world.vault.setMetadata('app/a', { env: 'dev' });
    await world.reconcile(sync);
    world.vault.put('app/a', { of: 'new' }, { env: 'prod' });

    await world.follow('app/a', sync);

    expect(world.results.at(-1)?.change).toBe('updated');
    expect(world.aws.values()).toMatchObject({ 'app/a': '{"of":"new"}' });
  });

  test('a secret that was selected when it was deleted takes its copy along', async () => {
    const world = await settledWorld();
    world.vault.delete('app/a');

    await world.follow('app/a', sync);

    expect(copiesIn(world)).toEqual(['app/b']);
  });

  test('a secret that was never selected says nothing when it is deleted, and no store is asked', async () => {
    const world = await settledWorld();
    world.vault.delete('app/c');

    const { results } = await world.follow('app/c', sync);

    expect(results).toEqual([]);
    expect(world.calls()).toEqual([]);
  });

  test('what it does not select is no rival for a name', async () => {
    const world = new FakeWorld();
    world.vault.put('app/a', { of: 'a' }, { env: 'dev' });
    world.vault.put('app/b', { of: 'b' }, { env: 'prod' });
    const meeting = someSync({
      path: 'secret/(app)/.*',
      source: { selector: production },
      dest: [{ aws: { name: '$1' } }],
    });

    await world.reconcile(meeting);

    expect(world.aws.values()).toEqual({ app: '{"of":"b"}' });
    expect(world.results.map(({ change }) => change)).toEqual(['created']);
  });

  test.each([
    ['matchLabels', production, []],
    ['NotIn', { matchExpressions: [{ key: 'env', operator: 'NotIn' as const, values: ['dev'] }] }, ['app/a']],
  ])('KV v1 has no metadata: %s selects %p', async (_title, selector, expected) => {
    const world = new FakeWorld();
    world.vault.kvVersion = 1;
    world.vault.put('app/a', { of: 'a' });
    const of = someSync({ path: 'secret/app/*', source: { selector } });

    await world.reconcile(of);
    await world.follow('app/a', of);

    expect(copiesIn(world)).toEqual(expected);
  });
});
