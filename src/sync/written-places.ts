import { isDeepStrictEqual } from 'node:util';
import type { Destination } from '../crd/vault-secret-sync.ts';
import type { Target } from '../sync-targets/contract.ts';
import type { World, WrittenPlace } from './ports.ts';

/** Whether copies can be there: those that could not even be named are counted under their store's bare name. */
export function isPlace(destination: string): boolean {
  return destination.includes(':');
}

/**
 * The target behind a place that was written before; null when nothing leads there any more. A status can be edited by
 * more people than a spec, so a role is assumed only where a policy lets the namespace have it, unless it is an identity
 * of the namespace itself that assumes it.
 * @throws SyncError `FixSpec` when no policy does, or the place is not allowed any more
 */
export async function openPlace(
  world: Pick<World, 'allows' | 'targetAt'>,
  namespace: string,
  place: WrittenPlace,
): Promise<Target | null> {
  const role = roleToAllow(place);
  const denied =
    role === undefined ? null : world.allows({ namespace, vault: null, path: null, destination: null, role });
  if (denied) throw denied;
  return world.targetAt(place, namespace);
}

/**
 * The role that a policy must allow: one that the operator's own identity would assume. Whether an identity of the
 * namespace may assume one is for AWS to say.
 */
export function roleToAllow({ roleArn, auth }: Pick<WrittenPlace, 'roleArn' | 'auth'>): string | undefined {
  return auth === undefined ? roleArn : undefined;
}

/** A place as it is remembered: all that it takes to get there again. */
export function writtenPlaceOf(target: Pick<Target, 'scope'>, destination: Destination): WrittenPlace {
  return { destination: target.scope, ...accessOf(destination) };
}

/** As whom a destination is written. */
type Access = Omit<WrittenPlace, 'destination'>;

function accessOf({ aws, azure, gcp }: Destination): Access {
  const { roleArn, externalId } = aws ?? {};
  const auth = (aws ?? azure ?? gcp)?.auth;
  return {
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(externalId === undefined ? {} : { externalId }),
    ...(auth === undefined ? {} : { auth }),
  };
}

/**
 * Whether a place that is remembered must be remembered anew: it is written as somebody else now, and no destination of
 * the manifest names whoever it was before. Pure.
 */
export function isReachedAnew(known: WrittenPlace, place: WrittenPlace, dest: readonly Destination[]): boolean {
  const is = (access: Access) => (other: Access) => isDeepStrictEqual(accessIn(access), accessIn(other));
  return !is(known)(place) && !dest.map(accessOf).some(is(known));
}

function accessIn({ roleArn, externalId, auth }: Access): unknown[] {
  return [roleArn, externalId, auth];
}

/** The first destination of a manifest that leads to the place of a target; undefined when none does any more. */
export async function destinationTo(
  world: Pick<World, 'target'>,
  { dest, namespace, target }: { dest: readonly Destination[]; namespace: string; target: Pick<Target, 'scope'> },
): Promise<Destination | undefined> {
  for (const destination of dest) {
    const found = await world.target(destination, namespace).catch(() => null);
    if (found?.scope === target.scope) return destination;
  }
  return undefined;
}
