import { describe, expect, test } from '@jest/globals';
import type { SecretRead } from '../../src/vault/contract.ts';
import { FakeVault } from './fake-vault.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

type Wishes = Parameters<typeof someSync>[0] & object;

const kinds: [string, Wishes][] = [
  ['a whole secret', {}],
  ['its keys', { dest: [{ aws: { granularity: 'key' } }] }],
  ['a name from metadata', { dest: [{ aws: { name: '{{ .metadata.app }}' } }] }],
  ['a secret that is selected by metadata', { source: { selector: { matchLabels: { app: 'shop' } } } }],
  [
    'merged secrets',
    { source: { paths: ['secret/app/db', 'secret/app/more'], merge: true }, dest: [{ aws: { name: 'app' } }] },
  ],
];

/** A mount that has been gone through, and a put that a standby has not heard of. */
async function worldOf(wishes: Wishes) {
  const sync = someSync(wishes);
  const world = new FakeWorld();
  world.vault.put('app/more', { more: true });
  await world.reconcile(sync);
  world.clock.now += 1_000;
  const nothing = world.vault.answer('app/db');
  world.vault.put('app/db', { user: 'ada' }, { app: 'shop' });
  lagBehind(world, nothing);
  return { world, sync, heard: { version: 1, versionAt: world.clock.now, at: world.clock.now } };
}

/** What a standby says of the secret; null = the truth again. */
function lagBehind({ vault }: FakeWorld, said: SecretRead | null): void {
  vault.answer = (name, pinned) =>
    said && name === 'app/db' ? said : FakeVault.prototype.answer.call(vault, name, pinned);
}

describe.each(kinds)('%s that was put, and is not there yet where we ask', (_what, wishes) => {
  test('is waited for, and copied when it has come', async () => {
    const { world, sync, heard } = await worldOf(wishes);

    const early = await world.follow('app/db', sync, { heard });
    lagBehind(world, null);
    world.clock.now += 1_000;
    const again = await world.follow('app/db', sync, { heard });

    expect([early.outcome, again.outcome]).toEqual(['later', 'done']);
    expect(JSON.stringify(world.aws.values())).toContain('ada');
    expect([...world.ledger.entries.values()].map(({ state }) => state)).toEqual(['synced']);
  });

  test('is waited for a minute, and no longer', async () => {
    const { world, sync, heard } = await worldOf(wishes);

    await world.follow('app/db', sync, { heard });
    world.clock.now += 60_000;
    const { outcome } = await world.follow('app/db', sync, { heard });

    expect(outcome).toBe('done');
    expect(JSON.stringify(world.aws.values())).not.toContain('ada');
  });
});

describe('nothing at all', () => {
  test('is believed at once where something was heard after the last version: it was deleted', async () => {
    const { world, sync, heard } = await worldOf({});

    const { outcome } = await world.follow('app/db', sync, { heard: { ...heard, at: heard.at + 1 } });

    expect(outcome).toBe('done');
  });

  test('does not take the copy of a secret away that has a new life already', async () => {
    const sync = someSync();
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    await world.reconcile(sync);
    world.clock.now += 1_000;
    world.vault.deleteMetadata('app/db');
    const between = world.vault.answer('app/db');
    world.vault.put('app/db', { user: 'eve' });
    lagBehind(world, between);

    const { outcome } = await world.follow('app/db', sync, {
      heard: { version: 1, versionAt: world.clock.now, at: world.clock.now },
    });

    expect(outcome).toBe('later');
    expect(world.aws.values()).toEqual({ 'app/db': '{"user":"ada"}' });
  });

  test.each([
    ['KV v2', 2 as const],
    ['KV v1', 1 as const],
  ])('takes no copy away that is less than a minute old, whatever was heard: %s', async (_title, kvVersion) => {
    const sync = someSync();
    const world = new FakeWorld();
    world.vault.kvVersion = kvVersion;
    await world.reconcile(sync);
    const before = world.vault.answer('app/db');
    world.vault.put('app/db', { user: 'ada' });
    world.aws.now = () => world.clock.now;
    await world.follow('app/db', sync);
    world.clock.now += 59_000;
    lagBehind(world, before);
    const heard = { version: null, versionAt: world.clock.now, at: world.clock.now };

    const early = await world.follow('app/db', sync, { heard });
    world.clock.now += 60_000;
    const late = await world.follow('app/db', sync, { heard });

    expect([early.outcome, late.outcome]).toEqual(['later', 'done']);
    expect([early.results, late.results.map(({ change }) => change)]).toEqual([[], ['deleted']]);
  });

  test('of a secret that turns out not to be selected leaves no trace', async () => {
    const { world, heard } = await worldOf({});
    const elsewhere = someSync({ source: { selector: { matchLabels: { app: 'other' } } } }, { name: 'elsewhere' });
    await world.follow('app/db', elsewhere, { heard });
    lagBehind(world, null);

    const { resync } = await world.follow('app/db', elsewhere, { heard });

    expect(resync).toEqual([]);
    expect([...world.ledger.entries.values()].filter(({ sync }) => sync === 'team-a/elsewhere')).toEqual([]);
  });
});
