import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { someSync } from '../sync/some-sync.ts';
import { Replica } from './replica.ts';

const key = 'team-a/db';

let replica: Replica;

beforeEach(() => {
  replica = new Replica();
  replica.world.vault.put('app/db', { user: 'ada' });
});

afterEach(() => replica.close());

/** A change is written, and the process dies before the ledger has it: everything else is as it was before. */
async function cutShort(change: () => Promise<unknown>): Promise<void> {
  const entries = new Map(replica.world.ledger.entries);
  await change();
  replica.world.ledger.entries.clear();
  for (const [copy, entry] of entries) replica.world.ledger.entries.set(copy, entry);
  replica.world.clock.now += 1_000;
}

const stored = () => replica.world.aws.values()['app/db'];

describe.each(['Repair', 'Report', 'Ignore'] as const)('a run that was cut off after its write (%s)', (driftPolicy) => {
  beforeEach(async () => {
    replica.knows(someSync({ driftPolicy }));
    await replica.reconcile();
    replica.world.clock.now += 1_000;
  });

  test('is taken up by one that looks at the store: what Vault took back goes back', async () => {
    await cutShort(async () => {
      replica.world.vault.put('app/db', { user: 'eve' });
      await replica.follow('app/db');
    });
    const left = stored();
    replica.world.vault.put('app/db', { user: 'ada' });

    await replica.follow('app/db', { resumed: true });

    expect(left).toContain('eve');
    expect(stored()).toContain('ada');
  });

  test('is taken up likewise by a full reconcile', async () => {
    await cutShort(async () => {
      replica.world.vault.put('app/db', { user: 'eve' });
      await replica.follow('app/db');
    });
    replica.world.vault.put('app/db', { user: 'ada' });

    await replica.reconcile(key, { resumed: true });

    expect(stored()).toContain('ada');
  });

  test('is taken up likewise by a second attempt: the ledger may not have taken the first', async () => {
    await cutShort(async () => {
      replica.world.vault.put('app/db', { user: 'eve' });
      await replica.follow('app/db');
    });
    replica.world.vault.put('app/db', { user: 'ada' });

    await replica.follow('app/db', { attempt: 2 });

    expect(stored()).toContain('ada');
  });

  test('leaves no copy behind that it made after the ledger had seen it deleted', async () => {
    replica.world.vault.delete('app/db');
    await replica.follow('app/db');
    replica.world.clock.now += 1_000;
    await cutShort(async () => {
      replica.world.vault.put('app/db', { user: 'eve' });
      await replica.follow('app/db');
    });
    const left = stored();
    replica.world.vault.delete('app/db');

    await replica.follow('app/db', { resumed: true });

    expect(left).toContain('eve');
    expect(stored()).toBeUndefined();
  });
});
