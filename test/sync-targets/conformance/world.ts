import { randomBytes } from 'node:crypto';
import type { Destination } from '../../../src/crd/vault-secret-sync.ts';
import { SyncError } from '../../../src/errors.ts';
import type { Desired, Observed, Premise, Target, Written } from '../../../src/sync-targets/contract.ts';
import { eventually } from '../../peers/processes.ts';
import { type ManualClock, type StoreUnderTest, secretValue, type Wish } from './under-test.ts';

/** What a case works with. */
export interface World
  extends Pick<StoreUnderTest, 'kind' | 'store' | 'limits' | 'permissions' | 'destination' | 'describedBy'> {
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

export async function countWrites(world: World): Promise<number> {
  return (await world.store.requests()).filter(({ write }) => write).length;
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
