import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { stateIn } from '../../../src/sync-targets/azure/given.ts';
import { type AzureWorld, createAzureWorld } from './world.ts';

let world: AzureWorld;
let names = 0;

beforeAll(async () => {
  world = await createAzureWorld();
});

afterAll(() => world.close());

beforeEach(() => world.standIn.clearRequests());

function freshName(): string {
  names += 1;
  return `copy-${names}`;
}

const cost = { team: 'a', costs: '42' };

describe('a tag that is taken out of the manifest', () => {
  test('goes, without a new version; one that somebody else put there stays', async () => {
    const name = freshName();
    const desired = await world.create(name, { tags: cost });
    const { tags = {} } = (await world.standIn.secret(name)) ?? {};
    await world.standIn.updateByHand(name, { tags: { ...tags, theirs: 'x' } });

    const later = { ...desired, destination: { azure: { vaultName: 'any', tags: { team: 'a' } } } };
    await world.reconcile(later);

    const stored = await world.standIn.secret(name);
    expect(stored).toMatchObject({ versions: 1, tags: { team: 'a', theirs: 'x' } });
    expect(stored?.tags).not.toHaveProperty('costs');
    expect(await world.reconcile(later)).toBeNull();
  });

  test('goes with the last of them too', async () => {
    const name = freshName();
    const desired = await world.create(name, { tags: cost });

    await world.reconcile({ ...desired, destination: { azure: { vaultName: 'any' } } });

    const stored = await world.standIn.secret(name);
    expect(Object.keys(stored?.tags ?? {}).sort()).toEqual(['vss-owner', 'vss-ref', 'vss-state']);
  });

  test('and that somebody else then puts there is theirs', async () => {
    const name = freshName();
    const desired = await world.create(name, { tags: cost });
    const later = { ...desired, destination: { azure: { vaultName: 'any', tags: { team: 'a' } } } };
    await world.reconcile(later);
    const { tags = {} } = (await world.standIn.secret(name)) ?? {};
    await world.standIn.updateByHand(name, { tags: { ...tags, costs: '7' } });

    expect(await world.reconcile(later)).toBeNull();
    expect((await world.standIn.secret(name))?.tags).toMatchObject({ costs: '7' });
  });
});

describe('a time that is taken out of the manifest', () => {
  test.each([
    ['expires', { expires: '2037-06-01T00:00:00Z' }],
    ['expiresAfter', { expiresAfter: '90d' }],
    ['notBefore', { notBefore: '2026-01-01T00:00:00Z' }],
  ] as const)('(%s) goes with a new version, for Azure takes none away from one', async (_field, given) => {
    const name = freshName();
    const desired = await world.create(name, given);
    const later = { ...desired, destination: { azure: { vaultName: 'any', tags: { team: 'a' } } } };
    const observed = await world.look(name);
    await world.standIn.clearRequests();

    const found = world.target.compare(later, observed, null);
    await world.reconcile(later, { lookAt: async () => observed });

    expect(found).not.toContain('value');
    expect(await world.operations()).toEqual(['SetSecret']);
    expect(await world.standIn.secret(name)).toMatchObject({ exp: null, nbf: null, versions: 2 });
    expect(await world.reconcile(later)).toBeNull();
  });

  test('is told apart from one that somebody else set, which stays', async () => {
    const name = freshName();
    const desired = await world.create(name);
    await world.standIn.updateByHand(name, { attributes: { exp: 2_000_000_000 } });

    expect(await world.reconcile(desired)).toBeNull();
  });
});

test('a content type that is taken out of the manifest becomes the usual one, and what was disabled is enabled', async () => {
  const name = freshName();
  const desired = await world.create(name, { contentType: 'token', enabled: false });

  await world.reconcile({ ...desired, destination: { azure: { vaultName: 'any', tags: { team: 'a' } } } });

  expect(await world.standIn.secret(name)).toMatchObject({ contentType: 'text/plain', enabled: true, versions: 1 });
});

test('what was given stands behind the state mark, and costs no tag', async () => {
  const name = freshName();
  const tags = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`tag${index}`, 'x']));

  const desired = await world.create(name, { tags, expires: '2037-06-01T00:00:00Z' });

  const stored = (await world.standIn.secret(name))?.tags ?? {};
  expect(Object.keys(stored)).toHaveLength(15);
  expect(stateIn(stored)).toBe(desired.marks.state);
  expect((await world.look(name)).state).toBe(desired.marks.state);
  expect(stored['vss-state']).toMatch(/ exp( [\w-]{5}){12}$/);
});
