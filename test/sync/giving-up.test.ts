import { describe, expect, test } from '@jest/globals';
import { worldWithChange } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

const sync = someSync({ dest: everywhere });
const copyInAws = 'aws:eu-west-1:/app/db';

describe('runs that must give up', () => {
  test('a run of an older manifest leaves the copy to the newer one', async () => {
    const world = await worldWithChange(sync);
    await world.follow('app/db', someSync({ dest: everywhere }, { generation: 3 }));
    world.vault.put('app/db', { user: 'old run' });
    world.quiet();

    const { outcome, results } = await world.follow('app/db', someSync({ dest: everywhere }, { generation: 2 }));

    expect([outcome, results]).toEqual(['done', []]);
    expect(world.calls()).toEqual([]);
  });

  test('busy copies are come back to', async () => {
    const world = await worldWithChange(sync);
    world.leases.held.set(copyInAws, new AbortController());
    world.leases.impatient = true;

    const outcome = await world.follow('app/db', sync);

    expect(outcome).toMatchObject({ outcome: 'later', afterMs: 500, reason: 'CopyBusy' });
    expect(world.vault.reads).toBe(0);
    expect(world.calls()).toEqual([]);
  });

  test('Vault is read while the leases are held', async () => {
    const world = await worldWithChange(sync);
    let held: string[] = [];
    world.vault.duringRead = () => {
      held = [...world.leases.held.keys()];
    };

    await world.follow('app/db', sync);

    expect(held).toEqual([copyInAws, 'azure:team-a/app/db', 'gcp:team-a/app/db']);
    expect(world.leases.held.size).toBe(0);
  });

  test('after a lost lease no further write starts', async () => {
    const world = await worldWithChange(sync);
    world.vault.duringRead = () => world.leases.loseAll();

    await world.follow('app/db', sync);

    expect(world.calls()).toEqual([]);
    expect(world.results.map(({ reason, retry }) => [reason, retry])).toEqual(
      Array(3).fill(['Interrupted', { afterMs: 0, countsAsAttempt: false }]),
    );
  });

  test('after a lost lease no second write is tried where the first was contradicted', async () => {
    const world = await worldWithChange(sync);
    const { owner } = world.resolve(sync);
    world.aws.duringWrite = () => {
      world.aws.place('app/db', { owner, versionId: 'newer', value: 'newer' });
      world.leases.loseAll();
    };

    await world.follow('app/db', someSync());

    expect(world.aws.callsOf('write')).toHaveLength(1);
    expect(world.aws.copies.get('app/db')?.value).toBe('newer');
  });

  test('a write that outlived its lease is looked at again: another may have written since', async () => {
    const world = await worldWithChange(sync);
    world.aws.duringWrite = () => world.leases.loseAll();

    await world.follow('app/db', someSync());

    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"eve"}');
    expect(world.results).toMatchObject([{ change: 'failed', reason: 'Interrupted', retry: { afterMs: 0 } }]);
    expect(world.ledger.entries.get(copyInAws)?.state).toBe('failed');
  });

  test('a process that stops starts no further write', async () => {
    const world = await worldWithChange(sync);
    const stopping = new AbortController();
    world.vault.duringRead = () => stopping.abort();

    await world.follow('app/db', sync, { signal: stopping.signal });

    expect(world.calls()).toEqual([]);
  });
});
