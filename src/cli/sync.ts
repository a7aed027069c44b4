import type { VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { InputError, publicMessage, SyncError } from '../errors.ts';
import { createLogger } from '../logging.ts';
import { createMetrics } from '../metrics.ts';
import { readFolder, syncOf } from '../operator/manifests/folder.ts';
import { createMemoryState } from '../state/memory/state.ts';
import type { CopyRecord, CopyResult, World } from '../sync/ports.ts';
import { resolveSync } from '../sync/resolve.ts';
import { reconcileSync } from '../sync/sync.ts';
import type { Arguments } from './arguments.ts';
import { composeStores } from './compose/stores.ts';
import { composeVaults } from './compose/vaults.ts';
import { composeWorld } from './compose/world.ts';
import { exitCodes, type Output, paint } from './output.ts';
import { readSettings } from './read-settings.ts';

/** One full reconcile of what a folder of manifests says, without a server. Prints what it did per copy. */
export function sync(given: Arguments, output: Output): Promise<number> {
  return reconcileFolder(given, output, { dryRun: false });
}

/** What `sync` would do, by the same road and without writing anything. */
export function plan(given: Arguments, output: Output): Promise<number> {
  return reconcileFolder(given, output, { dryRun: true });
}

async function reconcileFolder(given: Arguments, output: Output, { dryRun }: { dryRun: boolean }): Promise<number> {
  const json = given.own['json'] === true;
  const settings = await readSettings(given, { roles: 'webhook,operator', 'webhook-allow-unauthenticated': 'true' });
  const { directory } = settings.manifests;
  if (directory === undefined) throw new InputError('say which folder of manifests: --manifests DIR');
  const { manifests, bad } = await readFolder(directory);
  for (const { file, message } of bad) output.err(`${file}: ${message}`);
  if (manifests.length === 0 && bad.length === 0)
    throw new InputError(`${directory} holds no manifest (*.yaml, *.yml, *.json)`);

  const logger = createLogger({ level: settings.log.level === 'info' ? 'error' : settings.log.level });
  const metrics = createMetrics({ withProcess: false });
  const state = createMemoryState<CopyRecord>({ log: logger });
  const stores = await composeStores(settings, logger);
  const vaults = await composeVaults(settings, { logger, metrics });
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const failures: string[] = [];
  const counts = new Map<string, number>();
  let pending = 0;
  try {
    const composed = await composeWorld({ settings, state, stores, vaults, kubernetes: null, logger, metrics });
    const world: World = {
      ...composed,
      recordPlaces: async () => undefined,
      onCopy(result) {
        const word = dryRun ? result.planned : result.change;
        counts.set(word, (counts.get(word) ?? 0) + 1);
        if (result.change === 'dryRun') pending++;
        if (result.change === 'failed' || result.change === 'conflict' || result.change === 'paused')
          failures.push(result.copy);
        output.out(json ? JSON.stringify(shown(result)) : lineOf(result, output));
      },
    };
    for (const manifest of manifests) {
      const one = planned(syncOf(manifest, 1), dryRun);
      const name = `${one.namespace}/${one.name}`;
      if (one.spec.suspend) {
        output.err(`${name}: suspended, nothing was done`);
        continue;
      }
      try {
        const resolved = resolveSync(one, { vaults: settings.vaults, installation: world.installation });
        const { unread, later } = await reconcileSync({ world, resolved, signal: stopping.signal });
        if (unread) fail(name, publicMessage(unread.error));
        for (const { place } of later) fail(name, `${place.mount}/${place.name} was busy or read too old; run again`);
      } catch (error) {
        if (!(error instanceof SyncError)) throw error;
        fail(name, error.message);
      }
    }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await vaults.close();
    await stores.close();
    await state.close();
  }
  function fail(name: string, message: string): void {
    failures.push(name);
    output.err(`${name}: ${message}`);
  }
  const summary = [...counts].map(([change, count]) => `${count} ${change}`).join(', ') || 'nothing selected';
  output.err(
    `${manifests.length} ${manifests.length === 1 ? 'sync' : 'syncs'}: ${dryRun ? 'would be ' : ''}${summary}`,
  );
  if (bad.length > 0) return exitCodes.badInput;
  if (failures.length > 0) return exitCodes.failed;
  return dryRun && pending > 0 ? exitCodes.pending : exitCodes.ok;
}

function planned(one: VaultSecretSync, dryRun: boolean): VaultSecretSync {
  return dryRun ? { ...one, spec: { ...one.spec, dryRun } } : one;
}

function shown({ sync: key, store, destination, name, change, planned: due, reason, message }: CopyResult) {
  return { sync: key, store, destination, name, change, ...(due === change ? {} : { planned: due }), reason, message };
}

function lineOf(result: CopyResult, output: Output): string {
  const { sync: key, destination, name, change, planned: due, message } = result;
  const bad = change === 'failed' || change === 'conflict';
  const colour = bad ? 'red' : change === 'unchanged' ? 'grey' : 'green';
  const word = change === 'dryRun' ? due : due === change ? change : `${change}: would be ${due}`;
  return `${paint(output, colour, word.padEnd(10))} ${destination}/${name}  (${key})${message === '' ? '' : `: ${message}`}`;
}
