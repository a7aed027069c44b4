import { describe, expect, test } from '@jest/globals';
import { FakeWorld } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

type Wishes = Parameters<typeof someSync>[0] & object;

function perKey(wishes: Wishes = {}, more: { name?: string } = {}, generation = 1) {
  return someSync({ dest: [{ aws: { granularity: 'key', ...more } }], ...wishes }, { generation });
}

async function worldOf(
  sync: ReturnType<typeof someSync>,
  data: Record<string, string>,
  metadata = {},
): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('app/db', data, metadata);
  await world.reconcile(sync);
  world.clock.now += 1_000;
  world.quiet();
  return world;
}

function reasons({ results }: FakeWorld): string[] {
  return results.map(({ name, change, reason }) => `${name} ${reason || change}`).sort();
}

const secret = { user: 'ada', password: 'secret' };

describe('copies of keys that transforms choose', () => {
  test('are named by the names that transforms give the keys', async () => {
    const sync = perKey({ transforms: { exclude: ['password'], rename: [{ from: 'user', to: 'login' }] } });

    const world = await worldOf(sync, secret);

    expect(world.aws.values()).toEqual({ 'app/db/login': 'ada' });
  });

  test('go when the key goes that was renamed', async () => {
    const sync = perKey({ transforms: { rename: [{ from: 'user', to: 'login' }] } });
    const world = await worldOf(sync, secret);
    world.vault.put('app/db', { password: 'secret' });

    await world.follow('app/db', sync);

    expect(world.aws.values()).toEqual({ 'app/db/password': 'secret' });
  });

  test.each<[string, NonNullable<Wishes['transforms']>, string]>([
    ['renamed', { rename: [{ from: 'user', to: 'login' }] }, 'app/db/login'],
    ['left out', { exclude: ['user'] }, 'app/db/password'],
  ])(
    'of a key that an edit has %s are left to removalPolicy: the key is still in Vault',
    async (_title, transforms, left) => {
      const [retaining, deleting] = (['Retain', 'Delete'] as const).map((removalPolicy) => ({
        before: perKey({ removalPolicy }),
        after: perKey({ removalPolicy, transforms }, {}, 2),
      }));
      const kept = await worldOf(retaining!.before, secret);
      const taken = await worldOf(deleting!.before, secret);

      const { resync } = await kept.follow('app/db', retaining!.after);
      await kept.reconcile(retaining!.after);
      await taken.reconcile(deleting!.after);

      expect(resync).toEqual(['team-a/db']);
      expect(kept.aws.values()).toMatchObject({ 'app/db/user': 'ada' });
      expect(taken.aws.values()).not.toHaveProperty(['app/db/user']);
      expect(taken.aws.values()).toHaveProperty([left]);
    },
  );

  test('stay all of them while two keys would have one name', async () => {
    const sync = perKey({ transforms: { rename: [{ from: 'login', to: 'user' }] } });
    const world = await worldOf(sync, secret);
    world.vault.put('app/db', { user: 'eve', login: 'eve' });

    await world.follow('app/db', sync);
    await world.reconcile(sync);

    expect(reasons(world)).toEqual(['app/db KeysMeet', 'app/db KeysMeet']);
    expect(world.aws.values()).toEqual({ 'app/db/user': 'ada', 'app/db/password': 'secret' });
  });

  test('are copied again, and the complaint ends, as soon as Vault is put right', async () => {
    const sync = perKey({ transforms: { rename: [{ from: 'login', to: 'user' }] } });
    const world = await worldOf(sync, secret);
    world.vault.put('app/db', { user: 'eve', login: 'eve' });
    await world.follow('app/db', sync);
    world.vault.put('app/db', { login: 'eve' });

    await world.follow('app/db', sync);

    expect(world.aws.values()).toEqual({ 'app/db/user': 'eve' });
    expect([...world.ledger.entries.values()].map(({ state }) => state).sort()).toEqual(['deleted', 'synced']);
  });
});

describe('a key that cannot be named', () => {
  const written = { name: 'db-{{ .key | upper }}' };

  test('is refused alone, and the others are copied', async () => {
    const sync = perKey({}, { name: '{{ if ne .key "user" }}{{ .key }}{{ end }}' });

    const world = await worldOf(sync, secret);
    await world.follow('app/db', sync);

    expect(world.aws.values()).toEqual({ password: 'secret' });
    expect(reasons(world)).toEqual(['password unchanged', expect.stringContaining('NameIncomplete')]);
  });

  test('keeps whatever else is there: nobody knows which copy is still meant', async () => {
    const sync = perKey({}, { name: '{{ if ne .key "host" }}{{ .key }}{{ end }}' });
    const world = await worldOf(sync, secret);
    world.vault.put('app/db', { user: 'ada', host: 'db1' });

    await world.follow('app/db', sync);
    await world.reconcile(sync);

    expect(world.aws.values()).toEqual({ user: 'ada', password: 'secret' });
  });

  test('complains no longer when it is gone, and then what is gone too goes', async () => {
    const sync = perKey({}, { name: '{{ if ne .key "host" }}{{ .key }}{{ end }}' });
    const world = await worldOf(sync, secret);
    world.vault.put('app/db', { user: 'ada', host: 'db1' });
    await world.follow('app/db', sync);
    world.vault.put('app/db', { user: 'ada' });

    await world.follow('app/db', sync);

    expect(world.aws.values()).toEqual({ user: 'ada' });
    expect([...world.ledger.entries.keys()].filter((id) => id.startsWith('refused:'))).toEqual([]);
  });

  test('is refused before anything is written when its name is that of another key', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada', User: 'eve', host: 'db1' });
    const refusedBy: number[] = [];
    world.aws.duringWrite = () => void refusedBy.push(world.results.length);

    await world.follow('app/db', perKey({}, written));

    expect(world.aws.values()).toEqual({ 'db-USER': 'ada', 'db-HOST': 'db1' });
    expect(world.results[0]).toMatchObject({ change: 'conflict', reason: 'NameCollision' });
    expect(refusedBy).not.toContain(0);
  });

  test('leaves a copy to the key that has it, whichever comes first', async () => {
    const sync = perKey({}, written);
    const world = await worldOf(sync, { user: 'ada' });
    world.vault.put('app/db', { USER: 'eve', user: 'ada' });

    await world.follow('app/db', sync);

    expect(world.aws.values()).toEqual({ 'db-USER': 'ada' });
    expect(world.aws.calls).toEqual([]);
  });

  test('takes a copy over when the key that had it is gone', async () => {
    const sync = perKey({}, written);
    const world = await worldOf(sync, { user: 'ada' });
    world.vault.put('app/db', { USER: 'eve' });

    await world.follow('app/db', sync);

    expect(world.aws.values()).toEqual({ 'db-USER': 'eve' });
  });

  test('is refused where another destination of the sync leads already', async () => {
    const sync = someSync({ dest: [{ aws: { name: 'app/db/user' } }, { aws: { granularity: 'key' } }] });

    const world = await worldOf(sync, secret);

    expect(world.aws.values()).toEqual({
      'app/db/user': '{"password":"secret","user":"ada"}',
      'app/db/password': 'secret',
    });
  });
});

describe('an edit of how a secret is cut', () => {
  test('from whole to keys leaves the whole copy to removalPolicy', async () => {
    const world = await worldOf(someSync({ removalPolicy: 'Delete' }), secret);

    await world.reconcile(perKey({ removalPolicy: 'Delete' }, {}, 2));

    expect(Object.keys(world.aws.values()).sort()).toEqual(['app/db/password', 'app/db/user']);
  });

  test('from keys to whole leaves the copies of keys to removalPolicy', async () => {
    const world = await worldOf(perKey({ removalPolicy: 'Delete' }), secret);

    await world.reconcile(someSync({ removalPolicy: 'Delete' }, { generation: 2 }));

    expect(Object.keys(world.aws.values())).toEqual(['app/db']);
  });

  test('of one destination does not touch the copies of the others', async () => {
    const world = await worldOf(someSync({ dest: everywhere, removalPolicy: 'Delete' }), secret);
    const dest = [{ aws: { granularity: 'key' as const } }, ...everywhere.slice(1)];

    await world.reconcile(someSync({ dest, removalPolicy: 'Delete' }, { generation: 2 }));

    expect(world.azure.callsOf('write', 'remove')).toEqual([]);
    expect(Object.keys(world.azure.values())).toEqual(['app/db']);
  });
});

describe('two syncs of one identity', () => {
  const early = someSync({}, { name: 'early', createdAt: 1 });
  const late = someSync({ dest: [{ aws: { name: '{{ .metadata.app }}' } }] }, { name: 'late', createdAt: 2 });

  test.each([
    ['the earlier one is known before Vault is read', [early, late], 'team-a/early'],
    ['the earlier one is not', [someSync({}, { name: 'early', createdAt: 3 }), late], 'team-a/early'],
  ])('that want one copy do not wait for each other for ever, when %s', async (_title, syncs, holder) => {
    const world = new FakeWorld();
    world.vault.put('app/db', secret, { app: 'app/db' });

    const { outcome } = await world.follow('app/db', syncs);

    expect(outcome).toBe('done');
    expect(world.results.map(({ change }) => change).sort()).toEqual(['conflict', 'created']);
    expect(world.aws.copies.get('app/db')?.ref).toBe(`${holder} secret/app/db 9840409d`);
  });

  test('that both name it after metadata take their turns', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', secret, { app: 'app/db' });
    const other = someSync({ dest: [{ aws: { name: '{{ .metadata.app }}' } }] }, { name: 'other', createdAt: 3 });

    await world.follow('app/db', [late, other]);

    expect(world.results.map(({ change }) => change).sort()).toEqual(['conflict', 'created']);
    expect(world.aws.callsOf('write')).toHaveLength(1);
  });
});

test('a secret with thousands of keys costs a look at each key, not at each pair of them', async () => {
  const data = Object.fromEntries(Array.from({ length: 6_000 }, (_, index) => [`key${index}`, 'v']));
  const transforms = { exclude: ['no.*such'] };

  const world = await worldOf(perKey({ transforms }, { name: '{{ .base }}-{{ .key }}' }), data);

  expect(world.aws.copies.size).toBe(6_000);
});
