import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { someSync } from '../sync/some-sync.ts';
import { Replica } from './replica.ts';

const sync = someSync();

let replica: Replica;

beforeEach(async () => {
  replica = new Replica();
  replica.world.vault.put('app/db', { user: 'ada' });
  replica.knows(sync);
  await replica.reconcile();
  // A copy whose mark does not tell which mount it was read from.
  const copy = replica.world.aws.copies.get('app/db');
  replica.world.aws.place('app/db', { ...copy, ref: 'team-a/db' });
  replica.manifests.statuses.set('team-a/db', {
    sourceMounts: [{ mount: 'secret', uuid: replica.world.vault.mountUuid }],
  });
  replica.knows(sync);
  replica.world.clock.now += 120_000;
});

afterEach(() => replica.close());

test('a secret that went while the shared state lost everything is known to be gone by the mount in the status', async () => {
  replica.world.ledger.lose();
  replica.world.vault.deleteMetadata('app/db');
  await replica.follow('app/db');
  const left = replica.world.aws.copies.size;

  await replica.reconcile();

  expect([left, replica.world.aws.copies.size]).toEqual([1, 0]);
});

test('not so where the mount was made anew meanwhile: its copy stays', async () => {
  replica.world.ledger.lose();
  replica.world.vault.remount();
  await replica.follow('app/db');

  await replica.reconcile();

  expect(replica.world.aws.copies.size).toBe(1);
});
