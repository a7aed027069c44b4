import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { GcpDestination } from '../../../src/crd/destinations/gcp.ts';
import { markNames } from '../../../src/sync-targets/contract.ts';
import { createOldVersions } from '../../../src/sync-targets/gcp/old-versions.ts';
import { planRetention } from '../../../src/sync-targets/gcp/retention.ts';
import { eventually } from '../../peers/processes.ts';
import { createManualClock, minute } from '../conformance/under-test.ts';
import { resourceName } from './under-test.ts';
import { signal, useGcp, type World } from './world.ts';

const seed = 20_261_121;
const day = 24 * 60 * minute;

/** Versions 1, 2, 3 …, made an hour apart; `e` enabled, `d` disabled, `x` destroyed, `s` to be destroyed by Google. */
function history(states: string) {
  return [...states]
    .map((letter, index) => ({
      name: `projects/1/secrets/db/versions/${index + 1}`,
      state: letter === 'e' ? 'ENABLED' : letter === 'x' ? 'DESTROYED' : 'DISABLED',
      etag: `"${index + 1}"`,
      createTime: { seconds: String((index + 1) * 3600) },
      ...(letter === 's' ? { scheduledDestroyTime: { seconds: '1' } } : {}),
    }))
    .reverse();
}

const hour = 60 * minute;
const plan = (states: string, options: { keep?: number; after?: number; now?: number; aliased?: string[] } = {}) => {
  const { keep = 1, after = 0, now = 1000 * hour, aliased = [] } = options;
  const policy = { keepEnabled: keep, destroyAfterMs: after };
  const { destroy, nextAt } = planRetention(history(states), policy, { aliased: new Set(aliased), now });
  return { destroy: destroy.map(({ name }) => Number(name.split('/').at(-1))), nextAt };
};

describe('which versions stay', () => {
  test.each([
    ['the newest alone', 'eee', {}, [1, 2]],
    ['as many as are kept', 'eeee', { keep: 3 }, [1]],
    ['all, where there are no more than are kept', 'eee', { keep: 3 }, []],
    ['one with an alias, however old', 'eeee', { aliased: ['2'] }, [1, 3]],
    ['the newest, even disabled, and the enabled one before it', 'eeed', {}, [1, 2]],
    ['what is newer than the oldest that is kept', 'eede', { keep: 2 }, [1]],
    ['none of the disabled ones that are older', 'dee', {}, [1, 2]],
    ['what is destroyed already, or will be', 'xsee', {}, [3]],
    ['everything, where nothing is enabled', 'ddd', {}, []],
  ])('%s', (_, states, options, destroyed) => {
    expect(plan(states, options).destroy).toEqual(destroyed);
  });

  test('a version stays until its time after the one that took its place was made', () => {
    const options = { keep: 2, after: 10 * hour };

    // Version 1 gave its place to version 3, which was made at 3 h.
    expect(plan('eee', { ...options, now: 13 * hour - 1 })).toEqual({ destroy: [], nextAt: 13 * hour });
    expect(plan('eee', { ...options, now: 13 * hour })).toEqual({ destroy: [1], nextAt: null });
    expect(plan('eeee', { ...options, now: 13 * hour })).toEqual({ destroy: [1], nextAt: 14 * hour });
  });

  test('never fewer than are kept, whatever the versions, and never the newest', () => {
    const states = fc.string({ unit: fc.constantFrom('e', 'd', 'x', 's'), maxLength: 12 });

    const property = fc.property(states, fc.integer({ min: 1, max: 4 }), (text, keep) => {
      const { destroy } = plan(text, { keep });
      const enabled = [...text].flatMap((letter, index) => (letter === 'e' ? [index + 1] : []));
      expect(enabled.slice(-keep).some((number) => destroy.includes(number))).toBe(false);
      expect(destroy).not.toContain(text.length);
    });

    fc.assert(property, { seed });
  });
});

/** Old versions over a store that answers at once; every call with the time it was made at. */
function createWorkshop(options: { failing?: number; states?: string; onList?: () => void } = {}) {
  const { failing = 0, states = 'eee', onList } = options;
  const clock = createManualClock(1000 * hour);
  const calls: { readonly method: string; readonly at: number }[] = [];
  const errors: unknown[] = [];
  let failures = failing;
  const oldVersions = createOldVersions({
    ...clock,
    report: (error) => void errors.push(error),
    calls: {
      async getSecret(name) {
        calls.push({ method: 'look', at: clock.now() });
        return { name, labels: { [markNames.owner]: 'o' }, annotations: {}, etag: '' };
      },
      async listVersions() {
        onList?.();
        return history(states);
      },
      async destroyVersion() {
        calls.push({ method: 'destroy', at: clock.now() });
        failures -= 1;
        if (failures >= 0) throw new Error('refused');
      },
    },
  });
  return {
    calls,
    errors,
    oldVersions,
    write: (name: string) => oldVersions.add(name, { owner: 'o', keepEnabled: 1, destroyAfterMs: 0 }),
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 250) {
        clock.advance(250);
        await new Promise(setImmediate);
      }
    },
  };
}

describe('the turns of old versions', () => {
  test('are one step a second, whatever their secrets', async () => {
    const { calls, write, pass, oldVersions } = createWorkshop();
    write('a');
    write('b');

    await pass(minute + 10_000);
    await oldVersions.close();

    expect(calls.map(({ method }) => method)).toEqual(['look', 'look', 'destroy', 'destroy', 'destroy', 'destroy']);
    expect(Math.min(...calls.slice(1).map(({ at }, index) => at - (calls[index]?.at ?? 0)))).toBe(1_000);
  });

  test('come although the copy is written again and again', async () => {
    const { calls, write, pass, oldVersions } = createWorkshop();

    for (let times = 0; times < 4; times += 1) {
      write('a');
      await pass(minute / 2);
    }
    await oldVersions.close();

    expect(calls.length).toBeGreaterThan(0);
  });

  test('come once more for a write that came during one', async () => {
    const workshop: ReturnType<typeof createWorkshop> = createWorkshop({
      states: 'e',
      onList: () => workshop.write('a'),
    });
    workshop.write('a');

    await workshop.pass(2 * minute + 10_000);
    await workshop.oldVersions.close();

    expect(workshop.calls.filter(({ method }) => method === 'look').length).toBeGreaterThanOrEqual(2);
  });

  test('end with the first refusal, and begin again ten minutes later', async () => {
    const { calls, errors, write, pass, oldVersions } = createWorkshop({ failing: 1 });
    write('a');

    await pass(10 * minute);
    const before = calls.map(({ method }) => method);
    await pass(2 * minute);
    await oldVersions.close();

    expect(before).toEqual(['look', 'destroy']);
    expect(calls.slice(2, 5).map(({ method }) => method)).toEqual(['look', 'destroy', 'destroy']);
    expect(errors).toHaveLength(1);
  });

  test('are over once it is closed', async () => {
    const { calls, write, pass, oldVersions } = createWorkshop();
    write('a');
    await pass(minute + 250);

    await oldVersions.close();
    const before = calls.length;
    await pass(2 * minute);

    expect(calls).toHaveLength(before);
  });
});

const { gcpStore, open } = useGcp();

const keepOne: GcpDestination = { versions: { keepEnabled: 1, destroyAfter: '24h' } };

/** A copy with so many versions, each written by the target. */
async function withVersions(world: World, count: number) {
  const { desired, written } = await world.create();
  for (let version = 2; version <= count; version += 1) {
    const next = world.wish({ name: desired.name, value: `v${version}`, version });
    await world.target.write(next, { kind: 'remembered', written }, signal);
  }
  return { name: desired.name, desired, written };
}

async function statesOf({ view }: World, name: string): Promise<string[]> {
  return (await view(name)).versions.map(({ state }) => state);
}

/** Lets time pass, second by second, until something holds. */
async function meanwhile(world: World, what: string, holds: () => Promise<boolean>): Promise<void> {
  await eventually(
    async () => {
      world.clock.advance(1_000);
      return holds();
    },
    { what },
  );
}

async function looked(world: World, times = 1): Promise<void> {
  await meanwhile(world, `${times} looks at the versions`, async () => {
    const operations = await world.operations();
    return operations.filter((operation) => operation === 'ListSecretVersions').length >= times;
  });
}

describe('old versions', () => {
  test('are something due, until the copy is gone', async () => {
    const world = open({}, keepOne);
    const before = world.target.hasDue?.();
    const { name } = await withVersions(world, 2);
    const after = world.target.hasDue?.();
    const observed = await world.target.describe(name, signal);
    if (observed) await world.target.remove(observed, signal);

    expect([before, after, world.target.hasDue?.()]).toEqual([false, true, false]);
  });

  test('are destroyed a day after they were replaced, and none before', async () => {
    const { store } = gcpStore();
    const world = open({}, keepOne);
    const { name } = await withVersions(world, 3);
    await store.forgetRequests();

    world.clock.advance(minute);
    await looked(world);
    const before = await statesOf(world, name);
    world.clock.advance(day);
    await meanwhile(
      world,
      'two versions to be destroyed',
      async () => (await statesOf(world, name)).filter((state) => state === 'DESTROYED').length === 2,
    );

    expect(before).toEqual(['ENABLED', 'ENABLED', 'ENABLED']);
    expect(await statesOf(world, name)).toEqual(['DESTROYED', 'DESTROYED', 'ENABLED']);
    expect(world.errors).toEqual([]);
  });

  test('with an alias are left alone', async () => {
    const { somebody } = gcpStore();
    const world = open({}, { versions: { keepEnabled: 1, destroyAfter: '0' } });
    const { name } = await withVersions(world, 3);
    const secret = { name: resourceName(name), versionAliases: { stable: 1 } };
    await somebody.updateSecret({ secret, updateMask: { paths: ['version_aliases'] } });

    world.clock.advance(minute);
    await meanwhile(world, 'version 2 to be destroyed', async () => (await statesOf(world, name))[1] === 'DESTROYED');

    expect(await statesOf(world, name)).toEqual(['ENABLED', 'DESTROYED', 'ENABLED']);
  });

  test('are only disabled where Google keeps destroyed versions for a while, and not asked for again', async () => {
    const { store } = gcpStore();
    const world = open({}, { versions: { keepEnabled: 1, destroyAfter: '0' }, versionDestroyTtl: '24h' });
    const { name } = await withVersions(world, 2);
    await store.forgetRequests();

    world.clock.advance(minute);
    await meanwhile(world, 'version 1 to be disabled', async () => (await statesOf(world, name))[0] === 'DISABLED');
    world.clock.advance(minute);
    await looked(world, 2);

    expect((await world.operations()).filter((operation) => operation === 'DestroySecretVersion')).toHaveLength(1);
  });

  test('are found again by a write after a restart', async () => {
    const first = open({}, keepOne);
    const { name, desired, written } = await withVersions(first, 3);
    await first.target.close?.();
    const second = open({}, keepOne);
    second.clock.advance(2 * day);
    const next = second.wish({ name, value: 'v4', version: 4 });

    await second.target.write(next, { kind: 'remembered', written }, signal);
    second.clock.advance(minute);
    await meanwhile(second, 'the older versions to be destroyed', async () =>
      (await statesOf(second, name)).slice(0, 2).every((state) => state === 'DESTROYED'),
    );

    // Each is destroyed once its successor is a day old: by this clock all of them are.
    expect((await statesOf(second, name)).at(-1)).toBe('ENABLED');
    expect(desired.name).toBe(name);
  });

  test('go too where only the manifest says anew which of them stay, and no value is written', async () => {
    const { store } = gcpStore();
    const world = open();
    const { name } = await withVersions(world, 2);
    const desired = world.with(world.wish({ name, value: 'v2', version: 2 }), {
      versions: { keepEnabled: 1, destroyAfter: '0' },
    });
    const observed = await world.look(name);
    const written = { versionId: '2', at: world.clock.now() };
    const differences = world.target.compare(desired, observed, written);
    await store.forgetRequests();

    await world.target.write(desired, { kind: 'observed', observed, differences }, signal);
    await meanwhile(world, 'the version before to go', async () => (await statesOf(world, name))[0] === 'DESTROYED');

    expect(differences).toEqual(['annotations']);
    expect(await world.operations()).not.toContain('AddSecretVersion');
    expect(await statesOf(world, name)).toEqual(['DESTROYED', 'ENABLED']);
    expect(world.target.compare(desired, await world.look(name), { versionId: '2', at: world.clock.now() })).toEqual(
      [],
    );
  });

  test('of a copy whose manifest says nothing of versions stay, and are not even looked at', async () => {
    const { store } = gcpStore();
    const world = open();
    await withVersions(world, 3);
    await store.forgetRequests();

    world.clock.advance(2 * day);
    await world.target.close?.();

    expect(await world.operations()).not.toContain('ListSecretVersions');
  });

  test('of a secret that became another owner’s are not ours to destroy', async () => {
    const { somebody } = gcpStore();
    const world = open({}, { versions: { keepEnabled: 1, destroyAfter: '0' } });
    const { name } = await withVersions(world, 2);
    const later = await withVersions(world, 2);
    const taken = { name: resourceName(name), labels: { [markNames.owner]: 'another' } };
    await somebody.updateSecret({ secret: taken, updateMask: { paths: ['labels'] } });

    world.clock.advance(minute);
    await meanwhile(world, 'the turn of the next', async () => (await statesOf(world, later.name))[0] === 'DESTROYED');

    expect(await statesOf(world, name)).toEqual(['ENABLED', 'ENABLED']);
  });

  test('that may not be destroyed are reported with the permission, and tried again later', async () => {
    const { standIn } = gcpStore();
    const world = open({}, { versions: { keepEnabled: 1, destroyAfter: '0' } });
    const { name } = await withVersions(world, 2);
    await standIn.fault({ kind: 'deny', method: 'DestroySecretVersion', count: 1 });

    world.clock.advance(minute);
    await meanwhile(world, 'the report', async () => world.errors.length > 0);
    const before = await statesOf(world, name);
    world.clock.advance(10 * minute);
    await meanwhile(world, 'version 1 to be destroyed', async () => (await statesOf(world, name))[0] === 'DESTROYED');

    expect(before).toEqual(['ENABLED', 'ENABLED']);
    expect(world.errors).toEqual([
      expect.objectContaining({
        remedy: 'SlowRetry',
        message: expect.stringContaining('secretmanager.versions.destroy'),
      }),
    ]);
  });
});
