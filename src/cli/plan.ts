import type { Settings } from '../config/settings.ts';
import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { InputError } from '../errors.ts';
import { connectKubernetes } from '../kubernetes/connect.ts';
import type { KubernetesClient } from '../kubernetes/contract.ts';
import type { Logger } from '../logging.ts';
import { readCluster } from '../operator/manifests/kubernetes.ts';
import { nearestName } from '../schema.ts';
import type { Arguments } from './arguments.ts';
import { openRemembered, type Remembered } from './compose/remembered.ts';
import { composeRun, runLogger } from './compose/run.ts';
import { findFingerprintKey, makeFingerprintKey } from './compose/world.ts';
import { printable } from './job-words.ts';
import type { Output } from './output.ts';
import { readManifests } from './read-manifests.ts';
import { readSettings, withoutServer } from './read-settings.ts';
import { rehearseState } from './rehearsal/rehearse.ts';
import { Report } from './report.ts';

/** What `sync`, or the operator of a cluster, would do: the same run, in rehearsal. Writes nothing anywhere. */
export async function plan(given: Arguments, output: Output): Promise<number> {
  const wish = wishOf(given);
  const settings = await readSettings(given, withoutServer);
  const { json, all } = given.own;
  const report = new Report({ command: 'plan', json: json === true, all: all === true }, output);
  if (settings.writes === 'paused') {
    report.note('the settings say `writes: paused`: nothing of this happens until they say `enabled`');
  }
  const parts = { settings, report, logger: runLogger(settings) };
  if (wish.from === 'cluster') await planCluster(wish, parts);
  else await planFolder(parts);
  return report.end();
}

type Wish =
  | { readonly from: 'folder' }
  /** `namespace` null = all that the operator watches, `name` null = every sync there. */
  | { readonly from: 'cluster'; readonly namespace: string | null; readonly name: string | null };

function wishOf({ own, settings, positional: [name, ...more] }: Arguments): Wish {
  const { namespace, 'all-namespaces': everywhere } = own;
  const isCluster = namespace !== undefined || everywhere === true;
  if (more.length > 0) throw new InputError('plan takes one name, or none for all syncs of the namespace');
  if (isCluster && settings['manifests-directory'] !== undefined)
    throw new InputError('say where the manifests are: either in a folder (--manifests) or in a cluster (-n, -A)');
  if (namespace !== undefined && everywhere) throw new InputError('say either one namespace (-n) or all of them (-A)');
  if (name !== undefined && typeof namespace !== 'string')
    throw new InputError(
      `say in which namespace ${printable(name)} is: vault-secret-sync plan -n NAMESPACE ${printable(name)}`,
    );
  if (!isCluster) return { from: 'folder' };
  return { from: 'cluster', namespace: typeof namespace === 'string' ? namespace : null, name: name ?? null };
}

interface Parts {
  readonly settings: Settings;
  readonly report: Report;
  readonly logger: Logger;
}

async function planFolder(parts: Parts): Promise<void> {
  const { settings, report } = parts;
  if (settings.manifests.directory === undefined)
    throw new InputError('say what to plan: --manifests DIR, -n NAMESPACE [NAME], or --all-namespaces');
  const syncs = await readManifests(settings, report);
  await rehearse(parts, { syncs, isAskedFor: () => true, mayExist: () => false, kubernetes: null, remembered: null });
}

async function planCluster(wish: Extract<Wish, { from: 'cluster' }>, parts: Parts): Promise<void> {
  const { settings, report, logger } = parts;
  const { kubeconfig } = settings.manifests;
  const kubernetes = await connectKubernetes({ logger, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
  let remembered: Remembered | null = null;
  try {
    const namespaces = namespacesOf(wish, parts);
    const { syncs, bad } = await readCluster(kubernetes, namespaces);
    const isAskedFor = (one: { readonly namespace: string; readonly name: string }) =>
      wish.name === null || one.name === wish.name;
    for (const one of bad.filter(isAskedFor)) report.bad({ manifest: syncKeyOf(one), message: one.message });
    if (![...syncs, ...bad].some(isAskedFor)) tellNothingThere(wish, { syncs, report });
    remembered = await openRemembered(settings, {
      log: logger,
      onAway: (why) => report.note(`planned without what the operator remembers: ${why}`),
    });
    const mayExist = (key: string) => namespaces.length > 0 && !namespaces.includes(key.split('/')[0] ?? '');
    await rehearse(parts, { syncs, isAskedFor, mayExist, kubernetes, remembered });
  } finally {
    await remembered?.close();
    await kubernetes.close();
  }
}

/** Empty = all of the cluster. */
function namespacesOf({ namespace }: { namespace: string | null }, { settings, report }: Parts): readonly string[] {
  const watched = settings.manifests.namespaces;
  if (namespace === null) return watched;
  if (watched.length > 0 && !watched.includes(namespace)) {
    report.note(
      `the operator does not watch namespace ${namespace}: the setting manifests.namespaces does not name it`,
    );
  }
  return [namespace];
}

function tellNothingThere(
  { namespace, name }: { namespace: string | null; name: string | null },
  { syncs, report }: { syncs: readonly VaultSecretSync[]; report: Report },
): void {
  if (name === null) {
    report.note(`there is no VaultSecretSync in ${namespace === null ? 'the namespaces' : `namespace ${namespace}`}`);
    return;
  }
  const nearest = nearestName(
    name,
    syncs.map((sync) => sync.name),
  );
  const hint = nearest ? `; did you mean ${nearest}?` : '';
  throw new InputError(`there is no VaultSecretSync ${printable(name)} in namespace ${namespace}${hint}`);
}

interface Rehearsal {
  readonly syncs: readonly VaultSecretSync[];
  readonly isAskedFor: (sync: VaultSecretSync) => boolean;
  readonly mayExist: (sync: string) => boolean;
  readonly kubernetes: KubernetesClient | null;
  readonly remembered: Remembered | null;
}

async function rehearse({ settings, report, logger }: Parts, rehearsal: Rehearsal): Promise<void> {
  const { remembered, kubernetes, ...asked } = rehearsal;
  const known = await findFingerprintKey({ settings, kubernetes });
  if (known === null) {
    report.hideFingerprints();
    report.note(
      'there is no fingerprint key yet: fingerprints are unknown, and copies that were made with a key count as updates',
    );
  }
  const state = rehearseState(remembered, logger);
  try {
    await composeRun({
      ...asked,
      settings,
      state,
      kubernetes,
      fingerprintKey: known ?? makeFingerprintKey(),
      isRehearsal: true,
      logger,
      onReport: (one) => report.add(one),
    });
  } finally {
    await state.close();
  }
}
