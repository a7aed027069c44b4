import { describe, expect, test } from '@jest/globals';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const theirs = { owner: 'their-mark', ref: 'team-b/web', versionId: 'theirs' };

function worldWith(copy: object): FakeWorld {
  const world = new FakeWorld();
  world.vault.put('app/db', { user: 'ada' });
  world.aws.place('app/db', copy);
  return world;
}

describe('a copy that is not ours', () => {
  test.each<[string, object, string[]]>([
    ['bears no mark', {}, ['bears no mark of any sync', 'adoptionPolicy: IfUnowned']],
    ["is another sync's", theirs, ['belongs to team-b/web', 'adoptionPolicy: Always']],
    ["is a service's", { managedBy: 'rds' }, ['is managed by rds']],
  ])('that %s is left alone, and the conflict says whose it is and what would help', async (_title, copy, words) => {
    const world = worldWith(copy);

    await world.follow('app/db', someSync());

    const [result] = world.results;
    expect(world.aws.callsOf('write', 'remove')).toEqual([]);
    expect(result).toMatchObject({ change: 'conflict', retry: null });
    for (const word of words) expect(result?.message).toContain(word);
    expect([...world.ledger.entries.values()]).toMatchObject([{ state: 'conflict', stalled: true }]);
  });

  test('that bears the path of another team does not tell it', async () => {
    const world = worldWith({ ...theirs, ref: 'team-b/web kv/their/path' });

    await world.follow('app/db', someSync());
    await world.follow('app/db', someSync({ adoptionPolicy: 'Always' }));

    const told = JSON.stringify([...world.results, ...world.ledger.entries.values()]);
    expect(told).toContain('team-b/web');
    expect(told).not.toContain('their/path');
  });

  test.each(['IfUnowned', 'Always'] as const)(
    'that bears no mark is taken over by adoptionPolicy: %s',
    async (policy) => {
      const world = worldWith({});

      await world.follow('app/db', someSync({ adoptionPolicy: policy }));

      expect(world.results).toMatchObject([{ change: 'adopted', message: 'had no owner' }]);
      expect(world.aws.copies.get('app/db')).toMatchObject({
        ref: expect.stringMatching(/^team-a\/db /),
        value: '{"user":"ada"}',
      });
    },
  );

  test("that is another's is taken over by adoptionPolicy: Always, which says from whom", async () => {
    const world = worldWith(theirs);

    await world.follow('app/db', someSync({ adoptionPolicy: 'Always' }));

    expect(world.results).toMatchObject([{ change: 'adopted', message: 'belonged to team-b/web' }]);
    expect(world.aws.copies.get('app/db')?.ref).toMatch(/^team-a\/db /);
  });

  test("a manifest without an adoptionPolicy follows the operator's setting", async () => {
    const world = worldWith({});
    world.defaultAdoptionPolicy = 'IfUnowned';

    await world.follow('app/db', someSync());

    expect(world.results).toMatchObject([{ change: 'adopted' }]);
  });

  test("a manifest's own adoptionPolicy wins over the setting", async () => {
    const world = worldWith({});
    world.defaultAdoptionPolicy = 'Always';

    await world.follow('app/db', someSync({ adoptionPolicy: 'Never' }));

    expect(world.results).toMatchObject([{ change: 'conflict' }]);
  });

  test('a conflict is over as soon as the name is free, and nothing of it is remembered', async () => {
    const world = worldWith(theirs);
    await world.follow('app/db', someSync());
    world.aws.copies.clear();

    await world.follow('app/db', someSync());

    expect(world.results.at(-1)?.change).toBe('created');
    expect([...world.ledger.entries.values()].map(({ state }) => state)).toEqual(['synced']);
  });
});

describe('two syncs that want one copy', () => {
  const first = someSync({}, { name: 'first', createdAt: 1 });
  const second = someSync({}, { name: 'second', createdAt: 2 });

  test('the earlier one gets it, and the other is told whose it is', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });

    await world.follow('app/db', [second, first]);

    expect(world.results.map(({ sync, change }) => `${sync} ${change}`)).toEqual([
      'team-a/first created',
      'team-a/second conflict',
    ]);
    expect(world.aws.copies.get('app/db')?.ref).toMatch(/^team-a\/first /);
    expect(world.results[1]?.message).toContain('belongs to team-a/first');
    expect(world.ledger.entries.get('aws:eu-west-1:/app/db')).toMatchObject({ sync: 'team-a/first', state: 'synced' });
  });

  test('also in a store that cannot refuse to overwrite what is there already', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const { aws } = world;
    const write = aws.write.bind(aws);
    aws.write = async (desired, premise, signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (premise.kind === 'absent') aws.copies.delete(desired.name);
      return write(desired, premise, signal);
    };

    await world.follow('app/db', [second, first]);

    expect(aws.copies.get('app/db')?.ref).toMatch(/^team-a\/first /);
    expect(aws.callsOf('write')).toHaveLength(1);
  });

  test('of two equally old ones the first by name gets it', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });

    await world.follow('app/db', [someSync({}, { name: 'b' }), someSync({}, { name: 'a' })]);

    expect(world.aws.copies.get('app/db')?.ref).toMatch(/^team-a\/a /);
  });

  test('the record of the one is never overwritten by the complaint of the other', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', first);
    const record = world.ledger.entries.get('aws:eu-west-1:/app/db');

    await world.follow('app/db', second);
    await world.reconcile(second);

    expect(world.ledger.entries.get('aws:eu-west-1:/app/db')).toBe(record);
    const complaints = [...world.ledger.entries].filter(([id]) => id.startsWith('refused:'));
    expect(complaints.map(([, { sync, state }]) => [sync, state])).toEqual([['team-a/second', 'conflict']]);
  });

  test.each<[string, (world: FakeWorld) => void]>([
    ['fails', ({ aws }) => aws.failing.set('describe', new Error('500'))],
    ['finds its source unproven', ({ vault }) => vault.remount()],
    [
      'reads something stale',
      ({ vault, clock }) => {
        const older = vault.answer('app/db');
        clock.now += 1_000;
        vault.put('app/db', { user: 'eve' });
        vault.lagging = older;
      },
    ],
    ['finds its source gone', ({ vault }) => vault.delete('app/db')],
    ['only plans', ({ aws }) => aws.copies.clear()],
  ])('nor when the other %s', async (title, change) => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', first);
    const record = world.ledger.entries.get('aws:eu-west-1:/app/db');
    change(world);

    const rival = someSync({ dryRun: title === 'only plans' }, { name: 'second', createdAt: 2 });
    await world.follow('app/db', rival, { heard: { version: 2, versionAt: world.clock.now, at: world.clock.now } });

    expect(world.ledger.entries.get('aws:eu-west-1:/app/db')).toBe(record);
  });

  test('the complaint ends when the other gives the copy up', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', [first, second]);
    world.aws.copies.clear();
    await world.ledger.forgetSync('team-a/first');

    await world.follow('app/db', second);

    expect([...world.ledger.entries.values()].map(({ sync, state }) => [sync, state])).toEqual([
      ['team-a/second', 'synced'],
    ]);
  });
});

describe('two secrets of one sync that meet in one copy', () => {
  const fixed = someSync({ path: 'secret/app/(.*)', dest: [{ aws: { name: 'x' } }] });

  test('the one that was there first keeps it, the other is refused by name', async () => {
    const world = new FakeWorld();
    world.vault.put('app/one', { user: 'one' });
    await world.follow('app/one', fixed);
    world.vault.put('app/two', { user: 'two' });

    await world.follow('app/two', fixed);

    expect(world.results.at(-1)).toMatchObject({ change: 'conflict', reason: 'NameCollision', retry: null });
    expect(world.results.at(-1)?.message).toContain('aws:eu-west-1:/x already is the copy of secret/app/one');
    expect(world.aws.copies.get('x')?.value).toBe('{"user":"one"}');
  });

  test('a full reconcile of both at once writes one of them, once', async () => {
    const world = new FakeWorld();
    world.vault.put('app/one', { user: 'one' });
    world.vault.put('app/two', { user: 'two' });

    await world.reconcile(fixed);
    await world.reconcile(fixed);

    expect(world.aws.callsOf('write')).toEqual(['write x']);
    expect([...world.ledger.entries.values()].map(({ state }) => state).sort()).toEqual(['conflict', 'synced']);
  });

  test("names that differ in a store's ignored letter case meet too", async () => {
    const world = new FakeWorld();
    const pattern = someSync({ path: 'secret/app/(.*)', dest: [{ aws: { name: '$1' } }] });
    world.vault.put('app/One', { user: 'one' });
    world.vault.put('app/one', { user: 'two' });

    await world.reconcile(pattern);

    expect(world.results.map(({ change }) => change).sort()).toEqual(['conflict', 'created']);
  });

  test('after an edit the copy belongs to the secret that is selected now', async () => {
    const world = new FakeWorld();
    world.vault.put('app/one', { user: 'one' });
    world.vault.put('app/two', { user: 'two' });
    await world.reconcile(someSync({ path: 'secret/app/one', dest: [{ aws: { name: 'x' } }] }));
    world.clock.now += 1;

    const edited = someSync(
      { path: 'secret/app/two', dest: [{ aws: { name: 'x' } }], removalPolicy: 'Delete' },
      { generation: 2 },
    );
    await world.reconcile(edited);

    expect(world.aws.copies.get('x')?.value).toBe('{"user":"two"}');
    expect([...world.ledger.entries.values()].map(({ state }) => state)).toEqual(['synced']);
  });
});

describe('two destinations of one sync that lead to one copy', () => {
  test('the first gets it, the second is refused instead of fighting it', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const twice = someSync({ dest: [{ aws: { tags: { a: '1' } } }, { aws: { tags: { a: '2' } } }] });

    await world.follow('app/db', twice);
    await world.follow('app/db', twice);

    expect(world.aws.callsOf('write')).toEqual(['write app/db']);
    expect(world.aws.copies.get('app/db')?.tags).toEqual({ a: '1' });
    expect(world.results.map(({ change }) => change)).toEqual(['conflict', 'created', 'conflict', 'unchanged']);
    expect(world.results[0]?.message).toContain('is what another destination or key of the same sync leads to already');
  });
});
