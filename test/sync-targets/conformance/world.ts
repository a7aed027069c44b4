import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import type { Destination } from '../../../src/crd/vault-secret-sync.ts';
import { SyncError } from '../../../src/errors.ts';
import {
  type Desired,
  type Observed,
  type Premise,
  PremiseChanged,
  type Target,
  type Written,
} from '../../../src/sync-targets/contract.ts';
import { eventually } from '../../peers/processes.ts';
import { type ManualClock, type StoreUnderTest, secretValue, type Wish } from './under-test.ts';

/** What a case works with. */
export interface World
  extends Pick<
    StoreUnderTest,
    'kind' | 'store' | 'limits' | 'permissions' | 'destination' | 'describedBy' | 'fields' | 'everything'
  > {
  readonly target: Target;
  readonly clock: ManualClock;
  /** Ends the call under test long before the case's own time is up. */
  readonly signal: AbortSignal;
  /** A name that every store accepts and nothing else has. */
  newName(): string;
  /** A copy that must be: of this case's owner, without tags of its own, unless said. */
  desire(wish: Pick<Wish, 'name' | 'value'> & Partial<Wish>): Desired;
  /** The same store through a new target, which remembers nothing; as this destination leads there, if one is given. */
  openAnother(destination?: Destination): Target;
}

/** Sentences about what every target does. */
export type Cases = Readonly<Record<string, (world: World) => Promise<void>>>;

export function newOwner(): string {
  return randomBytes(16).toString('hex');
}

export async function createCopy(world: World, wish?: Parameters<World['desire']>[0]) {
  const desired = world.desire(wish ?? { name: world.newName(), value: secretValue('first') });
  const written = await world.target.write(desired, { kind: 'absent' }, world.signal);
  return { desired, written };
}

/** Describes what must be there. */
export async function lookAt(world: World, name: string): Promise<Observed> {
  const premise = await premiseOf(world, name);
  if (premise.kind !== 'observed') throw new Error(`${name} is absent`);
  return premise.observed;
}

export async function premiseOf(world: World, name: string): Promise<Premise> {
  const observed = await world.target.describe(name, world.signal);
  return observed === null ? { kind: 'absent' } : { kind: 'observed', observed };
}

export async function differences(world: World, desired: Desired, written: Written | null, target = world.target) {
  const observed = await lookAt({ ...world, target }, desired.name);
  return target.compare(desired, observed, written);
}

/** Looks, writes, and starts anew as long as the store says that it is still busy with what went before. */
export function writeUntilTaken(world: World, desired: Desired): Promise<Written> {
  return eventually(async () => world.target.write(desired, await premiseOf(world, desired.name), world.signal), {
    what: `${desired.name} to be written`,
  });
}

/** One round of `sync`: looks at all that the manifest has a word about, and writes what differs. */
export async function reconcile(world: World, desired: Desired, target = world.target): Promise<Written | null> {
  const observed = await target.describe(desired.name, world.signal, desired.destination);
  if (observed === null) return target.write(desired, { kind: 'absent' }, world.signal);
  const found = target.compare(desired, observed, null);
  if (found.length === 0) return null;
  return target.write(desired, { kind: 'observed', observed, differences: found }, world.signal);
}

/** Rounds until one finds nothing to do; each that is told to come back, or to look again, is followed by another. */
export function reconcileUntilDone(world: World, desired: Desired, target = world.target): Promise<boolean> {
  const isDone = async () => {
    try {
      return (await reconcile(world, desired, target)) === null;
    } catch (error) {
      const isTemporary =
        error instanceof SyncError && ['Retry', 'PendingDeletion', 'RateLimited'].includes(error.remedy);
      if (isTemporary || error instanceof PremiseChanged) return false;
      throw error;
    }
  };
  return eventually(isDone, { what: `${desired.name} to be as it must be` });
}

/** That the store was asked so much since it was forgotten. Of a store that does not count, nothing can be said. */
export async function expectRequests(world: Pick<World, 'store'>, count: number): Promise<void> {
  const requests = await world.store.requests();
  if (requests !== null) expect(requests).toHaveLength(count);
}

/** The same of requests that may change something. */
export async function expectWrites(world: Pick<World, 'store'>, count: number): Promise<void> {
  const requests = await world.store.requests();
  if (requests !== null) expect(requests.filter(({ write }) => write)).toHaveLength(count);
}

export function errorOf(act: () => unknown): SyncError | null {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
}

/** The message with its digits joined: a limit may be written 65,536 or 65536. */
export function digitsIn(error: Error | null): string {
  return (error?.message ?? '').replaceAll(/(?<=\d)[,_ ](?=\d)/g, '');
}
