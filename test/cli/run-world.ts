import { type RunOptions, runOnce, type SyncReport } from '../../src/cli/one-run.ts';
import { rehearseState, rehearseStores } from '../../src/cli/rehearsal/rehearse.ts';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { createLogger } from '../../src/logging.ts';
import { planClassOf } from '../../src/sync/plan-class.ts';
import type { FakeWorld } from '../sync/fake-world.ts';

/** A run, and the same run in rehearsal, over one fake world. */

const silent = createLogger({ level: 'silent' });

function worldOf(world: FakeWorld): RunOptions['world'] {
  return {
    installation: world.installation,
    fingerprintKey: world.fingerprintKey,
    ledger: world.ledger,
    leases: world.leases,
    allows: world.allows,
    vaults: world.vaults,
    defaultAdoptionPolicy: world.defaultAdoptionPolicy,
    writes: () => world.writes(),
    reader: () => world.reader(),
    target: (destination, namespace) => world.target(destination, namespace),
    targetAt: (place, namespace) => world.targetAt(place, namespace),
    deletions: world.deletions,
    budgets: world.budgets,
    onCopy: () => undefined,
    now: () => world.now(),
  };
}

/** What is remembered counts in a rehearsal unless it is told not to. */
export function plan(
  world: FakeWorld,
  syncs: readonly VaultSecretSync[],
  { remembers = true, signal }: { remembers?: boolean; signal?: AbortSignal } = {},
): Promise<SyncReport[]> {
  const real = worldOf(world);
  const { ledger, leases, deletions, budgets } = rehearseState(remembers ? world : null, silent);
  const stores = rehearseStores({ target: real.target, targetAt: real.targetAt, close: async () => undefined });
  const { target, targetAt } = stores;
  return reportsOf({ ...real, ledger, leases, deletions, budgets, target, targetAt }, syncs, signal);
}

export function run(world: FakeWorld, syncs: readonly VaultSecretSync[]): Promise<SyncReport[]> {
  return reportsOf(worldOf(world), syncs);
}

async function reportsOf(
  world: RunOptions['world'],
  syncs: readonly VaultSecretSync[],
  signal = new AbortController().signal,
): Promise<SyncReport[]> {
  const reports: SyncReport[] = [];
  await runOnce({
    world,
    syncs,
    isAskedFor: () => true,
    mayExist: () => false,
    signal,
    onReport: (report) => void reports.push(report),
  });
  return reports;
}

/** What was, or would be, done, e.g. `team-a/db create aws:eu-west-1:/app/db`; without what there is nothing to say of. */
export function classesOf(reports: readonly SyncReport[]): string[] {
  return reports
    .flatMap(({ sync, results }) =>
      results.flatMap((result) => {
        const planClass = planClassOf(result);
        return planClass === null ? [] : [`${sync} ${planClass} ${result.destination}/${result.name}`];
      }),
    )
    .sort();
}
