import { expect } from '@jest/globals';
import type { Desired, Target } from '../../../src/sync-targets/contract.ts';
import { minute, type StoreFault, secretValue } from './under-test.ts';
import { type Cases, createCopy, lookAt, reconcile, reconcileUntilDone, type World } from './world.ts';

/** No writing takes as many calls. */
const mostCalls = 20;

/** A process that ends, or a store that goes away, between any two calls of a writing; another process goes on. */
export const interruptions = {
  'finishes a creation that was cut before any of its calls': async (world) => {
    await cutEverywhere(world, 'unavailable', creation);
  },

  'finishes a creation that lost the answer to any of its calls': async (world) => {
    await cutEverywhere(world, 'lostAnswer', creation);
  },

  'finishes an update of everything that was cut before any of its calls': async (world) => {
    await cutEverywhere(world, 'unavailable', updateOfEverything);
  },

  'finishes an update of everything that lost the answer to any of its calls': async (world) => {
    await cutEverywhere(world, 'lostAnswer', updateOfEverything);
  },

  'finishes a removal that was cut before any of its calls': async (world) => {
    await cutRemovalEverywhere(world, 'unavailable');
  },

  'finishes a removal that lost the answer to any of its calls': async (world) => {
    await cutRemovalEverywhere(world, 'lostAnswer');
  },
} satisfies Cases;

/** What is to be written, and what has to be there before. */
type Writing = (world: World) => Promise<Desired>;

async function creation(world: World): Promise<Desired> {
  const { first: destination } = world.everything;
  return world.desire({ name: world.newName(), value: secretValue('new'), destination });
}

async function updateOfEverything(world: World): Promise<Desired> {
  const { first, later } = world.everything;
  const name = world.newName();
  await createCopy(world, { name, value: secretValue('first'), destination: first });
  return world.desire({ name, value: secretValue('next'), destination: later, version: 2 });
}

/** Cuts the first call, then another writing after its first, and so on until one comes through. */
async function cutEverywhere(world: World, fault: StoreFault, prepare: Writing): Promise<void> {
  const cuts = await countCuts(async (after) => {
    const desired = await prepare(world);
    const isCut = await cut(world, { fault, after }, (target) => reconcile(world, desired, target));
    const left = await world.target.describe(desired.name, world.signal);
    const another = world.openAnother();
    // GCP: only then is a version that nobody remembers believed.
    world.clock.advance(15 * minute);
    await reconcileUntilDone(world, desired, another);

    // Half a copy is known as ours.
    if (left !== null) expect(left.owner).toBe(desired.marks.owner);
    expect(await world.store.valueOf(desired.name)).toBe(desired.value);
    return isCut;
  });

  expect(cuts).toBeGreaterThanOrEqual(2);
}

async function cutRemovalEverywhere(world: World, fault: StoreFault): Promise<void> {
  const { first: destination } = world.everything;
  const cuts = await countCuts(async (after) => {
    const { desired } = await createCopy(world, { name: world.newName(), value: secretValue('old'), destination });
    const observed = await lookAt(world, desired.name);
    const isCut = await cut(world, { fault, after }, (target) => target.remove(observed, world.signal, destination));
    const left = await world.target.describe(desired.name, world.signal);
    if (left?.existence === 'live') await world.target.remove(left, world.signal, destination);

    expect(await world.store.valueOf(desired.name)).toBeNull();
    return isCut;
  });

  expect(cuts).toBeGreaterThanOrEqual(1);
}

/** How often it was cut before it came through. */
async function countCuts(attempt: (after: number) => Promise<boolean>): Promise<number> {
  for (let after = 0; after < mostCalls; after += 1) if (!(await attempt(after))) return after;
  throw new Error(`it was cut ${mostCalls} times`);
}

/** Whether it was: from then on the store is away, and a process that finds it so ends there. */
async function cut(
  world: World,
  { fault, after }: { readonly fault: StoreFault; readonly after: number },
  act: (target: Target) => Promise<unknown>,
): Promise<boolean> {
  const target = world.openAnother();
  await world.store.fault(fault, { after });
  const isCut = await act(target).then(
    () => false,
    () => true,
  );
  await world.store.clearFaults();
  return isCut;
}
