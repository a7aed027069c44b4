import { fixSpec, SyncError } from '../../errors.ts';
import { type Desired, type Observed, type Premise, PremiseChanged, type Written } from '../contract.ts';
import { asTagList, type Calls } from './calls.ts';
import { descriptionToSet, detailsOf, encryptionKeyToSet, isComplete, isCurrent, observe } from './observed.ts';
import { settingsOf } from './place.ts';
import { asAddReplicaRegions, failedReplicas, type ReplicaStatus, replicaChanges, replicasOf } from './replicas.ts';
import { policyToSet } from './resource-policy.ts';
import { mostTags } from './rules.ts';
import { tagChanges, tagsOf } from './tags.ts';
import { secretValueOf } from './values.ts';
import type { VersionQuota } from './version-quota.ts';

/** What a write works with. */
export interface Writing {
  readonly calls: Calls;
  readonly desired: Desired;
  readonly region: string;
  /** For messages: place and name. */
  readonly label: string;
  readonly quota: VersionQuota;
  /** Unix time in milliseconds. */
  now(): number;
  /** The copy as it stands now, with everything that `desired` has a word about; null = certainly absent. */
  look(): Promise<Observed | null>;
}

type ObservedPremise = Extract<Premise, { kind: 'observed' }>;

/** @see Target.write */
export function writeOn(writing: Writing, premise: Premise): Promise<Written> {
  switch (premise.kind) {
    case 'absent':
      return create(writing);
    case 'observed':
      return bring(writing, premise);
    case 'remembered':
      return put(writing, premise.written.versionId);
    default: {
      const never: never = premise;
      return never;
    }
  }
}

/**
 * One request, its tags and replicas in it: organisations refuse secrets without their tags. Only a resource policy
 * cannot come with it, so there the value waits until the policy is in place: nobody reads what the policy would forbid.
 */
async function create(writing: Writing): Promise<Written> {
  const { calls, desired, label, now, region } = writing;
  const { name, destination } = desired;
  const { encryptionKey, description, resourcePolicy = '' } = settingsOf(destination);
  const versionId = desired.versionIdAfter(null);
  const Tags = asTagList(tagsOf(desired));
  const request = { Name: name, Tags, KmsKeyId: encryptionKey, Description: description };
  if (resourcePolicy !== '') {
    await calls.create(request);
    const created = observe({ ...request, stages: {} }, { name, region, replicas: [], resourcePolicy: '' });
    return bring(writing, { kind: 'observed', observed: created });
  }
  const replicas = replicasOf(destination) ?? [];
  const statuses = await calls.create({
    ...request,
    ...secretValueOf(desired),
    ClientRequestToken: versionId,
    ...(replicas.length === 0 ? {} : { AddReplicaRegions: asAddReplicaRegions(replicas) }),
  });
  const failure = failedReplicas({ label, destination, before: [], now: statuses });
  if (failure) throw failure;
  return { versionId, at: now() };
}

/**
 * Brings a described secret to what it must be. Marks come first, so that the copy is known as ours (and may be written,
 * where a permission asks for the mark) should it stop in between; then what protects the value, then the value, which
 * AWS replicates by itself.
 */
async function bring(writing: Writing, premise: ObservedPremise): Promise<Written> {
  const { calls, desired, now } = writing;
  const { name } = desired;
  if (premise.observed.existence === 'pendingDeletion') await calls.restore(name);
  const observed = await completed(writing, premise.observed);
  await bringTags(writing, observed);
  const settingsToChange = {
    KmsKeyId: encryptionKeyToSet(desired, observed) ?? undefined,
    Description: descriptionToSet(desired, observed) ?? undefined,
  };
  if (Object.values(settingsToChange).some((setting) => setting !== undefined)) {
    await calls.update({ SecretId: name, ...settingsToChange });
  }
  const policy = policyToSet(desired.destination, detailsOf(observed).resourcePolicy ?? '');
  if (policy !== null) await (policy === '' ? calls.deletePolicy(name) : calls.putPolicy(name, policy));
  const { versionId } = observed;
  const written =
    versionId === null || hasOtherValue(desired, { ...premise, observed })
      ? await put(writing, versionId)
      : { versionId, at: now() };
  await bringReplicas(writing, detailsOf(observed).replicas ?? []);
  return written;
}

/** A secret that was seen in a listing, or was pending deletion, was not looked at whole. */
async function completed({ desired, look }: Writing, observed: Observed): Promise<Observed> {
  if (isComplete(desired.destination, observed)) return observed;
  const complete = await look();
  if (complete === null || complete.owner !== observed.owner || complete.managedBy !== null) {
    throw new PremiseChanged(`${desired.name} is not what it was`);
  }
  return complete;
}

async function bringTags({ calls, desired, label }: Writing, observed: Observed): Promise<void> {
  const { name } = desired;
  const { tags } = detailsOf(observed);
  const { set, remove } = tagChanges(desired, tags);
  const after = new Set([...tags.keys(), ...Object.keys(set)]).difference(new Set(remove));
  // Those of AWS itself do not count.
  const count = [...after].filter((key) => !/^aws:/i.test(key)).length;
  if (count > mostTags) {
    const rule = `AWS allows ${mostTags} tags, and with those of others it would have ${count}`;
    throw fixSpec(
      'TooManyTags',
      `${label}: ${rule}: leave out ${count - mostTags}, or remove theirs with tagPolicy: Exact`,
    );
  }
  // Removed first: the mark that says which were ours goes with the others.
  if (remove.length > 0) await calls.untag(name, remove);
  if (Object.keys(set).length > 0) await calls.tag(name, set);
}

async function bringReplicas({ calls, desired, label }: Writing, before: readonly ReplicaStatus[]): Promise<void> {
  const { name, destination } = desired;
  const changes = replicaChanges(destination, before);
  if (changes === null) return;
  const { remove, add } = changes;
  if (remove.length > 0) await calls.removeReplicas(name, remove);
  const now = add.length > 0 ? await calls.replicate(name, asAddReplicaRegions(add)) : [];
  const failure = failedReplicas({ label, destination, before, now });
  if (failure) throw failure;
}

async function put({ calls, desired, label, quota, now }: Writing, replaced: string | null): Promise<Written> {
  const { name } = desired;
  const versionId = desired.versionIdAfter(replaced);
  const created = () => calls.versionDates(name).catch(nullIfRefused);
  const wait = await quota.waitFor({ name, versionId, created });
  if (wait > 0) {
    throw new SyncError({
      remedy: 'SlowRetry',
      reason: 'VersionsSpent',
      message: `${label}: it changes so often that AWS, which keeps about 100 versions a day, would soon refuse it for hours; it is written again in ${Math.ceil(wait / 60_000)} min, with what Vault says then`,
      retryAfterMs: wait,
    });
  }
  const labels = await calls.put(name, { ClientRequestToken: versionId, ...secretValueOf(desired) });
  if (!labels.includes('AWSCURRENT')) {
    // The version was there already and something else is current: AWS says "done" and has changed nothing.
    throw new PremiseChanged(`PutSecretValue ${name}: the version exists and is not the current one`);
  }
  return { versionId, at: now() };
}

/** The caller knows more than the ids say when it remembers its last write. */
function hasOtherValue(desired: Desired, { observed, differences }: ObservedPremise): boolean {
  return differences?.includes('value') ?? !isCurrent(desired, observed);
}

/** Whoever may not count (or asks an emulator that cannot) still may write: AWS refuses what is too much by itself. */
function nullIfRefused(error: unknown): null {
  if (error instanceof SyncError && error.remedy !== 'Retry') return null;
  throw error;
}
