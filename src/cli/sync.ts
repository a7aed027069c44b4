import { createMemoryState } from '../state/memory/state.ts';
import type { CopyRecord } from '../sync/ports.ts';
import type { Arguments } from './arguments.ts';
import { composeRun, runLogger } from './compose/run.ts';
import type { Output } from './output.ts';
import { readManifests } from './read-manifests.ts';
import { readSettings, withoutServer } from './read-settings.ts';
import { Report } from './report.ts';

/** One full reconcile of what a folder of manifests says, without a server. Prints what it did per copy. */
export async function sync(given: Arguments, output: Output): Promise<number> {
  const settings = await readSettings(given, withoutServer);
  const { json, all } = given.own;
  const report = new Report({ command: 'sync', json: json === true, all: all === true }, output);
  const syncs = await readManifests(settings, report);
  const logger = runLogger(settings);
  const state = createMemoryState<CopyRecord>({ log: logger });
  try {
    await composeRun({
      settings,
      syncs,
      isAskedFor: () => true,
      mayExist: () => false,
      state,
      kubernetes: null,
      isRehearsal: false,
      logger,
      onReport: (one) => report.add(one),
    });
  } finally {
    await state.close();
  }
  return report.end();
}
