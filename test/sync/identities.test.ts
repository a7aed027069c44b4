import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { compilePolicies } from '../../src/sync/policies.ts';
import { removeCopies } from '../../src/sync/removal.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const roleArn = 'arn:aws:iam::123456789012:role/team-a';
const auth = { serviceAccountRef: { name: 'writer' } };
const everything = { namespaces: ['**'], vaults: ['**'], paths: ['**'], destinations: ['**'] };

describe('a sync that brings an identity', () => {
  let world: FakeWorld;
  const changes = () => world.results.map(({ change, reason }) => [change, reason]);

  beforeEach(() => {
    world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    world.allows = compilePolicies([{ ...everything, roles: [] }]);
  });

  test('assumes a role that no policy names, since it is not the operator who assumes it', async () => {
    await world.reconcile(someSync({ dest: [{ aws: { roleArn, auth } }] }));

    expect(changes()).toEqual([['created', '']]);
  });

  test('does so by the keys of a Secret, too', async () => {
    await world.reconcile(someSync({ dest: [{ aws: { roleArn, auth: { secretRef: { name: 'keys' } } } }] }));

    expect(changes()).toEqual([['created', '']]);
  });

  test('is what it takes: the operator assumes only the roles that a policy names', async () => {
    await world.reconcile(someSync({ dest: [{ aws: { roleArn } }] }));

    expect(changes()).toEqual([['failed', 'PolicyDenied']]);
  });

  test('may write no place that no policy names', async () => {
    world.allows = compilePolicies([{ ...everything, destinations: ['gcp:**'], roles: [] }]);

    await world.reconcile(someSync({ dest: [{ aws: { roleArn, auth } }] }));

    expect(changes()).toEqual([['failed', 'PolicyDenied']]);
  });

  test('has it looked for in its own namespace, wherever a store is opened', async () => {
    const target = jest.spyOn(world, 'target');

    await world.reconcile(someSync({ dest: [{ aws: { roleArn, auth } }] }, { namespace: 'team-b' }));

    expect(target.mock.calls.length).toBeGreaterThan(0);
    expect(new Set(target.mock.calls.map(([, namespace]) => namespace))).toEqual(new Set(['team-b']));
  });

  test('writes the copy anew for no other identity', async () => {
    await world.reconcile(someSync({ dest: [{ aws: { roleArn, auth } }] }));
    const other = { serviceAccountRef: { name: 'another' } };

    await world.reconcile(someSync({ dest: [{ aws: { roleArn, auth: other } }] }, { generation: 2 }));

    expect(changes().at(-1)).toEqual(['unchanged', '']);
  });

  test('is removed by it, in its own namespace', async () => {
    const sync = someSync({ removalPolicy: 'Delete', dest: [{ gcp: {} }] });
    const place = { destination: 'aws:eu-west-1:', roleArn, auth };
    const [target, targetAt] = [jest.spyOn(world, 'target'), jest.spyOn(world, 'targetAt')];

    const { unswept } = await removeCopies({
      world,
      sync: { ...sync, deleting: true, status: { destinations: [place] } },
      signal: AbortSignal.timeout(5_000),
    });

    expect(targetAt.mock.calls).toEqual(expect.arrayContaining([[place, 'team-a']]));
    expect(target.mock.calls).toEqual(expect.arrayContaining([[{ gcp: {} }, 'team-a']]));
    expect(unswept).toEqual([]);
  });
});
