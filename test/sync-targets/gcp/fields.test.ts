import { describe, expect, test } from '@jest/globals';
import type { GcpDestination } from '../../../src/crd/destinations/gcp.ts';
import { markNames } from '../../../src/sync-targets/contract.ts';
import { project, resourceName } from './under-test.ts';
import { owner, signal, useGcp } from './world.ts';

const { gcpStore, open } = useGcp();

const keyIn = (location: string, key = 'key') => `projects/kms/locations/${location}/keyRings/ring/cryptoKeys/${key}`;
const withKey = (location: string, key?: string) => ({
  customerManagedEncryption: { kmsKeyName: keyIn(location, key) },
});
const notSaid = { customerManagedEncryption: null };

describe('replication', () => {
  test.each<[string, GcpDestination, object]>([
    ['automatic where the manifest says nothing', {}, { automatic: notSaid }],
    [
      'automatic with a key',
      { replication: { automatic: { kmsKeyName: keyIn('global') } } },
      { automatic: withKey('global') },
    ],
    [
      'in locations, one of them with a key',
      {
        replication: {
          userManaged: [{ location: 'europe-west3', kmsKeyName: keyIn('europe-west3') }, { location: 'europe-west9' }],
        },
      },
      {
        userManaged: {
          replicas: [
            { location: 'europe-west3', ...withKey('europe-west3') },
            { location: 'europe-west9', ...notSaid },
          ],
        },
      },
    ],
    [
      'in locations as another tool writes them',
      { replicationLocations: ['us-east1'] },
      { userManaged: { replicas: [{ location: 'us-east1', ...notSaid }] } },
    ],
  ])('is %s', async (_, fields, replication) => {
    const world = open({}, fields);

    const { desired } = await world.create();

    expect((await world.view(desired.name)).replication).toMatchObject(replication);
    expect((await world.bring(desired)).differences).toEqual([]);
  });

  test('of a copy that is there is not asked about when the manifest says nothing', async () => {
    const world = open();
    const { desired } = await world.create({
      destination: { gcp: { project: project.id, replicationLocations: ['europe-west3'] } },
    });

    const { differences } = await world.bring(world.with(desired, {}));

    expect(differences).toEqual([]);
  });

  test('that is not what it was stalls with what to do, and does not hold the value back', async () => {
    const { store } = gcpStore();
    const world = open({}, { replicationLocations: ['europe-west3', 'europe-west9'] });
    const { desired } = await world.create();
    const other: GcpDestination = { replicationLocations: ['europe-west3', 'us-east1'] };
    const next = world.with(world.wish({ name: desired.name, value: 'rotated', version: 2 }), other);

    const bringing = world.bring(next);

    await expect(bringing).rejects.toMatchObject({
      remedy: 'FixSpec',
      reason: 'ReplicationFixed',
      message: expect.stringMatching(
        /in europe-west3, europe-west9 and cannot change that to in europe-west3, us-east1/,
      ),
    });
    expect(await store.valueOf(desired.name)).toBe('rotated');
    // Another try complains again, and adds nothing.
    await expect(world.bring(next)).rejects.toMatchObject({ reason: 'ReplicationFixed' });
    expect((await world.view(desired.name)).versions).toHaveLength(2);
  });

  test('of a secret that is taken over must be right before anything of it is touched', async () => {
    const { store } = gcpStore();
    const world = open({}, { replicationLocations: ['europe-west3'] });
    const desired = world.wish();
    await store.createForeign(desired.name, 'theirs');
    const premise = { kind: 'observed', observed: await world.look(desired.name) } as const;

    const adoption = world.target.write(desired, premise, signal);

    await expect(adoption).rejects.toMatchObject({ remedy: 'FixSpec', reason: 'ReplicationFixed' });
    expect(await store.valueOf(desired.name)).toBe('theirs');
    expect((await world.view(desired.name)).labels).toEqual({});
  });

  test('gets another key by one UpdateSecret, and keeps the keys that the manifest does not name', async () => {
    const { store } = gcpStore();
    const locations = ['europe-west3', 'europe-west9'];
    const world = open(
      {},
      { replication: { userManaged: locations.map((location) => ({ location, kmsKeyName: keyIn(location) })) } },
    );
    const { desired } = await world.create();
    const next = world.with(desired, {
      replication: {
        userManaged: [
          { location: 'europe-west9' },
          { location: 'europe-west3', kmsKeyName: keyIn('europe-west3', 'new') },
        ],
      },
    });
    await store.forgetRequests();

    const { differences } = await world.bring(next);

    expect(differences).toEqual(['encryptionKey']);
    expect(await world.operations()).toEqual(['GetSecret', 'GetSecretVersion', 'UpdateSecret']);
    expect((await world.view(desired.name)).replication?.userManaged?.replicas).toMatchObject([
      { location: 'europe-west3', ...withKey('europe-west3', 'new') },
      { location: 'europe-west9', ...withKey('europe-west9') },
    ]);
    expect((await world.bring(next)).differences).toEqual([]);
  });
});

describe('a regional secret', () => {
  const inFrankfurt: GcpDestination = { location: 'europe-west3', kmsKeyName: keyIn('europe-west3') };

  test('is in its location, with its key, and another than the global one of its name', async () => {
    const regional = open({}, inFrankfurt);
    const global = open();
    const { desired } = await regional.create();

    expect(regional.target.scope).toBe(`gcp:${project.id}@europe-west3`);
    expect(await global.target.describe(desired.name, signal)).toBeNull();
    expect(await regional.view(desired.name)).toMatchObject({
      location: 'europe-west3',
      replication: null,
      kmsKeyName: keyIn('europe-west3'),
    });
  });

  test('is updated, listed, compared and removed like any other', async () => {
    const world = open({}, inFrankfurt);
    const { desired } = await world.create({ owner: 'beef0000'.repeat(4) });
    const next = world.wish({ name: desired.name, value: 'rotated', version: 2, owner: desired.marks.owner });

    const { differences } = await world.bring(
      world.with(next, { ...inFrankfurt, kmsKeyName: keyIn('europe-west3', 'b') }),
    );
    const listed = await Array.fromAsync(world.target.list?.(desired.marks.owner, signal) ?? []);
    const elsewhere = await Array.fromAsync(open().target.list?.(desired.marks.owner, signal) ?? []);
    await world.target.remove(await world.look(desired.name), signal);

    expect(differences).toEqual(['value', 'encryptionKey']);
    expect(listed.map(({ name }) => name)).toEqual([desired.name]);
    expect(elsewhere).toEqual([]);
    expect(await world.target.describe(desired.name, signal)).toBeNull();
  });
});

describe('labels and annotations', () => {
  const both: GcpDestination = { labels: { team: 'a', stage: 'test' }, annotations: { note: 'Größe', 'a.b': '' } };

  test('are there from the start, and what others add stays when they change', async () => {
    const { somebody } = gcpStore();
    const world = open({}, both);
    const { desired } = await world.create();
    const { labels, annotations } = await world.view(desired.name);
    await somebody.updateSecret({
      secret: {
        name: resourceName(desired.name),
        labels: { ...labels, cost: 'theirs' },
        annotations: { ...annotations, contact: 'theirs' },
      },
      updateMask: { paths: ['labels', 'annotations'] },
    });

    const before = await world.bring(desired);
    const after = await world.bring(world.with(desired, { labels: { team: 'b' }, annotations: { note: 'new' } }));

    expect(before.differences).toEqual([]);
    expect(after.differences).toEqual(['tags', 'annotations']);
    const view = await world.view(desired.name);
    expect(view.labels).toEqual({ team: 'b', cost: 'theirs', [markNames.owner]: owner });
    expect(view.annotations).toMatchObject({ note: 'new', contact: 'theirs' });
    expect(view.annotations).not.toHaveProperty(['a.b']);
    expect(view.versions).toHaveLength(1);
  });

  test('that somebody changed by hand are put right without a new version', async () => {
    const { somebody } = gcpStore();
    const world = open({}, both);
    const { desired } = await world.create();
    const { annotations } = await world.view(desired.name);
    await somebody.updateSecret({
      secret: { name: resourceName(desired.name), annotations: { ...annotations, note: 'by hand' } },
      updateMask: { paths: ['annotations'] },
    });

    const { differences } = await world.bring(desired);

    expect(differences).toEqual(['annotations']);
    const view = await world.view(desired.name);
    expect(view.annotations).toMatchObject({ note: 'Größe' });
    expect(view.versions).toHaveLength(1);
  });

  test('leave no trace once the manifest has none', async () => {
    const world = open({}, both);
    const { desired } = await world.create();

    await world.bring(world.with(desired, { labels: {}, annotations: {} }));

    const view = await world.view(desired.name);
    expect(Object.keys(view.labels)).toEqual([markNames.owner]);
    expect(Object.keys(view.annotations).sort()).toEqual([markNames.ref, markNames.state]);
  });
});

describe('topics, expiry, aliases and delayed destruction', () => {
  const all: GcpDestination = {
    topics: ['projects/p/topics/b', 'projects/p/topics/a'],
    expireTime: '2099-01-31T00:00:00+01:00',
    versionDestroyTtl: '48h',
    versionAliases: { first: 1 },
  };

  test('are there from the start, and in sync then', async () => {
    const { store } = gcpStore();
    const world = open({}, all);
    await store.forgetRequests();

    const { desired } = await world.create();

    expect(await world.operations()).toEqual(['CreateSecret', 'AddSecretVersion', 'UpdateSecret']);
    expect(await world.view(desired.name)).toMatchObject({
      topics: ['projects/p/topics/b', 'projects/p/topics/a'],
      expireTime: '2099-01-30T23:00:00.000Z',
      versionDestroyTtl: 172_800,
      versionAliases: { first: '1' },
    });
    expect((await world.bring(desired)).differences).toEqual([]);
  });

  test('are brought to a copy by one UpdateSecret; aliases of others stay', async () => {
    const { store, somebody } = gcpStore();
    const world = open();
    const { desired } = await world.create();
    const aliased = { name: resourceName(desired.name), versionAliases: { theirs: 1 } };
    await somebody.updateSecret({ secret: aliased, updateMask: { paths: ['version_aliases'] } });
    await store.forgetRequests();

    const { differences } = await world.bring(world.with(desired, all));

    expect(differences).toEqual(['topics', 'expires', 'versionDestroyTtl', 'versionAliases']);
    expect(await world.operations()).toEqual(['GetSecret', 'GetSecretVersion', 'UpdateSecret']);
    expect((await world.view(desired.name)).versionAliases).toEqual({ first: '1', theirs: '1' });
  });

  test('are left alone where the manifest says nothing of them', async () => {
    const world = open();
    const { desired } = await world.create({ destination: { gcp: { project: project.id, ...all } } });

    expect((await world.bring(world.with(desired, {}))).differences).toEqual([]);
  });

  test('of a copy that is made with a time to live are counted from then', async () => {
    const world = open({}, { ttl: '90d' });
    const { desired } = await world.create();

    const { expireTime } = await world.view(desired.name);

    const days = (Date.parse(expireTime ?? '') - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(90);
    expect((await world.bring(desired)).differences).toEqual([]);
  });

  test('topics that the manifest empties are taken away', async () => {
    const world = open({}, all);
    const { desired } = await world.create();

    await world.bring(world.with(desired, { topics: [] }));

    expect((await world.view(desired.name)).topics).toEqual([]);
  });

  test('an alias for the version that is just written follows it', async () => {
    const world = open();
    const { desired } = await world.create();
    const next = world.with(world.wish({ name: desired.name, value: 'next', version: 2 }), {
      versionAliases: { now: 2 },
    });

    await world.bring(next);

    expect((await world.view(desired.name)).versionAliases).toEqual({ now: '2' });
  });

  test('an alias for a version that is not there stalls with what to do, once the value is there', async () => {
    const { store } = gcpStore();
    const world = open({}, { versionAliases: { next: 7, first: 1 } });
    const desired = world.wish();

    const creation = world.target.write(desired, { kind: 'absent' }, signal);

    const refusal = {
      remedy: 'FixSpec',
      reason: 'AliasWithoutVersion',
      message: expect.stringContaining('newest is 1'),
    };
    await expect(creation).rejects.toMatchObject(refusal);
    expect(await store.valueOf(desired.name)).toBe(desired.value);
    expect((await world.view(desired.name)).versionAliases).toEqual({ first: '1' });
  });
});

test('a listing alone tells what of the metadata differs', async () => {
  const world = open({}, { labels: { team: 'a' }, topics: [] });
  const listedOwner = 'face0000'.repeat(4);
  const { desired } = await world.create({ owner: listedOwner });

  const [listed] = await Array.fromAsync(world.target.list?.(listedOwner, signal) ?? []);

  if (!listed) throw new Error('not listed');
  expect(world.target.compare(desired, listed, null)).toEqual([]);
  const next = world.with(desired, { labels: { team: 'b' }, topics: ['projects/p/topics/a'], ttl: '1d' });
  expect(world.target.compare(next, listed, null)).toEqual(['tags', 'topics', 'expires']);
});
