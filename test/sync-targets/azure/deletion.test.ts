import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { SyncError } from '../../../src/errors.ts';
import { type Observed, PremiseChanged } from '../../../src/sync-targets/contract.ts';
import { eventually } from '../../peers/processes.ts';
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

const purging = { azure: { vaultName: 'any', deletion: 'Purge' } } as const;

describe('removing for good', () => {
  test('deletes and purges, so that the name is free', async () => {
    const desired = await world.create(freshName());

    await world.target.remove(await world.look(desired.name), world.signal, purging);

    expect(await world.standIn.secret(desired.name)).toBeNull();
  });

  test('is taken up again later when the deletion outlasts our patience, and needs no second deletion then', async () => {
    await withAzureWorld({ deletingMs: 4_000, recoveryPatienceMs: 150 }, async (own) => {
      await own.create('copy');
      const removing = own.target.remove(await own.look('copy'), world.signal, purging);
      await expect(removing).rejects.toMatchObject({ remedy: 'Retry', code: 'ObjectIsBeingDeleted' });
      await eventually(async () => (await own.standIn.secret('copy'))?.phase === 'deleted', { what: 'the deletion' });
      const deleted = await own.look('copy');
      await own.standIn.clearRequests();

      const isDue = own.target.hasMoreToRemove?.(deleted, purging);
      await own.target.remove(deleted, world.signal, purging);

      expect(isDue).toBe(true);
      expect(await own.operations()).toEqual(['PurgeDeletedSecret']);
      expect(await own.standIn.secret('copy')).toBeNull();
    });
  });

  test('is done when somebody else purges first', async () => {
    const desired = await world.create(freshName());
    await world.deleteFully(desired.name);
    const deleted = await world.look(desired.name);
    await world.target.remove(deleted, world.signal, purging);

    await world.target.remove(deleted, world.signal, purging);

    expect(await world.standIn.secret(desired.name)).toBeNull();
  });

  test('deletes recoverably under purge protection, says so, and is not tried again', async () => {
    await withAzureWorld({ purgeProtection: true, deletingMs: 0 }, async (own) => {
      await own.create('copy');

      const removing = own.target.remove(await own.look('copy'), world.signal, purging);

      const message = expect.stringContaining('purge protection');
      await expect(removing).rejects.toMatchObject({ remedy: 'FixSpec', reason: 'PurgeProtected', message });
      const deleted = await own.look('copy');
      expect(deleted).toMatchObject({ existence: 'pendingDeletion', owner });
      expect(own.target.hasMoreToRemove?.(deleted, purging)).toBe(false);
      expect(await own.operations()).not.toContain('PurgeDeletedSecret');
    });
  });

  test('without the right to purge leaves it deleted and names what is missing', async () => {
    const desired = await world.create(freshName());
    await world.standIn.allow({ model: 'rbac', allow: ['set', 'list', 'delete', 'recover'] });

    const removing = world.target.remove(await world.look(desired.name), world.signal, purging);

    const message = expect.stringContaining('Microsoft.KeyVault/vaults/secrets/purge/action');
    await expect(removing).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'PermissionDenied', message });
    await world.standIn.allow();
  });

  test('is nothing that a copy without deletion: Purge asks for', async () => {
    const desired = await world.create(freshName());
    await world.deleteFully(desired.name);
    const deleted = await world.look(desired.name);

    const isDue = world.target.hasMoreToRemove?.(deleted, { azure: { vaultName: 'any' } });

    expect(isDue).toBe(false);
  });
});

describe.each([7, 30, 90])('a vault that keeps what is deleted for %i days', (recoverableDays) => {
  test.each([false, true])(
    'recovers a copy, and purges where it may (purge protection: %j)',
    async (purgeProtection) => {
      const vault = { recoverableDays, purgeProtection, deletingMs: 0, recoveringMs: 0, settlingMs: 0 };
      await withAzureWorld(vault, async (own) => {
        await own.create('copy');
        await own.target.remove(await own.look('copy'), own.signal);
        await own.target.write(wish('copy', 2), seen(await own.look('copy')), own.signal);
        const value = (await own.standIn.secret('copy'))?.value;

        const removing = own.target.remove(await own.look('copy'), own.signal, purging);
        const reason = await removing.then(
          () => null,
          (error: unknown) => (error as SyncError).reason,
        );

        expect(value).toBe(wish('copy', 2).value);
        expect(reason).toBe(purgeProtection ? 'PurgeProtected' : null);
        expect((await own.standIn.secret('copy'))?.phase ?? null).toBe(purgeProtection ? 'deleted' : null);
      });
    },
  );
});

describe('after an answer that was lost', () => {
  test('a deletion for good is completed by purging alone', async () => {
    const desired = await world.create(freshName());
    await world.standIn.fault({ kind: 'lost', operation: 'DeleteSecret', count: 1 });
    const lost = world.target.remove(await world.look(desired.name), world.signal, purging);
    await expect(lost).rejects.toMatchObject({ remedy: 'Retry' });
    await eventually(async () => (await world.standIn.secret(desired.name))?.phase === 'deleted', {
      what: 'the deletion',
    });

    await world.target.remove(await world.look(desired.name), world.signal, purging);

    expect(await world.standIn.secret(desired.name)).toBeNull();
  });

  test('a purge is done', async () => {
    const desired = await world.create(freshName());
    await world.deleteFully(desired.name);
    const deleted = await world.look(desired.name);
    await world.standIn.fault({ kind: 'lost', operation: 'PurgeDeletedSecret', count: 1 });
    await expect(world.target.remove(deleted, world.signal, purging)).rejects.toMatchObject({ remedy: 'Retry' });

    await world.target.remove(deleted, world.signal, purging);

    expect(await world.standIn.secret(desired.name)).toBeNull();
  });

  test('a recovery goes on with the writing', async () => {
    const desired = await world.create(freshName());
    await world.deleteFully(desired.name);
    const deleted = await world.look(desired.name);
    await world.standIn.fault({ kind: 'lost', operation: 'RecoverDeletedSecret', count: 1 });
    const next = wish(desired.name, 2);
    await expect(world.target.write(next, seen(deleted), world.signal)).rejects.toMatchObject({ remedy: 'Retry' });
    await eventually(async () => (await world.target.describe(desired.name, world.signal)) !== null, {
      what: 'the recovery',
    });

    await world.target.write(next, seen(await world.look(desired.name)), world.signal);

    expect((await world.standIn.secret(desired.name))?.value).toBe(next.value);
  });
});

describe('removing', () => {
  test('deletes in the recoverable way and never purges', async () => {
    const desired = await world.create(freshName());
    const observed = await world.look(desired.name);
    await world.standIn.clearRequests();

    await world.target.remove(observed, world.signal);

    expect(await world.standIn.secret(desired.name)).toMatchObject({ phase: expect.stringMatching(/^delet/) });
    expect(await world.operations()).not.toContain('PurgeDeletedSecret');
  });

  test('takes one call, and does not look at what was deleted', async () => {
    const desired = await world.create(freshName());
    const observed = await world.look(desired.name);
    await world.standIn.clearRequests();

    await world.target.remove(observed, world.signal);

    expect(await world.operations()).toEqual(['DeleteSecret']);
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
