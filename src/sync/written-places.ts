import type { Destination } from '../crd/vault-secret-sync.ts';
import type { Target } from '../sync-targets/contract.ts';
import type { World, WrittenPlace } from './ports.ts';

/** Whether copies can be there: those that could not even be named are counted under their store's bare name. */
export function isPlace(destination: string): boolean {
  return destination.includes(':');
}

/**
 * The target behind a place that was written before; null when nothing leads there any more. A status can be edited by
 * more people than a spec, so a role is assumed only where a policy lets the namespace have it.
 * @throws SyncError `FixSpec` when no policy does, or the place is not allowed any more
 */
export async function openPlace(
  world: Pick<World, 'allows' | 'targetAt'>,
  namespace: string,
  place: WrittenPlace,
): Promise<Target | null> {
  const { roleArn } = place;
  const denied =
    roleArn === undefined
      ? null
      : world.allows({ namespace, vault: null, path: null, destination: null, role: roleArn });
  if (denied) throw denied;
  return world.targetAt(place);
}

/** A place as it is remembered: all that it takes to get there again. */
export function writtenPlaceOf(target: Pick<Target, 'scope'>, { aws }: Destination): WrittenPlace {
  const { roleArn, externalId } = aws ?? {};
  return {
    destination: target.scope,
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(externalId === undefined ? {} : { externalId }),
  };
}

/** The first destination of a manifest that leads to the place of a target; undefined when none does any more. */
export async function destinationTo(
  world: Pick<World, 'target'>,
  { dest, target }: { dest: readonly Destination[]; target: Pick<Target, 'scope'> },
): Promise<Destination | undefined> {
  for (const destination of dest) {
    const found = await world.target(destination).catch(() => null);
    if (found?.scope === target.scope) return destination;
  }
  return undefined;
}
