import { publicMessage, SyncError } from '../../errors.ts';
import {
  type Desired,
  type Marks,
  markNames,
  type Observed,
  type Premise,
  PremiseChanged,
  type Target,
  type TargetContext,
  type Written,
} from '../contract.ts';
import { type Calls, createCalls, type Metadata } from './calls.ts';
import type { WireSecret } from './connection.ts';
import { createConnection } from './connection.ts';
import { refuseImpossible } from './limits.ts';
import { lastSegment, secretIdOf } from './names.ts';
import { detailsOf, differencesOf, hasOtherTags, labelsOf, type Newest, newestOf, observedOf } from './observed.ts';
import type { GcpSettings } from './settings.ts';
import { createStateMarks, type StateMark, type StateMarks } from './state-marks.ts';

/** The copies in one project of GCP Secret Manager. */
export function openTarget(project: string, context: TargetContext<GcpSettings>): Target {
  const { settings, now, schedule, onBackgroundError } = context;
  const connection = createConnection(settings);
  const calls = createCalls(connection, project);
  const stateMarks = createStateMarks({
    schedule,
    write: (name, mark) => annotate(calls, { name, mark }),
    report: (error) => {
      // The secret was changed between our reading and writing it: the mark's next turn comes in a minute.
      if (!(error instanceof PremiseChanged)) onBackgroundError(asSyncError(error));
    },
  });
  const observe = (secret: WireSecret, newest: Newest): Observed =>
    observedOf(secret, { newest, awaitedState: stateMarks.awaited(lastSegment(secret.name)) });
  const writing: Writing = { calls, stateMarks, now };

  return {
    scope: `gcp:${project}`,
    nameOf: secretIdOf,
    identityOf: (name) => name,
    preflight: refuseImpossible,

    async describe(name, signal) {
      const secret = await calls.getSecret(name, signal);
      if (secret === null) return null;
      return observe(secret, newestOf(await calls.getNewestVersion(name, signal)));
    },

    async *list(owner, signal) {
      for await (const secret of calls.listSecrets(`labels.${markNames.owner}=${owner}`, signal)) {
        // A filter that were not understood must not make strangers ours.
        if (secret.labels[markNames.owner] === owner) yield observe(secret, { kind: 'unknown' });
      }
    },

    compare: (desired, observed, written) => differencesOf({ desired, observed, written, now: now() }),

    async write(desired, premise, signal) {
      switch (premise.kind) {
        case 'absent':
          return create(writing, { desired, signal });
        case 'remembered':
          return addVersion(writing, { desired, signal, isMarked: false });
        case 'observed':
          return update(writing, { desired, premise, signal });
        default: {
          const never: never = premise;
          return never;
        }
      }
    },

    async remove(observed, signal) {
      stateMarks.drop(observed.name);
      await calls.deleteSecret(observed.name, detailsOf(observed).etag, signal);
    },

    async close() {
      await stateMarks.close();
      await connection.close();
    },
  };
}

interface Writing {
  readonly calls: Calls;
  readonly stateMarks: StateMarks;
  now(): number;
}

/** Two requests. When the second fails, the next run finds a secret of ours without a version and adds only that. */
async function create(
  writing: Writing,
  { desired, signal }: { desired: Desired; signal: AbortSignal },
): Promise<Written> {
  const { calls, stateMarks } = writing;
  stateMarks.drop(desired.name);
  await calls.createSecret(
    desired.name,
    { labels: labelsOf(desired), annotations: annotationsOf(desired.marks) },
    signal,
  );
  try {
    return await addVersion(writing, { desired, signal, isMarked: true });
  } catch (error) {
    if (!(error instanceof PremiseChanged)) throw error;
    const message = `GCP Secret Manager: ${desired.name} was created but is not to be seen yet; its value follows`;
    throw new SyncError({ remedy: 'Retry', reason: 'NotSettled', message });
  }
}

/**
 * First the labels and marks that differ, then the value. The etag proves that the secret is still what was observed,
 * and a permission that is missing is noticed before a version is added that each retry would add again.
 */
async function update(
  writing: Writing,
  { desired, premise, signal }: { desired: Desired; premise: Premise & { kind: 'observed' }; signal: AbortSignal },
): Promise<Written> {
  const { calls, stateMarks, now } = writing;
  const { observed, differences } = premise;
  const { annotations, etag, newest } = detailsOf(observed);
  if (newest.kind === 'unknown')
    throw new PremiseChanged(`${desired.name} was only listed, which does not tell its version`);
  if (newest.kind === 'version' && differences && !differences.includes('value')) {
    const change = mergedMetadata({ desired, observed, state: desired.marks.state });
    await calls.updateSecret(desired.name, { ...change, etag }, signal);
    stateMarks.drop(desired.name);
    return { versionId: String(newest.number), at: now() };
  }
  // Somebody else's state mark says nothing about a copy of ours.
  const state = observed.owner === desired.marks.owner ? annotations[markNames.state] : undefined;
  if (hasOtherTags(desired, observed)) {
    await calls.updateSecret(desired.name, { ...mergedMetadata({ desired, observed, state }), etag }, signal);
  }
  return addVersion(writing, { desired, signal, isMarked: state === desired.marks.state });
}

/** One request; the mark of the new state follows within a minute, unless the copy bears it already. */
async function addVersion(
  writing: Writing,
  { desired, signal, isMarked }: { desired: Desired; signal: AbortSignal; isMarked: boolean },
): Promise<Written> {
  const { calls, stateMarks, now } = writing;
  const { name, value, marks } = desired;
  const versionId = await calls.addVersion(name, value, signal);
  if (isMarked) stateMarks.drop(name);
  else stateMarks.add(name, { owner: marks.owner, state: marks.state });
  return { versionId, at: now() };
}

/** Writes a state mark that has waited, unless it is there already or the secret is gone or another's by now. */
async function annotate(calls: Calls, { name, mark }: { name: string; mark: StateMark }): Promise<void> {
  // Nobody waits for this, and each call has a time limit of its own.
  const { signal } = new AbortController();
  const secret = await calls.getSecret(name, signal);
  if (secret?.labels[markNames.owner] !== mark.owner || secret.annotations[markNames.state] === mark.state) return;
  const annotations = { ...secret.annotations, [markNames.state]: mark.state };
  await calls.updateSecret(name, { labels: secret.labels, annotations, etag: secret.etag }, signal);
}

function annotationsOf({ ref, state }: Marks): Record<string, string> {
  return { [markNames.ref]: ref, [markNames.state]: state };
}

/** Ours over what is there; whatever others added stays. */
function mergedMetadata(parts: { desired: Desired; observed: Observed; state: string | undefined }): Metadata {
  const { desired, observed, state } = parts;
  const { labels, annotations } = detailsOf(observed);
  const { [markNames.state]: _, ...others } = annotations;
  const marked = {
    ...others,
    [markNames.ref]: desired.marks.ref,
    ...(state === undefined ? {} : { [markNames.state]: state }),
  };
  return { labels: { ...labels, ...labelsOf(desired) }, annotations: marked };
}

function asSyncError(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  return new SyncError({ remedy: 'Retry', reason: 'Unexpected', message: publicMessage(error), cause: error });
}
