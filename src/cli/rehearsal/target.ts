import type { Desired, Observed, Premise, Target } from '../../sync-targets/contract.ts';
import { isSameRendering, PremiseChanged } from '../../sync-targets/contract.ts';

/** In `details`: a copy that was written in the rehearsal only. */
const rehearsed = Symbol('rehearsed');

/**
 * A target that looks at the store and never writes there: what is written or deleted is kept in memory, without any
 * value, and seen again by whoever looks at that copy later. Contradicts its callers where the store would: a listing that
 * lacks version ids proves nothing (GCP), and what is remembered may be gone, or another's by now. A copy that was deleted is absent from then on,
 * also where the store would hold its name for a while.
 */
export function rehearseTarget(target: Target): Target {
  const changed = new Map<string, Observed | null>();
  /** What `describe` gave out, as against a listing. */
  const described = new WeakSet<Observed>();
  const describe: Target['describe'] = async (name, signal, destination) => {
    const known = changed.get(target.identityOf(name));
    const observed = known === undefined ? await target.describe(name, signal, destination) : known;
    if (observed) described.add(observed);
    return observed;
  };

  /** The id of the version that a write replaces. */
  async function replacedBy(desired: Desired, premise: Premise, signal: AbortSignal): Promise<string | null> {
    if (premise.kind === 'absent') return null;
    if (premise.kind === 'remembered') {
      const observed = await describe(desired.name, signal, desired.destination);
      const { versionId } = premise.written;
      if (
        observed?.existence !== 'live' ||
        observed.owner !== desired.marks.owner ||
        observed.versionId !== versionId
      ) {
        throw new PremiseChanged(`${desired.name} is not what was written there`);
      }
      return versionId;
    }
    const { observed } = premise;
    if (observed.versionId === null && !described.has(observed)) {
      throw new PremiseChanged(`${desired.name} was only listed, which does not tell its version`);
    }
    return observed.versionId;
  }

  const { list, originalOf, needsLook, hasMoreToRemove, mayBeAt, hasDue } = target;
  const members: Members = {
    scope: target.scope,
    nameOf: (name, options) => target.nameOf(name, options),
    originalOf: originalOf && ((name) => originalOf.call(target, name)),
    identityOf: (name) => target.identityOf(name),
    preflight: (desired) => target.preflight(desired),
    needsLook: needsLook && ((destination) => needsLook.call(target, destination)),
    mayBeAt: mayBeAt && ((scope) => mayBeAt.call(target, scope)),
    listsVersions: target.listsVersions,
    rates: target.rates,
    describe,
    list: list && ((owner, signal) => listing(list.call(target, owner, signal), { owner, changed, target })),

    compare(desired, observed, written) {
      if (observed.details !== rehearsed) return target.compare(desired, observed, written);
      return isSameRendering(observed.state, desired.marks.state) ? [] : ['value'];
    },

    async write(desired, premise, signal) {
      const versionId = desired.versionIdAfter(await replacedBy(desired, premise, signal));
      const { name, marks } = desired;
      const observed = { name, existence: 'live', ...marks, versionId, managedBy: null, details: rehearsed } as const;
      changed.set(target.identityOf(name), observed);
      return { versionId, at: 0 };
    },

    hasMoreToRemove:
      hasMoreToRemove &&
      ((observed, destination) =>
        observed.details !== rehearsed && hasMoreToRemove.call(target, observed, destination)),

    async remove({ name }) {
      changed.set(target.identityOf(name), null);
    },

    // The target itself is closed by whoever opened it.
    // What is not written leaves nothing behind.
    hasDue: hasDue && (() => false),
    close: undefined,
  };
  return Object.fromEntries(Object.entries(members).filter(([, member]) => member !== undefined)) as unknown as Target;
}

/** Every member of a target: one that is new must be thought about here. */
type Members = { readonly [Member in keyof Required<Target>]: Target[Member] | undefined };

/** A listing as it would be after the rehearsal. */
async function* listing(
  below: AsyncIterable<Observed>,
  { owner, changed, target }: { owner: string; changed: ReadonlyMap<string, Observed | null>; target: Target },
): AsyncGenerator<Observed> {
  for await (const observed of below) if (!changed.has(target.identityOf(observed.name))) yield observed;
  for (const observed of [...changed.values()]) if (observed?.owner === owner) yield observed;
}
