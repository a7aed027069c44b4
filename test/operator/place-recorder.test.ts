import { beforeEach, describe, expect, test } from '@jest/globals';
import { SyncError } from '../../src/errors.ts';
import { PlaceRecorder } from '../../src/operator/place-recorder.ts';
import { someSync } from '../sync/some-sync.ts';
import { FakeManifests } from './fake-manifests.ts';

const sync = someSync();
const aws = { destination: 'aws:eu-west-1:123456789012', roleArn: 'arn:aws:iam::123456789012:role/writer' };
const [azure, gcp] = [{ destination: 'azure:team-a.vault.azure.net' }, { destination: 'gcp:team-a' }];

let manifests: FakeManifests;
let recorder: PlaceRecorder;

beforeEach(() => {
  manifests = new FakeManifests();
  recorder = new PlaceRecorder(manifests);
});

const listed = () => manifests.statusOf(sync)?.destinations;
const refusal = (reason: string) => new SyncError({ remedy: 'Retry', reason, message: 'not now' });

describe('places', () => {
  test('stand in the status before their first copy is written, and cost nothing from then on', async () => {
    await recorder.record(sync, [aws]);
    await recorder.record(sync, [aws]);

    expect(listed()).toEqual([aws]);
    expect(manifests.written).toHaveLength(1);
  });

  test('of copies that are written side by side wait for one write of the status', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    manifests.held = promise;
    let recorded = 0;

    const records = [aws, aws, azure, gcp].map((place) => recorder.record(sync, [place]).then(() => recorded++));
    const before = recorded;
    resolve();
    await Promise.all(records);

    expect(before).toBe(0);
    expect(manifests.written).toHaveLength(1);
    expect(listed()).toEqual([aws, azure, gcp]);
  });

  test('that come while a write is under way wait for the next one', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    manifests.held = promise;
    const isWriting = new Promise<void>((begun) => {
      manifests.writeStatus = function writeStatus(...args) {
        begun();
        return FakeManifests.prototype.writeStatus.apply(this, args);
      };
    });

    const first = recorder.record(sync, [aws]);
    await isWriting;
    const later = [recorder.record(sync, [azure]), recorder.record(sync, [gcp])];
    resolve();
    await Promise.all([first, ...later]);

    expect(manifests.written.map(({ destinations }) => destinations?.length)).toEqual([1, 3]);
  });

  test('leave the rest of the status as it was, and what it says of other places', async () => {
    manifests.put(sync, { copies: '1/1', destinations: [{ ...gcp, synced: 7, unswept: 'no permission' }] });

    await recorder.record(sync, [aws]);

    expect(manifests.statusOf(sync)).toEqual({
      copies: '1/1',
      destinations: [{ ...gcp, synced: 7, unswept: 'no permission' }, aws],
    });
  });

  test('that another replica recorded meanwhile stay', async () => {
    manifests.beforeWrite = () => {
      manifests.beforeWrite = () => undefined;
      manifests.put(sync, { destinations: [gcp] });
    };

    await recorder.record(sync, [aws]);

    expect(listed()).toEqual([gcp, aws]);
  });

  test('that were counted without their role get it, and keep the first of those that the manifest names', async () => {
    const other = { ...aws, roleArn: `${aws.roleArn}-2` };
    const dest = [aws, other].map(({ roleArn }) => ({ aws: { region: 'eu-west-1', roleArn } }));
    const both = { ...sync, spec: { ...sync.spec, dest } };
    manifests.put(both, { destinations: [{ destination: aws.destination, synced: 2 }] });

    await recorder.record(both, [aws]);
    await recorder.record(both, [other]);

    expect(listed()).toEqual([{ ...aws, synced: 2 }]);
    expect(manifests.written).toHaveLength(1);
  });

  test('that are written as somebody else than before are reached as them from then on', async () => {
    const [before, after] = ['one', 'two'].map((name) => ({ ...azure!, auth: { secretRef: { name } } }));
    const dest = [{ azure: { vaultName: 'team-a', auth: after!.auth } }];
    manifests.put(sync, { destinations: [{ ...before!, synced: 2 }] });

    await recorder.record({ ...sync, spec: { ...sync.spec, dest } }, [after!]);

    expect(listed()).toEqual([{ ...after!, synced: 2 }]);
  });

  test('whose write failed are not taken for recorded: all who wait are told, and the next one tries again', async () => {
    manifests.failures.push(refusal('Unreachable'));

    const tried = await Promise.allSettled([recorder.record(sync, [aws]), recorder.record(sync, [gcp])]);
    const after = listed();
    await recorder.record(sync, [aws]);

    expect(tried.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(after).toBeUndefined();
    expect(listed()).toEqual([aws]);
  });

  test('of a sync that is gone need no status', async () => {
    manifests.writeStatus = async () => 'gone';

    await expect(recorder.record(sync, [aws])).resolves.toBeUndefined();
  });
});

describe('a status that has no room for more places', () => {
  const full = Array.from({ length: 64 }, (_, index) => ({ destination: `gcp:p${index}` }));

  test('takes none, and says what to do', async () => {
    manifests.put(sync, { destinations: full });

    const refused = await recorder.record(sync, [aws]).catch((error: unknown) => error);

    expect(refused).toMatchObject({ remedy: 'SlowRetry', reason: 'TooManyPlaces' });
    expect((refused as SyncError).message).toMatch(/in 64 places.*Split it into several syncs/);
    expect(manifests.written).toEqual([]);
  });

  test('still knows those that it has', async () => {
    manifests.put(sync, { destinations: full });

    await expect(recorder.record(sync, full.slice(3, 5))).resolves.toBeUndefined();
  });

  test('takes as many of those that come together as there is room for', async () => {
    manifests.put(sync, { destinations: full.slice(1) });

    const tried = await Promise.allSettled([recorder.record(sync, [aws]), recorder.record(sync, [azure])]);

    expect(tried.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(listed()).toHaveLength(64);
  });

  test('does not count what only stands for copies that could not be named', async () => {
    manifests.put(sync, { destinations: [...full.slice(1), { destination: 'aws', failed: 1 }] });

    await recorder.record(sync, [aws]);

    expect(listed()).toHaveLength(64);
    expect(listed()).toContainEqual(aws);
  });

  test('may also be full of long roles', async () => {
    const long = full.map((place, index) => ({
      ...place,
      roleArn: `arn:aws:iam::1:role/${index}${'r'.repeat(2_000)}`,
    }));

    const tried = await Promise.allSettled(long.map((place) => recorder.record(sync, [place])));

    expect(tried.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
    expect(Buffer.byteLength(JSON.stringify(listed()))).toBeLessThan(24_000);
  });
});
