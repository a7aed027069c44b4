import { describe, expect, test } from '@jest/globals';
import type { CopyResult } from '../../src/sync/ports.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

type Wishes = Parameters<typeof someSync>[0] & object;

const tags = { team: 'a' };
const dest = [{ aws: { tags } }];

/** A world in sync with a manifest; then something happens, and a dry run of the same or another manifest looks. */
async function lookAt(options: {
  before?: Wishes | null;
  happens?: (world: FakeWorld) => void;
  asks?: Wishes;
}): Promise<{ world: FakeWorld; result: CopyResult | undefined; written: string[] }> {
  const { before = {}, happens, asks = before ?? {} } = options;
  const world = new FakeWorld();
  world.vault.put('app/db', { user: 'ada' });
  if (before) await world.reconcile(someSync({ dest, ...before }));
  world.clock.now += 60_000;
  happens?.(world);
  world.quiet();
  await world.reconcile(someSync({ dest, ...asks, dryRun: true }, { generation: 2 }));
  return {
    world,
    result: world.results.find(({ name }) => name.startsWith('app/db')),
    written: world.aws.callsOf('write', 'remove'),
  };
}

function changed(world: FakeWorld, change: Parameters<FakeWorld['aws']['place']>[1]): void {
  world.aws.place('app/db', { ...world.aws.copies.get('app/db'), ...change });
}

const known = expect.stringMatching(/^[0-9a-f]{8}$/) as unknown as string;

describe('a dry run writes nothing, and plans', () => {
  test.each<[CopyResult['planned'], string, Parameters<typeof lookAt>[0], CopyResult['fingerprints']]>([
    ['created', 'what is not there', { before: null }, { wanted: known, found: null }],
    [
      'updated',
      'what has changed in Vault',
      { happens: ({ vault }) => vault.put('app/db', { user: 'eve' }) },
      { wanted: known, found: known },
    ],
    [
      'updated',
      'a value that somebody else has changed',
      { happens: (world) => changed(world, { versionId: 'by-hand', value: 'by hand' }) },
      { wanted: known, found: null },
    ],
    [
      'metadataUpdated',
      'tags that an edit has changed',
      { asks: { dest: [{ aws: { tags: { team: 'b' } } }] } },
      { wanted: known, found: known },
    ],
    [
      'adopted',
      'what nobody owns, where that may be taken',
      { before: null, happens: ({ aws }) => aws.place('app/db'), asks: { adoptionPolicy: 'IfUnowned' } },
      { wanted: known, found: null },
    ],
    [
      'restored',
      'what is being deleted',
      { happens: (world) => changed(world, { existence: 'pendingDeletion' }) },
      { wanted: known, found: known },
    ],
    [
      'deleted',
      'what is gone from Vault',
      { happens: ({ vault }) => vault.delete('app/db') },
      { wanted: null, found: known },
    ],
    [
      'deleted',
      'what is not selected any more, with removalPolicy: Delete',
      { asks: { path: 'secret/app/other', removalPolicy: 'Delete' } },
      { wanted: null, found: known },
    ],
    [
      'retained',
      'what is not selected any more, with removalPolicy: Retain',
      { asks: { path: 'secret/app/other' } },
      { wanted: null, found: known },
    ],
  ])('%s: %s', async (planned, _what, options, fingerprints) => {
    const { result, written, world } = await lookAt(options);

    expect(written).toEqual([]);
    expect(result).toMatchObject({ change: 'dryRun', planned, retry: null, fingerprints });
    expect(JSON.stringify([world.results, [...world.ledger.entries]])).not.toContain('eve');
  });

  test.each<[CopyResult['change'], string, Parameters<typeof lookAt>[0]]>([
    ['unchanged', 'what is as it must be', {}],
    [
      'conflict',
      'what somebody else owns',
      { before: null, happens: ({ aws }) => aws.place('app/db', { owner: 'theirs' }) },
    ],
    [
      'skipped',
      'what updatePolicy leaves',
      { before: null, happens: ({ aws }) => aws.place('app/db'), asks: { updatePolicy: 'IfNotExists' } },
    ],
    [
      'drifted',
      'what driftPolicy reports',
      { asks: { driftPolicy: 'Report' }, happens: (world) => changed(world, { versionId: 'x' }) },
    ],
    [
      'retained',
      'what deletionPolicy keeps',
      { asks: { deletionPolicy: 'Retain' }, happens: ({ vault }) => vault.delete('app/db') },
    ],
    ['failed', 'what cannot be made', { before: null, asks: { transforms: { template: '{{ fail "no" }}' } } }],
  ])('nothing, and says %s: %s', async (change, _what, options) => {
    const { result, written } = await lookAt(options);

    expect(written).toEqual([]);
    expect(result).toMatchObject({ change, planned: change });
  });

  test.each<[string, boolean, Parameters<typeof lookAt>[0]]>([
    ['alike where only tags differ', true, { asks: { dest: [{ aws: { tags: { team: 'b' } } }] } }],
    [
      'alike where the copy is being deleted',
      true,
      { happens: (world) => changed(world, { existence: 'pendingDeletion' }) },
    ],
    [
      'not alike where Vault has another value',
      false,
      { happens: ({ vault }) => vault.put('app/db', { user: 'eve' }) },
    ],
  ])('with fingerprints of the values that are %s', async (_title, alike, options) => {
    const { result } = await lookAt(options);

    expect(result?.fingerprints.wanted === result?.fingerprints.found).toBe(alike);
  });

  test('each key of a secret for itself, those that are gone too', async () => {
    const perKey = { dest: [{ aws: { granularity: 'key' as const } }] };
    const { world, written } = await lookAt({
      before: perKey,
      happens: ({ vault }) => vault.put('app/db', { password: 'x' }),
    });

    expect(written).toEqual([]);
    expect(world.results.map(({ name, planned }) => `${name} ${planned}`).sort()).toEqual([
      'app/db/password created',
      'app/db/user deleted',
    ]);
  });
});

describe('after a dry run', () => {
  test('the very plan is carried out when it ends', async () => {
    const { world } = await lookAt({ happens: ({ vault }) => vault.put('app/db', { user: 'eve' }) });

    await world.reconcile(someSync({ dest }, { generation: 3 }));

    expect(world.results.map(({ planned }) => planned)).toEqual(['updated', 'updated']);
    expect(world.aws.values()).toEqual({ 'app/db': '{"user":"eve"}' });
  });

  test('what it would have is claimed from nobody, and waited for by nobody', async () => {
    const { world } = await lookAt({ before: null });
    const other = someSync({ dest: [{ aws: {} }] }, { name: 'other', createdAt: 9 });

    await world.reconcile(other);
    await world.reconcile(someSync({ dest, dryRun: true }, { generation: 2 }));
    world.vault.delete('app/db');
    await world.follow('app/db', other);

    expect(world.results.map(({ sync, change }) => `${sync} ${change}`)).toEqual([
      'team-a/db dryRun',
      'team-a/other created',
      'team-a/db conflict',
      'team-a/other deleted',
    ]);
    expect(world.woken).toEqual([]);
  });
});
