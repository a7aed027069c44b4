import type { Destination } from '../../crd/vault-secret-sync.ts';
import { SyncError } from '../../errors.ts';
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
import { type AwsSettings, createConnection } from './connection.ts';
import { compare, encryptionKeyToSet, isCurrent, observe, tagsToSet } from './observed.ts';
import { placeOf, scopeOf, settingsOf } from './place.ts';
import { nameOf, preflight, tagsOf } from './rules.ts';

/** AWS: at most 100 entries a page. */
const pageSize = 100;

/**
 * AWS Secrets Manager. Each write gets a version id that follows from what is written and from what it replaces, so a
 * write that is repeated changes nothing, and one look at the ids tells whether the copy is what it must be.
 */
export function openTarget(destination: Destination, { settings, now }: TargetContext<AwsSettings>): Target {
  const place = placeOf(destination, settings.region);
  const { region } = place;
  const connection = createConnection(place, settings);

  async function describe(name: string, signal: AbortSignal): Promise<Observed | null> {
    try {
      const description = await connection.call({
        operation: 'DescribeSecret',
        subject: name,
        signal,
        send: (client, options) => client.describeSecret({ SecretId: name }, options),
      });
      return observe({ ...description, stages: description.VersionIdsToStages }, { name, region });
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  async function* list(owner: string, signal: AbortSignal): AsyncGenerator<Observed> {
    let nextToken: string | undefined;
    do {
      const page = await connection.call({
        operation: 'ListSecrets',
        subject: `of owner ${owner}`,
        signal,
        send: (client, options) =>
          client.listSecrets({ Filters: filtersFor(owner), MaxResults: pageSize, NextToken: nextToken }, options),
      });
      for (const entry of page.SecretList ?? []) {
        if (entry.Name === undefined) continue;
        const observed = observe({ ...entry, stages: entry.SecretVersionsToStages }, { name: entry.Name, region });
        // The filters match prefixes, and the key of one tag with the value of another.
        if (observed.owner === owner) yield observed;
      }
      nextToken = page.NextToken;
    } while (nextToken !== undefined);
  }

  async function create(desired: Desired, signal: AbortSignal): Promise<Written> {
    const { encryptionKey } = settingsOf(desired.destination);
    const versionId = desired.versionIdAfter(null);
    await connection.call({
      operation: 'CreateSecret',
      subject: desired.name,
      signal,
      send: (client, options) =>
        client.createSecret(
          {
            Name: desired.name,
            ClientRequestToken: versionId,
            SecretString: desired.value,
            // At once, not afterwards: organisations refuse secrets without their tags.
            Tags: asTagList(tagsOf(desired)),
            KmsKeyId: encryptionKey,
          },
          options,
        ),
    });
    return { versionId, at: now() };
  }

  async function put(desired: Desired, replaced: string | null, signal: AbortSignal): Promise<Written> {
    const versionId = desired.versionIdAfter(replaced);
    const answer = await connection.call({
      operation: 'PutSecretValue',
      subject: desired.name,
      signal,
      send: (client, options) =>
        client.putSecretValue(
          { SecretId: desired.name, ClientRequestToken: versionId, SecretString: desired.value },
          options,
        ),
    });
    if (!answer.VersionStages?.includes('AWSCURRENT')) {
      // The version was there already and something else is current: AWS says "done" and has changed nothing.
      throw new PremiseChanged(`PutSecretValue ${desired.name}: the version exists and is not the current one`);
    }
    return { versionId, at: now() };
  }

  /**
   * Brings a described secret to what it must be. Marks and key come before the value: should it stop in between, the
   * copy is already known as ours, and what we write is encrypted with the right key.
   */
  async function bring(desired: Desired, premise: ObservedPremise, signal: AbortSignal): Promise<Written> {
    const { name } = desired;
    const { observed } = premise;
    if (observed.existence === 'pendingDeletion') {
      await connection.call({
        operation: 'RestoreSecret',
        subject: name,
        signal,
        send: (client, options) => client.restoreSecret({ SecretId: name }, options),
      });
    }
    const encryptionKey = encryptionKeyToSet(desired, observed);
    if (encryptionKey !== null) {
      await connection.call({
        operation: 'UpdateSecret',
        subject: name,
        signal,
        send: (client, options) => client.updateSecret({ SecretId: name, KmsKeyId: encryptionKey }, options),
      });
    }
    const tags = asTagList(tagsToSet(desired, observed));
    if (tags.length > 0) {
      await connection.call({
        operation: 'TagResource',
        subject: name,
        signal,
        send: (client, options) => client.tagResource({ SecretId: name, Tags: tags }, options),
      });
    }
    const { versionId } = observed;
    if (versionId === null || hasOtherValue(desired, premise)) return put(desired, versionId, signal);
    return { versionId, at: now() };
  }

  async function write(desired: Desired, premise: Premise, signal: AbortSignal): Promise<Written> {
    try {
      return await writeOn(premise);
    } catch (error) {
      throw contradictsPremise(error) ? new PremiseChanged(error.message, { cause: error }) : error;
    }

    function writeOn(believed: Premise): Promise<Written> {
      switch (believed.kind) {
        case 'absent':
          return create(desired, signal);
        case 'observed':
          return bring(desired, believed, signal);
        case 'remembered':
          return put(desired, believed.written.versionId, signal);
        default: {
          const never: never = believed;
          return never;
        }
      }
    }
  }

  /** Recoverable for 30 days, AWS's default. */
  async function remove({ name }: Observed, signal: AbortSignal): Promise<void> {
    try {
      await connection.call({
        operation: 'DeleteSecret',
        subject: name,
        signal,
        send: (client, options) => client.deleteSecret({ SecretId: name }, options),
      });
    } catch (error) {
      if (!isNotFound(error) && !isPendingDeletion(error)) throw error;
    }
  }

  return {
    scope: scopeOf(place),
    nameOf,
    identityOf: (name) => name,
    preflight,
    describe,
    list,
    compare,
    write,
    remove,
    close: () => connection.close(),
  };
}

type ObservedPremise = Extract<Premise, { kind: 'observed' }>;

/** The caller knows more than the ids say when it remembers its last write. */
function hasOtherValue(desired: Desired, { observed, differences }: ObservedPremise): boolean {
  return differences?.includes('value') ?? !isCurrent(desired, observed);
}

function filtersFor(owner: string) {
  return [
    { Key: 'tag-key' as const, Values: [markNames.owner] },
    { Key: 'tag-value' as const, Values: [owner] },
  ];
}

function asTagList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function isNotFound(error: unknown): boolean {
  return error instanceof SyncError && error.code === 'ResourceNotFoundException';
}

function isPendingDeletion(error: unknown): boolean {
  return error instanceof SyncError && error.remedy === 'PendingDeletion';
}

/** The secret is gone, is there, or is scheduled for deletion, and the caller believed otherwise. */
function contradictsPremise(error: unknown): error is SyncError {
  if (!(error instanceof SyncError) || error.remedy === 'FixSpec') return false;
  return isNotFound(error) || isPendingDeletion(error) || error.code === 'ResourceExistsException';
}
