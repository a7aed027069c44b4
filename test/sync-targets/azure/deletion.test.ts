import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Observed, PremiseChanged } from '../../../src/sync-targets/contract.ts';
import { canary } from '../conformance/under-test.ts';
import { type AzureWorld, createAzureWorld, owner, seen, wish, withAzureWorld } from './world.ts';

let world: AzureWorld;
let names = 0;

beforeAll(async () => {
  world = await createAzureWorld();
});

afterAll(() => world.close());

beforeEach(() => world.standIn.clearRequests());

afterEach(() => world.standIn.clearFaults());

function freshName(): string {
  names += 1;
  return `copy-${names}`;
}

describe('a deleted secret that still holds the name', () => {
  test('is seen as pending deletion, with its owner', async () => {
    const desired = await world.create(freshName());
    await world.deleteFully(desired.name);

    const observed = await world.look(desired.name);

    expect(observed).toMatchObject({ name: desired.name, existence: 'pendingDeletion', owner, ref: 'team-a/db' });
    expect(world.target.compare(desired, observed, null)).toEqual(['pendingDeletion']);
  });

  test('is seen without the right to read values too', async () => {
    const desired = await world.create(freshName());
    await world.deleteFully(desired.name);
    await world.standIn.fault({ kind: 'rbac', operation: 'GetDeletedSecret' });

    const observed = await world.look(desired.name);

    expect(observed).toMatchObject({ existence: 'pendingDeletion', owner });
    expect(await world.target.describe('never-there', world.signal)).toBeNull();
  });

  test('is recovered and written, and its old value is not read on the way', async () => {
    const desired = await world.create(freshName());
    await world.deleteFully(desired.name);
    const observed = await world.look(desired.name);
    await world.standIn.clearRequests();

    const written = await world.target.write(wish(desired.name, 2), seen(observed), world.signal);

    expect(await world.standIn.secret(desired.name)).toMatchObject({
      value: `${canary}-2`,
      version: written.versionId,
    });
    const asked = await world.operations();
    expect(new Set(asked)).toEqual(new Set(['RecoverDeletedSecret', 'SetSecret']));
    expect(asked.filter((operation) => operation === 'RecoverDeletedSecret')).toHaveLength(1);
  });

  test('that was purged meanwhile contradicts the premise', async () => {
    const desired = await world.create(freshName());
    await world.deleteFully(desired.name);
    const observed = await world.look(desired.name);
    const elsewhere: Observed = { ...observed, name: freshName() };
    await world.standIn.clearRequests();

    const writing = world.target.write(wish(elsewhere.name), seen(elsewhere), world.signal);

    await expect(writing).rejects.toBeInstanceOf(PremiseChanged);
    expect(await world.operations()).not.toContain('SetSecret');
  });

  test('is left alone by a removal', async () => {
    const desired = await world.create(freshName());
    await world.deleteFully(desired.name);
    const observed = await world.look(desired.name);
    await world.standIn.clearRequests();

    await world.target.remove(observed, world.signal);

    expect(await world.operations()).toEqual([]);
  });

  test('is retried later when its recovery outlasts our patience', async () => {
    await withAzureWorld({ deletingMs: 0, recoveringMs: 3_600_000, recoveryPatienceMs: 250 }, async (own) => {
      await own.create('copy');
      await own.standIn.deleteByHand('copy');

      const writing = own.target.write(wish('copy', 2), seen(await own.look('copy')), world.signal);

      await expect(writing).rejects.toMatchObject({ remedy: 'Retry', code: 'ObjectIsBeingRecovered' });
    });
  });

  test('is retried later when its deletion outlasts our patience', async () => {
    await withAzureWorld({ deletingMs: 3_600_000, recoveryPatienceMs: 250 }, async (own) => {
      await own.create('copy');
      await own.standIn.deleteByHand('copy');

      const writing = own.target.write(wish('copy', 2), { kind: 'absent' }, world.signal);

      await expect(writing).rejects.toMatchObject({ remedy: 'Retry', code: 'ObjectIsBeingDeleted' });
    });
  });

  test('is waited for no longer than the signal allows', async () => {
    await withAzureWorld({ deletingMs: 3_600_000, recoveryPatienceMs: 3_600_000 }, async (own) => {
      await own.create('copy');
      await own.standIn.deleteByHand('copy');

      const writing = own.target.write(wish('copy', 2), { kind: 'absent' }, AbortSignal.timeout(300));

      await expect(writing).rejects.toMatchObject({ remedy: 'Retry', reason: 'NoAnswer' });
    });
  });
});

describe('removing', () => {
  test('deletes in the recoverable way and never purges', async () => {
    const desired = await world.create(freshName());
    const observed = await world.look(desired.name);
    await world.standIn.clearRequests();

    await world.target.remove(observed, world.signal);

    expect(await world.standIn.secret(desired.name)).toMatchObject({ phase: expect.stringMatching(/^delet/) });
    expect(await world.operations()).toContain('DeleteSecret');
    expect(await world.operations()).not.toContain('PurgeDeletedSecret');
  });

  test('is done even if the look at what was deleted fails', async () => {
    const desired = await world.create(freshName());
    const observed = await world.look(desired.name);
    await world.standIn.fault({ kind: 'error', operation: 'GetDeletedSecret' });

    await world.target.remove(observed, world.signal);

    expect(await world.standIn.secret(desired.name)).toMatchObject({ phase: expect.stringMatching(/^delet/) });
  });

  test('fails when the deletion itself does', async () => {
    const observed = await world.look((await world.create(freshName())).name);
    await world.standIn.fault({ kind: 'error', operation: 'DeleteSecret' });

    await expect(world.target.remove(observed, world.signal)).rejects.toMatchObject({
      remedy: 'Retry',
      reason: 'StoreFailed',
    });
  });
});
