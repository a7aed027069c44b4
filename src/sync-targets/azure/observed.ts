import type { DeletedSecret, SecretProperties } from '@azure/keyvault-secrets';
import { type Desired, type Difference, isSameRendering, markNames, type Observed, type Written } from '../contract.ts';
import { type Attributes, attributesThatDiffer } from './attributes.ts';
import { stateIn, timesLeftOver } from './given.ts';
import { contentTypeOf, settingsOf, tagsOf } from './limits.ts';

/** What this target wants to see again of a secret it observed. */
export interface Details extends Attributes {
  readonly tags: Readonly<Record<string, string>>;
  readonly contentType: string | null;
  /** Unix time in milliseconds, by Azure's clock. */
  readonly createdAt: number;
  /** Whether the vault lets a deleted secret be purged; null = it did not say. */
  readonly purgeable: boolean | null;
}

/**
 * The versions that may be the current one. Azure tells the times of versions in whole seconds and lists them in no
 * order, so of several made in one second none can be told to be the newest.
 */
export function newestOf(versions: readonly SecretProperties[]): readonly SecretProperties[] {
  const newest = Math.max(...versions.map(createdAt));
  return versions.filter((version) => createdAt(version) === newest);
}

/** Whether a version and the listing's entry of its secret (which shows the current version) look the same. */
export function looksLike(version: SecretProperties, entry: SecretProperties): boolean {
  return fingerprintOf(version) === fingerprintOf(entry);
}

/**
 * A live copy from its current version and all of them. A version made by hand bears no marks: then the marks of the
 * last version that has some tell whose the copy is, and it has drifted.
 */
export function observedOf(current: SecretProperties, versions: readonly SecretProperties[]): Observed {
  const marked = [current, ...versions.toSorted((one, other) => createdAt(other) - createdAt(one))].find(
    ({ tags }) => tags?.[markNames.owner] !== undefined,
  );
  return { ...basicsOf(current), owner: markOf(marked, 'owner'), ref: markOf(marked, 'ref') };
}

/** A copy that the store keeps until it is recovered or purged. */
export function observedDeleted({ properties }: DeletedSecret): Observed {
  return { ...basicsOf(properties), existence: 'pendingDeletion', versionId: null };
}

/** A copy as the listing of the vault shows it. */
export function observedInList(entry: SecretProperties): Observed {
  return { ...basicsOf(entry), versionId: null };
}

/** In what a copy differs from what it must be, as its metadata tell. */
export function differencesOf(desired: Desired, observed: Observed, written: Written | null): readonly Difference[] {
  if (observed.existence === 'pendingDeletion') return ['pendingDeletion'];
  const details = detailsOf(observed);
  const settings = settingsOf(desired);
  const differences: Difference[] = [];
  if (hasOtherValue(desired, observed, written)) differences.push('value');
  if (hasOtherTags(desired, observed)) differences.push('tags');
  if (details.contentType !== contentTypeOf(desired)) differences.push('contentType');
  return [...differences, ...attributesThatDiffer(settings, details), ...timesLeftOver(settings, details)];
}

function hasOtherValue(desired: Desired, observed: Observed, written: Written | null): boolean {
  if (!isSameRendering(observed.state, desired.marks.state)) return true;
  // Somebody may have made a version by hand and copied the tags, marks included.
  return written !== null && observed.versionId !== null && observed.versionId !== written.versionId;
}

/**
 * Whether a tag is missing, not what it must be, or left over from a manifest that had it. The state only counts as far as
 * it is the same rendering, given by the same manifest.
 */
function hasOtherTags(desired: Desired, observed: Observed): boolean {
  const { tags } = detailsOf(observed);
  return Object.entries(tagsOf(desired)).some(([name, value]) =>
    name === markNames.state ? !isSameRendering(tags[name] ?? null, value) : tags[name] !== value,
  );
}

/** Only for what this file made: nobody else fills `details` of this target's observations. */
export function detailsOf(observed: Observed): Details {
  return observed.details as Details;
}

function basicsOf(properties: SecretProperties): Observed {
  const { recoveryLevel } = properties;
  const details: Details = {
    tags: properties.tags ?? {},
    contentType: properties.contentType ?? null,
    enabled: properties.enabled !== false,
    notBefore: properties.notBefore?.getTime() ?? null,
    expires: properties.expiresOn?.getTime() ?? null,
    createdAt: createdAt(properties),
    purgeable: recoveryLevel === undefined ? null : /Purgeable/.test(recoveryLevel),
  };
  return {
    name: properties.name,
    existence: 'live',
    owner: markOf(properties, 'owner'),
    ref: markOf(properties, 'ref'),
    state: stateIn(properties.tags),
    versionId: properties.version ?? null,
    managedBy: properties.managed === true ? 'a certificate in the vault' : null,
    details,
  };
}

function markOf(properties: SecretProperties | undefined, mark: keyof typeof markNames): string | null {
  return properties?.tags?.[markNames[mark]] ?? null;
}

function createdAt({ createdOn }: SecretProperties): number {
  return createdOn?.getTime() ?? 0;
}

function fingerprintOf({ tags, contentType, enabled, notBefore, expiresOn, updatedOn }: SecretProperties): string {
  return JSON.stringify([Object.entries(tags ?? {}).sort(), contentType, enabled, notBefore, expiresOn, updatedOn]);
}
