import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import { type Desired, PremiseChanged } from '../../../src/sync-targets/contract.ts';
import { openStrictStore, type StrictStore } from './strict-store.ts';

const absent = { kind: 'absent' } as const;

describe('the replicas of a copy in AWS', () => {
  let store: StrictStore;
  let names = 0;
  const newName = () => `replicated-${++names}`;
  const replicasOf = (name: string) =>
    [...store.secrets.look(name).replicas.values()].map(({ Region, KmsKeyId }) => `${Region} ${KmsKeyId}`);
  const create = async (aws: AwsDestination): Promise<Desired> => {
    const desired = store.desire(newName(), aws);
    await store.target.write(desired, absent, store.signal);
    store.secrets.settle();
    store.forget();
    return desired;
  };
  /** What `sync` does with a copy whose fields changed and whose value did not. */
  const bring = async (name: string, aws: AwsDestination) => {
    const desired = store.desire(name, aws);
    const observed = await store.look(name, aws);
    const differences = store.target.compare(desired, observed, null).filter((difference) => difference !== 'value');
    await store.target.write(desired, { kind: 'observed', observed, differences }, store.signal);
    return differences;
  };
  const differencesOf = async ({ name, destination }: Desired) => {
    const desired = store.desire(name, destination.aws ?? {});
    return store.target.compare(desired, await store.look(name, destination.aws), null);
  };

  beforeAll(async () => {
    store = await openStrictStore();
  });

  beforeEach(() => store.forget());

  afterAll(() => store.close());

  test('come with its creation, each with its key, in one request', async () => {
    const replicas = [{ region: 'us-east-1', encryptionKey: 'alias/there' }, { region: 'us-west-2' }];
    const desired = store.desire(newName(), { replicas });

    await store.target.write(desired, absent, store.signal);

    expect(store.operations).toEqual(['CreateSecret']);
    expect(replicasOf(desired.name)).toEqual(['us-east-1 alias/there', 'us-west-2 alias/aws/secretsmanager']);
    expect(await differencesOf(desired)).toEqual([]);
  });

  test('may be written as a list of regions', async () => {
    const desired = await create({ replicaRegions: ['us-east-1'] });

    expect(replicasOf(desired.name)).toEqual(['us-east-1 alias/aws/secretsmanager']);
    expect(await differencesOf(desired)).toEqual([]);
  });

  test('are added and removed, without a new version', async () => {
    const { name } = await create({ replicaRegions: ['us-east-1', 'us-west-2'] });

    const differences = await bring(name, { replicaRegions: ['us-west-2', 'ap-southeast-2'] });

    expect(differences).toEqual(['replicas']);
    expect(store.operations).toEqual(['DescribeSecret', 'RemoveRegionsFromReplication', 'ReplicateSecretToRegions']);
    expect(store.secrets.look(name).versions).toHaveLength(1);
    expect([...store.secrets.look(name).replicas.keys()]).toEqual(['us-west-2', 'ap-southeast-2']);
  });

  test('are all removed by an empty list', async () => {
    const { name } = await create({ replicaRegions: ['us-east-1'] });

    const differences = await bring(name, { replicas: [] });

    expect(differences).toEqual(['replicas']);
    expect(replicasOf(name)).toEqual([]);
  });

  test('are left as they are where the manifest has no word about them', async () => {
    const { name } = await create({ replicaRegions: ['us-east-1'] });

    const differences = await bring(name, { tags: { team: 'a' } });

    expect(differences).toEqual(['tags']);
    expect(replicasOf(name)).toHaveLength(1);
  });

  test('get another key by being made anew', async () => {
    const { name } = await create({ replicas: [{ region: 'us-east-1', encryptionKey: 'alias/one' }] });

    const differences = await bring(name, { replicas: [{ region: 'us-east-1', encryptionKey: 'alias/two' }] });

    expect(differences).toEqual(['replicas']);
    expect(replicasOf(name)).toEqual(['us-east-1 alias/two']);
  });

  test('keep their key where the manifest names none', async () => {
    const { name } = await create({ replicas: [{ region: 'us-east-1', encryptionKey: 'alias/one' }] });

    expect(await bring(name, { replicaRegions: ['us-east-1'] })).toEqual([]);
  });

  test('are no difference while AWS is still at work on them', async () => {
    const desired = store.desire(newName(), { replicaRegions: ['us-east-1'] });

    await store.target.write(desired, absent, store.signal);

    expect(store.secrets.look(desired.name).replicas.get('us-east-1')?.Status).toBe('InProgress');
    expect(await differencesOf(desired)).toEqual([]);
  });

  test('that fail are started again, and make the copy count as failed until they are well', async () => {
    const name = newName();
    store.secrets.occupy('us-east-1', name);
    const desired = store.desire(name, { replicaRegions: ['us-east-1', 'us-west-2'] });
    await store.target.write(desired, absent, store.signal);
    store.secrets.settle();

    const again = bring(name, { replicaRegions: ['us-east-1', 'us-west-2'] });

    await expect(again).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'ReplicaFailed',
      message: `${name} in AWS eu-west-1: the copy is as it must be, but AWS could not replicate it to us-east-1: a secret of that name is there already, which is never overwritten: delete it, or leave the region out of dest.aws.replicas`,
    });
    expect(store.secrets.look(name)).toMatchObject({ value: desired.value });
    store.secrets.free('us-east-1', name);
    store.secrets.settle();
    expect(await differencesOf(desired)).toEqual([]);
  });

  test('that cannot use their key say so', async () => {
    store.secrets.breakKey('alias/broken');
    const { name } = await create({ replicas: [{ region: 'us-east-1', encryptionKey: 'alias/broken' }] });

    const again = bring(name, { replicas: [{ region: 'us-east-1', encryptionKey: 'alias/broken' }] });

    await expect(again).rejects.toMatchObject({
      message: expect.stringContaining('us-east-1: the KMS key cannot be used'),
    });
  });

  test('that fail do not keep a new value from the copy', async () => {
    const name = newName();
    store.secrets.occupy('us-east-1', name);
    const written = await store.target.write(
      store.desire(name, { replicaRegions: ['us-east-1'] }),
      absent,
      store.signal,
    );
    store.secrets.settle();
    const next = store.desire(name, { replicaRegions: ['us-east-1'] }, { value: 'next', version: 2 });

    const observed = await store.look(name, next.destination.aws);
    await expect(store.target.write(next, { kind: 'observed', observed }, store.signal)).rejects.toThrow('us-east-1');

    expect(store.secrets.look(name).value).toBe('next');
    expect((await store.look(name)).versionId).toBe(next.versionIdAfter(written.versionId));
  });

  test('are looked up before a write that follows a listing, which does not show them', async () => {
    const { name } = await create({ replicaRegions: ['us-east-1'] });
    const aws = { replicaRegions: ['us-west-2'] };
    const listed = await store.list(name);

    await store.target.write(
      store.desire(name, aws),
      { kind: 'observed', observed: listed, differences: [] },
      store.signal,
    );

    expect(store.target.compare(store.desire(name, aws), listed, null)).not.toContain('replicas');
    expect([...store.secrets.look(name).replicas.keys()]).toEqual(['us-west-2']);
  });

  test("are not touched when the copy turns out to be another's since the listing", async () => {
    const { name } = await create({});
    const listed = await store.list(name);
    store.secrets.answer('TagResource', { SecretId: name, Tags: [{ Key: 'vss-owner', Value: 'another' }] });
    const desired = store.desire(name, { replicaRegions: ['us-east-1'] });

    const write = store.target.write(desired, { kind: 'observed', observed: listed }, store.signal);

    await expect(write).rejects.toBeInstanceOf(PremiseChanged);
    expect(store.operations.filter((operation) => !/^(List|Describe)/.test(operation))).toEqual([]);
  });

  test('need more than a listing', () => {
    const { needsLook } = store.target;

    const needs = [{}, { tags: {} }, { replicas: [] }, { replicaRegions: ['us-east-1'] }, { resourcePolicy: '' }].map(
      (aws) => needsLook?.({ aws }),
    );

    expect(needs).toEqual([false, false, true, true, true]);
  });

  test('are removed before the copy is deleted', async () => {
    const { name } = await create({ replicaRegions: ['us-east-1', 'us-west-2'] });
    const observed = await store.look(name);
    store.forget();

    await store.target.remove(observed, store.signal);

    expect(store.operations).toEqual(['RemoveRegionsFromReplication', 'DeleteSecret']);
    expect(store.secrets.look(name).deletedAt).not.toBeNull();
  });

  test('are looked up before a deletion that follows a listing', async () => {
    const { name } = await create({ replicaRegions: ['us-east-1'] });
    const listed = await store.list(name);
    store.forget();

    await store.target.remove(listed, store.signal);

    expect(store.operations).toEqual(['DescribeSecret', 'RemoveRegionsFromReplication', 'DeleteSecret']);
  });

  test('that appear while the copy is deleted make the deletion be tried again', async () => {
    const { name } = await create({});
    const observed = await store.look(name);
    await bring(name, { replicaRegions: ['us-east-1'] });

    const deletion = store.target.remove(observed, store.signal);

    await expect(deletion).rejects.toMatchObject({ remedy: 'Retry', reason: 'ReplicasLeft' });
  });

  test('come back with a copy that is restored', async () => {
    const { name, destination } = await create({ replicaRegions: ['us-east-1'] });
    await store.target.remove(await store.look(name), store.signal);

    await store.target.write(
      store.desire(name, destination.aws ?? {}),
      { kind: 'observed', observed: await store.look(name, destination.aws) },
      store.signal,
    );

    expect([...store.secrets.look(name).replicas.keys()]).toEqual(['us-east-1']);
    expect(store.secrets.look(name)).toMatchObject({ deletedAt: null });
  });
});
