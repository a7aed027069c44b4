import { afterEach, expect, test } from '@jest/globals';
import { SyncError } from '../../src/errors.ts';
import { someSync } from '../sync/some-sync.ts';
import { Replica } from './replica.ts';

const sync = someSync({ path: 'secret/app/*' });
const replica = new Replica();

afterEach(() => replica.close());

test('with the shared state lost, a place that does not say what it holds is asked again soon', async () => {
  const { world, manifests } = replica;
  world.vault.put('app/a', { user: 'ada' });
  world.vault.put('app/b', { user: 'eve' });
  replica.knows(sync);
  await replica.reconcile();
  manifests.statuses.set('team-a/db', {
    destinations: [{ destination: world.aws.scope }],
    sourceMounts: [{ mount: 'secret', uuid: world.vault.mountUuid }],
  });
  replica.knows(sync);
  world.clock.now += 120_000;
  world.vault.deleteMetadata('app/b');
  world.ledger.lose();
  world.aws.failing.set('list', new SyncError({ remedy: 'Retry', reason: 'StoreTimeout', message: 'no answer' }));

  const failed = await replica.reconcile();
  world.aws.failing.clear();
  const second = await replica.reconcile('team-a/db', { attempt: 2 });

  expect(failed).toMatchObject({ outcome: 'retry', reason: 'StoreTimeout', countsAsAttempt: true });
  expect(second).toEqual({ outcome: 'done' });
  expect([...world.aws.copies.keys()]).toEqual(['app/a']);
});
