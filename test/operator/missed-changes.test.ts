import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Job, jobKey } from '../../src/state/contract.ts';
import { someSync } from '../sync/some-sync.ts';
import { Replica } from './replica.ts';

const place = { vault: 'main', namespace: '', mount: 'secret' };
const lookAround: Job = { kind: 'mount', ...place };

let replica: Replica;

beforeEach(async () => {
  replica = new Replica();
  replica.world.vault.put('app/db', { user: 'ada' });
  replica.knows(someSync());
  await replica.reconcile();
});

afterEach(() => replica.close());

/** Puts the secret anew, so often. */
function put(times: number): void {
  for (let time = 0; time < times; time++) {
    replica.world.clock.now += 1_000;
    replica.world.vault.put('app/db', { user: `ada ${replica.world.clock.now}` });
  }
}

function follow(version: number, lowest?: number) {
  const at = replica.world.clock.now;
  return replica.follow('app/db', { heard: { version, at, ...(lowest === undefined ? {} : { lowest }) } });
}

async function missed(): Promise<Record<string, number>> {
  const { values } = await replica.metrics.missedVersions.get();
  return Object.fromEntries(values.map(({ labels, value }) => [labels.seen_by, value]));
}

const asked = () => replica.asked.map(({ job }) => job).filter(({ kind }) => kind === 'mount');

describe('an entry that skips a version', () => {
  test('is followed, counted and told, and everything that is read from the mount is looked at', async () => {
    put(3);

    await follow(4);

    expect(replica.world.aws.values()['app/db']).toContain(String(replica.world.clock.now));
    expect(await missed()).toEqual({ event: 2 });
    expect(asked()).toEqual([lookAround]);
    const [told, ...more] = replica.manifests.announced.filter(({ reason }) => reason === 'ChangesMissed');
    expect(told).toMatchObject({
      type: 'Warning',
      message: expect.stringContaining('versions 2 to 3 of secret/app/db'),
    });
    expect(more).toEqual([]);
  });

  test('is one only where the versions between were not heard either', async () => {
    put(3);

    await follow(4, 2);

    expect(await missed()).toEqual({});
    expect(asked()).toEqual([]);
  });

  test('shows among those that were heard together', async () => {
    put(4);

    await follow(5, 3);

    expect(await missed()).toEqual({ event: 1 });
  });

  test('asks to look around once in five minutes, and is told each time', async () => {
    put(2);
    await follow(3);
    put(2);
    await follow(5);
    const within = asked().length;
    replica.world.clock.now += 5 * 60_000;
    put(2);
    await follow(7);

    expect(within).toBe(1);
    expect(asked()).toHaveLength(2);
    expect(await missed()).toEqual({ event: 3 });
  });

  test('is none where the secret has begun a new life', async () => {
    replica.world.clock.now += 1_000;
    replica.world.vault.deleteMetadata('app/db');
    replica.world.vault.put('app/db', { user: 'eve' });

    await follow(1);

    expect(await missed()).toEqual({});
  });

  test('is none where the manifest was edited since: it may have been suspended', async () => {
    put(3);
    replica.knows(someSync({}, { generation: 2 }));

    await follow(4);

    expect(await missed()).toEqual({});
  });
});

describe('a full reconcile that finds what nothing was heard of', () => {
  beforeEach(async () => {
    put(1);
    await follow(2);
    put(2);
  });

  test('counts and tells it, and looks around', async () => {
    replica.world.clock.now += 2 * 60_000;

    await replica.reconcile();

    expect(await missed()).toEqual({ reconcile: 2 });
    expect(asked()).toEqual([lookAround]);
    expect(replica.manifests.announced.map(({ reason }) => reason)).toContain('ChangesMissed');
  });

  test('leaves alone what is too young to have been heard of', async () => {
    await replica.reconcile();

    expect(await missed()).toEqual({});
  });

  test('leaves alone what was heard and waits its turn', async () => {
    replica.world.clock.now += 2 * 60_000;
    replica.heard.add(jobKey({ kind: 'path', ...place, name: 'app/db' }));

    await replica.reconcile();

    expect(await missed()).toEqual({});
  });

  test('looks around only where it is used to hear something', async () => {
    const other = new Replica(replica.shared);
    other.knows(someSync());
    replica.world.clock.now += 2 * 60_000;

    await other.reconcile();

    expect((await other.metrics.missedVersions.get()).values).toMatchObject([{ value: 2 }]);
    expect(other.asked.filter(({ job }) => job.kind === 'mount')).toEqual([]);
    await other.close();
  });
});
