import type { KeyVault, Secret, Version } from './key-vault.ts';
import { badParameter } from './service-error.ts';

/** Azure: at most 25 entries a page. */
const pageSize = 25;

/** A version with its value, as `GetSecret`, `SetSecret` and `UpdateSecret` answer. */
export function bundleOf(vault: KeyVault, base: string, found: { secret: Secret; version: Version }): unknown {
  const { secret, version } = found;
  return {
    value: version.value,
    id: `${base}/secrets/${secret.name}/${version.id}`,
    ...metadataOf(vault, secret, version),
  };
}

/** A version without its value, as `UpdateSecret` and `RecoverDeletedSecret` answer. */
export function propertiesOf(vault: KeyVault, base: string, found: { secret: Secret; version: Version }): unknown {
  const { secret, version } = found;
  return { id: `${base}/secrets/${secret.name}/${version.id}`, ...metadataOf(vault, secret, version) };
}

/** An entry of `GetSecrets`: the current version's metadata under the name's own id. */
export function secretItemOf(vault: KeyVault, base: string, secret: Secret): unknown {
  return { id: `${base}/secrets/${secret.name}`, ...metadataOf(vault, secret, currentOf(secret)) };
}

/** A deleted secret, as an entry of `GetDeletedSecrets` (`inList`) or on its own. */
export function deletedOf(vault: KeyVault, base: string, options: { secret: Secret; inList: boolean }): unknown {
  const { secret, inList } = options;
  const version = currentOf(secret);
  const deletedDate = Math.floor((secret.deletedAt ?? 0) / 1000);
  return {
    recoveryId: `${base}/deletedsecrets/${secret.name}`,
    deletedDate,
    scheduledPurgeDate: deletedDate + vault.recoverableDays * 86_400,
    id: `${base}/secrets/${secret.name}${inList ? '' : `/${version.id}`}`,
    ...metadataOf(vault, secret, version),
  };
}

/** The version that a name stands for. */
export function currentOf(secret: Secret): Version {
  const version = secret.versions.at(-1);
  if (!version) throw new Error(`secret ${secret.name} has no version`);
  return version;
}

/** One page of a list, with the link to the next one where there is more. */
export function pageOf<Item>(items: Item[], url: URL, render: (item: Item) => unknown): unknown {
  const size = Number(url.searchParams.get('maxresults') ?? pageSize);
  if (!Number.isInteger(size) || size < 1 || size > pageSize) {
    throw badParameter(`maxresults must be a number from 1 to ${pageSize}.`);
  }
  const start = readMarker(url.searchParams.get('$skiptoken'));
  const end = start + size;
  const next = new URL(url);
  next.searchParams.set('$skiptoken', Buffer.from(JSON.stringify({ NextMarker: end })).toString('base64url'));
  next.searchParams.set('maxresults', String(size));
  return { value: items.slice(start, end).map(render), nextLink: end < items.length ? next.href : null };
}

function readMarker(token: string | null): number {
  if (token === null) return 0;
  try {
    const marker: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    const next = (marker as { NextMarker?: unknown }).NextMarker;
    if (typeof next === 'number' && next >= 0) return next;
  } catch {
    // Refused below, like any other token that is not ours.
  }
  throw badParameter('The $skiptoken is not valid.');
}

function metadataOf(vault: KeyVault, secret: Secret, version: Version): Record<string, unknown> {
  return {
    ...(version.contentType === undefined ? {} : { contentType: version.contentType }),
    ...(secret.managed ? { managed: true } : {}),
    attributes: {
      enabled: version.enabled,
      ...(version.nbf === undefined ? {} : { nbf: version.nbf }),
      ...(version.exp === undefined ? {} : { exp: version.exp }),
      created: version.created,
      updated: version.updated,
      recoveryLevel: vault.recoveryLevel,
      recoverableDays: vault.recoverableDays,
    },
    ...(version.tags === undefined ? {} : { tags: version.tags }),
  };
}
