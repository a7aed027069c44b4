import { describe, expect, test } from '@jest/globals';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

type Wishes = Parameters<typeof someSync>[0] & object;

async function worldOf(wishes: Wishes, data: Record<string, string | number>): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('app/db', data);
  await world.reconcile(someSync(wishes));
  world.clock.now += 1_000;
  return world;
}

const secret = { user: 'ada', port: 5432 };

describe('the shape of a copy', () => {
  test.each<[string, Wishes['dest'], string]>([
    ['JSON by default', [{ aws: {} }], '{"port":5432,"user":"ada"}'],
    ['JSON', [{ aws: { format: 'json' } }], '{"port":5432,"user":"ada"}'],
    ['lines of .env', [{ aws: { format: 'dotenv' } }], 'port="5432"\nuser="ada"\n'],
    ['YAML', [{ aws: { format: 'yaml' } }], 'port: 5432\nuser: ada\n'],
    ['one key alone', [{ aws: { format: 'raw', property: 'user' } }], 'ada'],
  ])('is %s', async (_what, dest, value) => {
    const world = await worldOf({ dest: dest ?? [] }, secret);

    expect(world.aws.values()).toEqual({ 'app/db': value });
  });

  test('is that of each destination for itself', async () => {
    const dest = [{ aws: { format: 'dotenv' as const } }, { gcp: { format: 'raw' as const, property: 'port' } }];

    const world = await worldOf({ dest }, secret);

    expect([world.aws.values(), world.gcp.values()]).toEqual([
      { 'app/db': 'port="5432"\nuser="ada"\n' },
      { 'app/db': '5432' },
    ]);
  });

  test('is made of the keys that transforms leave, under their new names', async () => {
    const transforms = { exclude: ['port'], rename: [{ from: 'user', to: 'login' }] };

    const world = await worldOf({ transforms, dest: [{ aws: { format: 'raw', property: 'login' } }] }, secret);

    expect(world.aws.values()).toEqual({ 'app/db': 'ada' });
  });

  test('that a secret cannot take fails alone, and heals with the next change of the secret', async () => {
    const wishes: Wishes = { dest: [{ aws: { format: 'raw', property: 'password' } }, { gcp: {} }] };
    const world = await worldOf(wishes, secret);
    world.vault.put('app/db', { password: 'x' });

    await world.follow('app/db', someSync(wishes));

    expect(world.results.map(({ store, change, reason }) => [store, change, reason]).sort()).toEqual([
      ['aws', 'created', ''],
      ['aws', 'failed', 'PropertyMissing'],
      ['gcp', 'created', ''],
      ['gcp', 'updated', ''],
    ]);
  });

  test('that a secret cannot take any more keeps what is there', async () => {
    const wishes: Wishes = { dest: [{ aws: { format: 'raw', property: 'user' } }] };
    const world = await worldOf(wishes, secret);
    world.vault.put('app/db', { password: 'x' });

    await world.follow('app/db', someSync(wishes));
    await world.reconcile(someSync(wishes));

    expect(world.aws.values()).toEqual({ 'app/db': 'ada' });
    expect(world.results.at(-1)).toMatchObject({ change: 'failed', reason: 'PropertyMissing', retry: null });
  });

  test('that is another after an edit is written', async () => {
    const world = await worldOf({}, secret);

    await world.reconcile(someSync({ dest: [{ aws: { format: 'yaml' } }] }, { generation: 2 }));

    expect(world.aws.values()).toEqual({ 'app/db': 'port: 5432\nuser: ada\n' });
  });

  test('that is another with the very same text costs no write', async () => {
    const world = await worldOf({ dest: [{ aws: { format: 'raw', property: 'user' } }] }, secret);
    world.quiet();

    await world.follow('app/db', someSync({ transforms: { template: '{{ .user }}' } }, { generation: 2 }));

    expect(world.calls()).toEqual([]);
  });
});
