import { describe, expect, test } from '@jest/globals';
import { SyncError } from '../../src/errors.ts';
import { sourceUnavailable } from './fake-vault.ts';
import { FakeWorld, worldInSync } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

const sync = someSync({ dest: everywhere });

function copiesIn(world: FakeWorld): number {
  return world.stores.reduce((sum, { copies }) => sum + copies.size, 0);
}

describe('a copy goes only when Vault proves that its source is gone', () => {
  test.each<[string, (world: FakeWorld) => void]>([
    ['the latest version was deleted', ({ vault }) => vault.delete('app/db')],
    ['the latest version was destroyed', ({ vault }) => vault.destroy('app/db')],
    ['its metadata was deleted, in the mount that it was read from', ({ vault }) => vault.deleteMetadata('app/db')],
  ])('%s: proven', async (_title, change) => {
    const world = await worldInSync(sync);
    change(world);

    await world.follow('app/db', sync);

    expect(copiesIn(world)).toBe(0);
  });

  test.each<[string, (world: FakeWorld) => void]>([
    ['the mount was disabled and made anew', ({ vault }) => vault.remount()],
    [
      'the mount does not tell its uuid',
      ({ vault }) => {
        const gone = { found: false, because: 'notFound', version: null, createdTime: null, mountUuid: null } as const;
        vault.lagging = gone;
      },
    ],
    ['Vault is sealed', ({ vault }) => (vault.failing = sourceUnavailable('VaultSealed'))],
    ['Vault is a standby', ({ vault }) => (vault.failing = sourceUnavailable('VaultStandby'))],
    ['Vault cannot be reached', ({ vault }) => (vault.failing = sourceUnavailable('VaultUnreachable'))],
    [
      'Vault denies the read',
      ({ vault }) =>
        (vault.failing = new SyncError({ remedy: 'SlowRetry', reason: 'PermissionDenied', message: '403' })),
    ],
  ])('%s: not proven, whether an event or a full reconcile looks', async (_title, change) => {
    const world = await worldInSync(sync);
    change(world);

    await world.follow('app/db', sync);
    await world.reconcile(sync).catch((error: unknown) => expect(error).toBeInstanceOf(SyncError));

    expect(copiesIn(world)).toBe(3);
    expect(world.stores.flatMap((store) => store.callsOf('remove'))).toEqual([]);
  });

  test('what Vault does not answer is no result but an error to come back with', async () => {
    const world = await worldInSync(sync);
    world.vault.failing = sourceUnavailable('VaultSealed');

    const outcome = await world.follow('app/db', sync);

    expect(outcome).toMatchObject({ outcome: 'unread', results: [], error: world.vault.failing });
    expect(world.calls()).toEqual([]);
  });

  test('a mount made anew is told of, copy by copy, and is no fault of the manifest', async () => {
    const world = await worldInSync(sync);
    world.vault.remount();

    await world.follow('app/db', sync);

    expect(world.results).toHaveLength(3);
    expect(world.results[0]).toMatchObject({ change: 'failed', reason: 'SourceNotFound', retry: null });
    expect(world.results[0]?.message).toContain('Vault has no secret secret/app/db, but does not prove');
    expect([...world.ledger.entries.values()].map(({ stalled, versionId }) => [stalled, versionId !== null])).toEqual(
      Array(3).fill([false, true]),
    );
  });

  test('a full reconcile over a mount made anew does not take its uuid for the one to trust', async () => {
    const world = await worldInSync(sync);
    world.vault.remount();

    await world.reconcile(sync);
    await world.reconcile(sync);

    expect(copiesIn(world)).toBe(3);
  });

  test('with the ledger lost, the uuid that the status remembered still proves an absence', async () => {
    const world = await worldInSync(sync);
    world.ledger.entries.clear();
    world.vault.deleteMetadata('app/db');

    await world.follow('app/db', sync);

    expect(copiesIn(world)).toBe(0);
  });

  test('with ledger and status lost, the mark of a copy tells which mount it was read from', async () => {
    const world = await worldInSync(sync);
    world.ledger.lose();
    world.vault.deleteMetadata('app/db');

    await world.follow('app/db', sync);

    expect(copiesIn(world)).toBe(0);
  });

  test.each<[string, (ref: string) => string]>([
    ['does not fit', (ref) => ref.split(' ')[0] ?? ''],
    ['names another mount', (ref) => ref.replace(/\w{8}$/, '01234567')],
    ['names no mount', (ref) => ref.replace(/\w{8}$/, '-')],
    ['names another secret', (ref) => ref.replace('app/db', 'app/other')],
  ])('with ledger and status lost, nothing is proven where the mark %s', async (_what, mark) => {
    const world = await worldInSync(sync);
    world.ledger.lose();
    for (const { copies } of world.stores) {
      for (const [name, copy] of copies) copies.set(name, { ...copy, ref: mark(copy.ref ?? '') });
    }
    world.vault.deleteMetadata('app/db');

    await world.follow('app/db', sync);
    await world.reconcile(sync);

    expect(copiesIn(world)).toBe(3);
    expect(world.results[0]?.reason).toBe('SourceNotFound');
  });

  test('with ledger and status lost, a copy whose store does not answer is tried again', async () => {
    const world = await worldInSync(sync);
    world.ledger.lose();
    world.vault.deleteMetadata('app/db');
    for (const store of world.stores) store.failing.set('describe', new Error('ECONNRESET'));
    await world.follow('app/db', sync);
    const left = copiesIn(world);
    const tried = world.results.map(({ copy, retry }) => ({ copy, isTriedAgain: retry !== null }));
    for (const store of world.stores) store.failing.clear();

    for (const { copy } of tried) await world.follow('app/db', sync, { only: copy, verify: true });

    expect(tried.map(({ isTriedAgain }) => isTriedAgain)).toEqual([true, true, true]);
    expect([left, copiesIn(world)]).toEqual([3, 0]);
  });

  test("a mark proves nothing where it is another owner's, or the version is pinned", async () => {
    const pinned = someSync({ source: { version: 1 } });
    const world = await worldInSync(pinned);
    world.ledger.lose();
    world.vault.deleteMetadata('app/db');

    await world.follow('app/db', pinned);
    await world.follow('app/db', someSync({}, { name: 'other' }));

    expect(copiesIn(world)).toBe(1);
  });

  test('a copy that is read from a mount made anew bears that one’s mark, though its value is the same', async () => {
    const world = await worldInSync(sync);
    const before = world.aws.copies.get('app/db')?.ref;
    world.vault.remount();
    world.vault.put('app/db', { user: 'ada' });

    await world.reconcile(sync);

    expect(world.aws.copies.get('app/db')?.ref).not.toBe(before);
  });

  test('with ledger and status lost, a mount that does not tell its uuid proves nothing', async () => {
    const world = await worldInSync(sync);
    world.ledger.lose();
    world.vault.lagging = { found: false, because: 'notFound', version: null, createdTime: null, mountUuid: null };

    await world.follow('app/db', sync);

    expect(copiesIn(world)).toBe(3);
  });

  test('with the ledger lost, a full reconcile over a mount made anew does not take its uuid for the one to trust', async () => {
    const world = await worldInSync(sync);
    world.ledger.entries.clear();
    world.vault.remount();

    await world.reconcile(sync);
    await world.reconcile(sync);

    expect(copiesIn(world)).toBe(3);
  });

  test('a secret that was never written is nothing to complain of', async () => {
    const world = new FakeWorld();

    await world.reconcile(sync);

    expect(world.results.map(({ change, reason }) => [change, reason])).toEqual(Array(3).fill(['absent', '']));
    expect(world.ledger.entries.size).toBe(0);
  });

  test('where a store does not tell whether there is a copy, the missing secret is told of', async () => {
    const world = new FakeWorld();
    world.aws.failing.set('describe', sourceUnavailable('the store said 500'));

    await world.reconcile(someSync());

    const message = expect.stringContaining('the store said 500');
    expect(world.results).toMatchObject([{ change: 'failed', reason: 'SourceNotFound', message }]);
  });
});

describe('what the absence of a secret does not touch', () => {
  test.each<[string, object]>([
    ['bears no mark', { owner: null, ref: null }],
    ["bears another's mark", { owner: 'theirs', ref: 'team-b/web' }],
    ['is being deleted already', { existence: 'pendingDeletion' }],
    ['is managed by a service', { managedBy: 'rds' }],
  ])('a copy that %s', async (_title, change) => {
    const world = await worldInSync(sync);
    for (const store of world.stores) store.place('app/db', { ...store.copies.get('app/db'), ...change });
    world.vault.delete('app/db');

    await world.follow('app/db', sync);

    expect(copiesIn(world)).toBe(3);
    expect(world.stores.flatMap((store) => store.callsOf('write', 'remove'))).toEqual([]);
    expect([...world.ledger.entries.values()].filter(({ state }) => state !== 'deleted')).toEqual([]);
  });

  test('a copy that deletionPolicy: Retain keeps', async () => {
    const world = await worldInSync(sync);
    world.vault.delete('app/db');

    await world.follow('app/db', someSync({ dest: everywhere, deletionPolicy: 'Retain' }));

    expect(copiesIn(world)).toBe(3);
    expect(world.results.map(({ change }) => change)).toEqual(['retained', 'retained', 'retained']);
    expect([...world.ledger.entries.values()].map(({ state }) => state)).toEqual(['retained', 'retained', 'retained']);
  });

  test('the copy of the secret that the manifest named before an edit', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const named = { dest: [{ aws: { name: 'x' } }] };
    await world.reconcile(someSync(named));

    await world.reconcile(someSync({ ...named, path: 'secret/app/bd' }, { generation: 2 }));

    expect([...world.aws.copies.keys()]).toEqual(['x']);
  });

  test('the record of the secret named before an edit, when the new one is missing without proof', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const named = { dest: [{ aws: { name: 'x' } }] };
    await world.reconcile(someSync(named));
    const record = world.ledger.entries.get('aws:eu-west-1:/x');
    world.vault.remount();

    await world.follow('app/bd', someSync({ ...named, path: 'secret/app/bd' }, { generation: 2 }));

    expect(world.results.at(-1)?.reason).toBe('SourceNotFound');
    expect(world.ledger.entries.get('aws:eu-west-1:/x')).toBe(record);
  });

  test('the copy of the secret named before an edit, with the ledger lost', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const named = { dest: [{ aws: { name: 'x' } }] };
    await world.reconcile(someSync(named));
    world.ledger.entries.clear();

    await world.reconcile(someSync({ ...named, path: 'secret/app/bd' }, { generation: 2 }));

    expect([...world.aws.copies.keys()]).toEqual(['x']);
  });

  test('the copy that another secret of the same pattern holds under that name', async () => {
    const world = new FakeWorld();
    const fixed = someSync({ path: 'secret/app/(.*)', dest: [{ aws: { name: 'x' } }] });
    world.vault.put('app/one', { user: 'one' });
    await world.follow('app/one', fixed);
    world.vault.put('app/two', { user: 'two' });
    await world.follow('app/two', fixed);
    world.vault.delete('app/two');

    await world.follow('app/two', fixed);

    expect(world.aws.copies.get('x')?.value).toBe('{"user":"one"}');
    expect([...world.ledger.entries.keys()]).toEqual(['aws:eu-west-1:/x']);
  });

  test('a copy that changed between the look and the deletion is looked at again', async () => {
    const world = await worldInSync(sync);
    world.vault.delete('app/db');
    const { aws } = world;
    const remove = aws.remove.bind(aws);
    let interferes = true;
    aws.remove = (observed, signal) => {
      if (interferes) aws.place('app/db', { owner: 'theirs', versionId: 'theirs' });
      interferes = false;
      return remove(observed, signal);
    };

    await world.follow('app/db', someSync());

    expect(aws.copies.get('app/db')?.owner).toBe('theirs');
    expect(aws.calls).toEqual(['describe app/db', 'remove app/db', 'describe app/db']);
    expect(world.results).toMatchObject([{ change: 'absent' }]);
  });
});
