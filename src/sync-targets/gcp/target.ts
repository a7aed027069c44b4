import { publicMessage, SyncError } from '../../errors.ts';
import {
  type Desired,
  markNames,
  type Observed,
  type Premise,
  PremiseChanged,
  type Target,
  type TargetContext,
  type Written,
} from '../contract.ts';
import { type Calls, createCalls } from './calls.ts';
import type { WireSecret } from './connection.ts';
import { createConnection } from './connection.ts';
import { secondsOf } from './durations.ts';
import { type Change, changesOf, impossibleIn, isElsewhere, membersAtCreation } from './features.ts';
import { identityFor } from './identity.ts';
import { refuseImpossible } from './limits.ts';
import { metadataOver } from './metadata.ts';
import { lastSegment, originalOf, secretIdOf } from './names.ts';
import { detailsOf, differencesOf, type Newest, newestOf, observedOf } from './observed.ts';
import { createOldVersions, type OldVersions } from './old-versions.ts';
import { changesPerSecond, createPace } from './pace.ts';
import { endpointOf, fieldsOf, type GivenAuth, mayBeSame, type Place, parentOf, placeAt, scopeOf } from './place.ts';
import { rates } from './rates.ts';
import { destroyAfterOf } from './retention.ts';
import type { GcpSettings } from './settings.ts';
import { createStateMarks, type StateMark, type StateMarks } from './state-marks.ts';

/**
 * The copies in one place of GCP Secret Manager: the global secrets of a project, or those of one location. `auth` is what
 * the manifest says of the identity in `context`, if there is one.
 */
export function openTarget(place: Place, context: TargetContext<GcpSettings>, auth: GivenAuth | undefined): Target {
  const { settings, now, schedule, onBackgroundError } = context;
  const connection = createConnection({
    settings,
    endpoint: endpointOf(place, settings),
    tokensOver: identityFor(auth, context),
  });
  const calls = createCalls(
    connection,
    parentOf(place),
    createPace(changesPerSecond[place.location === null ? 'global' : 'regional']),
  );
  const stateMarks = createStateMarks({
    schedule,
    now,
    write: (name, mark) => annotate(calls, { name, mark }),
    report: (error) => {
      // The secret was changed between our reading and writing it: the mark's next turn comes in a minute.
      if (!(error instanceof PremiseChanged)) onBackgroundError(asSyncError(error));
    },
  });
  const oldVersions = createOldVersions({
    calls,
    schedule,
    now,
    report: (error) => onBackgroundError(asSyncError(error)),
  });
  const observe = (secret: WireSecret, newest: Newest): Observed =>
    observedOf(secret, { newest, awaitedState: stateMarks.awaited(lastSegment(secret.name)) });
  const writing: Writing = { calls, stateMarks, oldVersions, now };

  return {
    scope: scopeOf(place),
    mayBeAt(scope) {
      const other = placeAt(scope);
      return other !== null && mayBeSame(place, other);
    },
    listsVersions: false,
    nameOf: secretIdOf,
    originalOf,
    identityOf: (name) => name,
    preflight: refuseImpossible,
    rates,

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
      oldVersions.drop(observed.name);
      await calls.deleteSecret(observed.name, detailsOf(observed).secret.etag, signal);
    },

    hasDue: () => oldVersions.isWaiting(),

    async close() {
      await oldVersions.close();
      await stateMarks.close();
      await connection.close();
    },
  };
}

interface Writing {
  readonly calls: Calls;
  readonly stateMarks: StateMarks;
  readonly oldVersions: OldVersions;
  now(): number;
}

/** Two requests. When the second fails, the next run finds a secret of ours without a version and adds only that. */
async function create(
  writing: Writing,
  { desired, signal }: { desired: Desired; signal: AbortSignal },
): Promise<Written> {
  const { calls, stateMarks } = writing;
  stateMarks.drop(desired.name);
  const metadata = metadataOver({ labels: {}, annotations: {} }, desired, desired.marks.state);
  const secret = await calls.createSecret(desired.name, { ...membersAtCreation(desired), ...metadata }, signal);
  try {
    const written = await addVersion(writing, { desired, signal, isMarked: true });
    await finish(writing, { desired, secret, written, signal });
    return written;
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
  const { secret, newest } = detailsOf(observed);
  if (newest.kind === 'unknown')
    throw new PremiseChanged(`${desired.name} was only listed, which does not tell its version`);
  const number = newest.kind === 'version' ? newest.number : 0;
  const isOurs = observed.owner === desired.marks.owner;
  // What must not be taken over is left as it is.
  const impossible = isOurs || !isElsewhere(desired, secret) ? null : impossibleIn(desired, secret, number);
  if (impossible) throw impossible;
  const hasValue = newest.kind === 'version' && differences !== undefined && !differences.includes('value');
  // Somebody else's state mark says nothing about a copy of ours.
  const markThere = isOurs ? secret.annotations[markNames.state] : undefined;
  const state = hasValue ? desired.marks.state : markThere;
  const changes = changesOf(desired, secret, number);
  const change = changeOf(changes, { desired, secret, state });
  const current = changes.length === 0 ? secret : await calls.updateSecret(desired.name, change, signal);
  if (hasValue && writesMetadata(changes)) stateMarks.drop(desired.name);
  if (hasValue) takeUpRetention(writing, desired);
  const written = hasValue
    ? { versionId: String(number), at: now() }
    : await addVersion(writing, { desired, signal, isMarked: state === desired.marks.state });
  await finish(writing, { desired, secret: current, written, signal });
  return written;
}

/**
 * What can only be done or said once the value is there: an alias for the version just made, and what no call can bring
 * about. The value is not held back by it: a secret that is rotated must arrive.
 */
async function finish(
  { calls }: Writing,
  { desired, secret, written, signal }: { desired: Desired; secret: WireSecret; written: Written; signal: AbortSignal },
): Promise<void> {
  const newest = Number(written.versionId);
  const aliases = changesOf(desired, secret, newest).filter(({ difference }) => difference === 'versionAliases');
  if (aliases.length > 0) {
    const change = changeOf(aliases, { desired, secret, state: undefined });
    await calls.updateSecret(desired.name, change, signal).catch((error: unknown) => {
      // A value was written: this is no premise that did not hold.
      throw error instanceof PremiseChanged ? aliasesFollow(desired.name) : error;
    });
  }
  const impossible = impossibleIn(desired, secret, newest);
  if (impossible) throw impossible;
}

function aliasesFollow(name: string): SyncError {
  const message = `GCP Secret Manager: ${name} was changed by somebody else while it was written; its aliases follow`;
  return new SyncError({ remedy: 'Retry', reason: 'ChangedMeanwhile', message });
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
  else stateMarks.add(name, { owner: marks.owner, state: marks.state, version: Number(versionId) });
  takeUpRetention(writing, desired);
  return { versionId, at: now() };
}

/** A copy that was written, or whose manifest says anew which versions stay. */
function takeUpRetention({ oldVersions }: Writing, { name, marks, destination }: Desired): void {
  const { versions } = fieldsOf(destination);
  if (!versions) {
    oldVersions.drop(name);
    return;
  }
  const destroyAfterMs = secondsOf(destroyAfterOf(versions)) * 1_000;
  oldVersions.add(name, { owner: marks.owner, keepEnabled: versions.keepEnabled, destroyAfterMs });
}

/** Writes a state mark that has waited, unless it is there already or the secret is gone or another's by now. */
async function annotate(calls: Calls, { name, mark }: { name: string; mark: StateMark }): Promise<void> {
  // Nobody waits for this, and each call has a time limit of its own.
  const { signal } = new AbortController();
  const secret = await calls.getSecret(name, signal);
  if (secret?.labels[markNames.owner] !== mark.owner || secret.annotations[markNames.state] === mark.state) return;
  // Another replica, or somebody else, has written since: the mark would say of that value what is true of ours.
  // Numbers follow each other, and by its number a version is found at once; `latest` may be minutes old.
  if (await calls.hasVersion(name, mark.version + 1, signal)) return;
  const annotations = { ...secret.annotations, [markNames.state]: mark.state };
  await calls.updateSecret(name, { etag: secret.etag, paths: ['annotations'], members: { annotations } }, signal);
}

/** One `UpdateSecret` for everything that differs. */
function changeOf(
  changes: readonly Change[],
  { desired, secret, state }: { desired: Desired; secret: WireSecret; state: string | undefined },
) {
  const members = Object.assign({}, ...changes.map((change) => change.members)) as Partial<WireSecret>;
  const metadata = writesMetadata(changes) ? metadataOver(secret, desired, state) : {};
  return { etag: secret.etag, paths: changes.flatMap(({ paths }) => paths), members: { ...members, ...metadata } };
}

function writesMetadata(changes: readonly Change[]): boolean {
  return changes.some(({ paths }) => paths.includes('annotations'));
}

function asSyncError(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  return new SyncError({ remedy: 'Retry', reason: 'Unexpected', message: publicMessage(error), cause: error });
}
