import { expect } from '@jest/globals';
import { eventually } from '../../peers/processes.ts';
import { secretValue } from './under-test.ts';
import { type Cases, createCopy, differences, expectRequests, type World, writeUntilTaken } from './world.ts';

/** A store that is slow, broken, forbidden or silent. */
export const failures = {
  'reports throttling as rate limited, after asking once': async (world) => {
    await expectRemedyOfFault(world, 'throttle', { remedy: 'RateLimited' });
  },

  'waits as long as the store says when it throttles': async (world) => {
    await expectRemedyOfFault(world, 'throttleFor7s', { remedy: 'RateLimited', retryAfterMs: 7_000 });
  },

  'reports an unavailable store as something to retry, after asking once': async (world) => {
    await expectRemedyOfFault(world, 'unavailable', { remedy: 'Retry' });
  },

  'reports a missing permission as a slow retry that names it': async (world) => {
    const { read, write } = world.permissions;
    await expectRemedyOfFault(world, 'denied', { remedy: 'SlowRetry', read, write });
  },

  'ends a call that hangs when its signal aborts': async (world) => {
    const { desired, written } = await createCopy(world);
    const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });
    await world.store.fault('hang');
    const begun = performance.now();

    const describing = world.target.describe(desired.name, AbortSignal.timeout(300));
    await expect(describing).rejects.toMatchObject({ remedy: 'Retry' });
    const writing = world.target.write(next, { kind: 'remembered', written }, AbortSignal.timeout(300));
    await expect(writing).rejects.toMatchObject({ remedy: 'Retry' });
    // Not by a time limit of its own, the shortest of which is ten seconds.
    expect(performance.now() - begun).toBeLessThan(9_000);
    await eventually(async () => (await world.store.hanging()) === 0, { what: 'the store to be left alone' });
  },

  'ends right when the answer to an update was lost and the update is tried again': async (world) => {
    const { desired, written } = await createCopy(world);
    const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });
    const premise = { kind: 'remembered', written } as const;
    await world.store.fault('lostAnswer', { count: 1 });
    await expect(world.target.write(next, premise, world.signal)).rejects.toMatchObject({ remedy: 'Retry' });

    const writtenNext = await world.target.write(next, premise, world.signal);

    expect(await world.store.valueOf(next.name)).toBe(next.value);
    expect(await differences(world, next, writtenNext)).toEqual([]);
  },

  'makes no second version when an update whose answer was lost is tried again': async (world) => {
    const { desired, written } = await createCopy(world);
    const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });
    const premise = { kind: 'remembered', written } as const;
    await world.store.fault('lostAnswer', { count: 1 });
    await expect(world.target.write(next, premise, world.signal)).rejects.toMatchObject({ remedy: 'Retry' });

    await world.target.write(next, premise, world.signal);

    expect(await world.store.versionCount?.(next.name)).toBe(2);
  },

  'ends right when the answer to a creation was lost and it is tried again': async (world) => {
    const desired = world.desire({ name: world.newName(), value: secretValue('new') });
    expect(await world.target.describe(desired.name, world.signal)).toBeNull();
    await world.store.fault('lostAnswer', { count: 1 });
    const lost = world.target.write(desired, { kind: 'absent' }, world.signal);
    await expect(lost).rejects.toMatchObject({ remedy: 'Retry' });

    const written = await writeUntilTaken(world, desired);

    expect(await world.store.valueOf(desired.name)).toBe(desired.value);
    expect(await differences(world, desired, written)).toEqual([]);
  },
} satisfies Cases;

/** A fault that lasts must come back as `remedy` from reading (never as "absent") and from writing, each at the first request. */
async function expectRemedyOfFault(
  world: World,
  fault: 'throttle' | 'throttleFor7s' | 'unavailable' | 'denied',
  expected: {
    readonly remedy: string;
    readonly retryAfterMs?: number;
    readonly read?: string;
    readonly write?: string;
  },
): Promise<void> {
  const { read = '', write = '', ...outcome } = expected;
  const { desired, written } = await createCopy(world);
  const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });
  await world.store.fault(fault);
  await world.store.forgetRequests();

  const describing = world.target.describe(desired.name, world.signal);
  await expect(describing).rejects.toMatchObject({ ...outcome, message: expect.stringContaining(read) });
  await expectRequests(world, 1);

  const writing = world.target.write(next, { kind: 'remembered', written }, world.signal);
  await expect(writing).rejects.toMatchObject({ ...outcome, message: expect.stringContaining(write) });
  await expectRequests(world, 2);
}
