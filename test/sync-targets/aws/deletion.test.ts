import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import { PremiseChanged } from '../../../src/sync-targets/contract.ts';
import { openStrictStore, type StrictStore } from './strict-store.ts';

const day = 24 * 60 * 60_000;

describe('the deletion of a copy in AWS', () => {
  let store: StrictStore;
  const remove = async (name: string, aws?: AwsDestination) => {
    await store.target.write(store.desire(name, {}), { kind: 'absent' }, store.signal);
    const observed = await store.look(name);
    store.forget();
    await store.target.remove(observed, store.signal, aws && { aws });
  };
  const daysLeft = (name: string) => ((store.secrets.look(name).deletedAt ?? 0) - store.clock.now()) / day;

  beforeAll(async () => {
    store = await openStrictStore();
  });

  afterAll(() => store.close());

  test('leaves 30 days to restore it', async () => {
    await remove('default');
    await remove('default-of-a-manifest', {});

    expect([daysLeft('default'), daysLeft('default-of-a-manifest')]).toEqual([30, 30]);
    expect(store.operations).toEqual(['DeleteSecret']);
  });

  test('leaves the days that the manifest says', async () => {
    await remove('soon', { recoveryWindowDays: 7 });

    expect(daysLeft('soon')).toBe(7);
  });

  test('leaves nothing where the manifest says so, and the name is free again', async () => {
    await remove('now', { forceDelete: true });
    const isGone = !store.secrets.has('now');

    await store.target.write(store.desire('now', {}), { kind: 'absent' }, store.signal);

    expect(isGone).toBe(true);
    expect(store.secrets.has('now')).toBe(true);
  });

  test('ends a write in between without changing anything', async () => {
    const desired = store.desire('between', { tags: { team: 'a' } });
    await store.target.write(store.desire('between', {}), { kind: 'absent' }, store.signal);
    const observed = await store.look('between');
    await store.target.remove(observed, store.signal);

    const write = store.target.write(desired, { kind: 'observed', observed, differences: ['tags'] }, store.signal);

    await expect(write).rejects.toBeInstanceOf(PremiseChanged);
    expect(store.secrets.look('between').tags.has('team')).toBe(false);
  });
});
