import { createHash, createHmac } from 'node:crypto';
import type { Marks } from '../sync-targets/contract.ts';
import type { SecretPlace } from '../vault/contract.ts';

/** Owner mark: 32 hex of SHA-256(installation, namespace, name). For ever: a change of this orphans every copy. */
export function ownerOf(owner: { installation: string; namespace: string; name: string }): string {
  return hash([owner.installation, owner.namespace, owner.name]).slice(0, 32);
}

/** Readable owner, cut at 200 characters. */
export function refOf(owner: { namespace: string; name: string }): string {
  return `${owner.namespace}/${owner.name}`.slice(0, 200);
}

/** One text for what one copy is made of: `["vault","namespace","mount","name"]`, and a mount and a name more for each merged one. */
export function sourceKeyOf(vault: string, places: readonly [SecretPlace, ...SecretPlace[]]): string {
  return JSON.stringify([vault, places[0].namespace, ...places.flatMap(({ mount, name }) => [mount, name])]);
}

/** Stands for the source of a copy that nobody knows any more. */
export const noSource = '[]';

/** Reads a source key back. */
export function parseSourceKey(key: string): { vault: string; places: readonly [SecretPlace, ...SecretPlace[]] } {
  const [vault = '', namespace = '', mount = '', name = '', ...more] = JSON.parse(key) as string[];
  const others: SecretPlace[] = [];
  for (let at = 0; at + 1 < more.length; at += 2) {
    others.push({ namespace, mount: more[at] ?? '', name: more[at + 1] ?? '' });
  }
  return { vault, places: [{ namespace, mount, name }, ...others] };
}

/** For messages: `secret/app/db`, or `secret/app/db + secret/app/more`. */
export function describeSource(key: string): string {
  return parseSourceKey(key)
    .places.map(({ mount, name }) => `${mount}/${name}`)
    .join(' + ');
}

/** AWS: a tag's value has at most 256 characters; so has Azure's. */
const longestRef = 256;

/**
 * Reference mark: `<namespace>/<name> <mount>/<path> <mount id>[ <key>]`: the sync, the (first) secret that the copy is made of, the
 * mount that it was read from (8 hex of SHA-256(uuid), `-` = not known), and with `granularity: key` the key, as Vault calls it. For
 * people, and for whoever has to find the secret when no record is left. Path and key stand in letters, digits and `_.:/+-@`, all else
 * as `=` and two hex digits for each byte of UTF-8. Where it would not fit, the sync stands alone.
 */
function refOfCopy({ ref, source, mountUuid, key }: Stamp): string {
  const [{ mount, name }] = parseSourceKey(source).places;
  const words = [ref, spell(`${mount}/${name}`), mountIdOf(mountUuid), ...(key === null ? [] : [spell(key)])];
  const whole = words.join(' ');
  return whole.length <= longestRef && !words.includes('') ? whole : ref;
}

/** How a reference mark names a mount. */
export function mountIdOf(uuid: string | null): string {
  return uuid === null ? '-' : hash([uuid]).slice(0, 8);
}

/** The sync in a reference mark. */
export function syncInRef(ref: string): string {
  return ref.split(' ')[0] ?? '';
}

/** What a reference mark tells of a copy's source. */
export interface RefSource {
  /** `<mount>/<path>` */
  readonly path: string;
  /** As `mountIdOf` gave it. */
  readonly mountId: string;
  readonly key: string | null;
}

/** Reads a reference mark back; null when it tells no source. */
export function readRef(ref: string): RefSource | null {
  const [, path, mountId, key, ...more] = ref.split(' ');
  if (path === undefined || mountId === undefined || more.length > 0) return null;
  if (![path, key ?? path].every((part) => spelled.test(part))) return null;
  return { path: readSpelled(path), mountId, key: key === undefined ? null : readSpelled(key) };
}

const spelled = /^(?:[\w.:/+@-]|=[0-9A-F]{2})+$/;

function spell(text: string): string {
  return text.replaceAll(/[^\w.:/+@-]+/g, (others) =>
    Buffer.from(others).toString('hex').toUpperCase().replaceAll(/../g, '=$&'),
  );
}

function readSpelled(text: string): string {
  const bytes = text.replaceAll(/=(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** Everything that a copy's marks are made from. */
export interface Stamp {
  readonly owner: string;
  /** The sync, as `refOf` gave it. */
  readonly ref: string;
  readonly source: string;
  /** Of the mount that a single secret was read from; null = not known. */
  readonly mountUuid: string | null;
  /** With `granularity: key` the key that the copy is made of, as Vault calls it. */
  readonly key: string | null;
  readonly version: number;
  readonly fingerprint: string;
}

/** The marks of a copy. State mark: `<version>.<16 hex of SHA-256(source)>.<fingerprint>`. */
export function marksOf(stamp: Stamp): Marks {
  const { owner, version, source, fingerprint } = stamp;
  return { owner, ref: refOfCopy(stamp), state: `${version}.${sourceHashOf(source)}.${fingerprint}` };
}

/** The fingerprint that a state mark tells; null when it tells none. */
export function fingerprintIn(state: string | null): string | null {
  return state?.split('.')[2] ?? null;
}

/** Whether a state mark may be that of a copy of the source; without a mark (or with a broken one) it may. */
export function isMarkedFor(state: string | null, source: string): boolean {
  const hashed = state?.split('.')[1];
  return hashed === undefined || hashed === sourceHashOf(source);
}

function sourceHashOf(source: string): string {
  return hash([source]).slice(0, 16);
}

/**
 * Version id for stores whose ids are ours to choose: `vss1-<version, 10 digits>-<40 hex of HMAC>` (56 characters; AWS
 * allows 32–64). The id of the version it replaces is part of it, so that a retry is the same id and a flip back a new one.
 */
export function versionIdOf(key: Uint8Array, stamp: Stamp, replaced: string | null): string {
  const parts = [stamp.owner, stamp.source, stamp.version, stamp.fingerprint, replaced ?? ''];
  const digest = createHmac('sha256', key).update(JSON.stringify(parts)).digest('hex');
  return `vss1-${String(stamp.version).padStart(10, '0')}-${digest.slice(0, 40)}`;
}

/** Keyed fingerprint, 32 hex: tells whether two renderings are equal without telling what they are. */
export function fingerprintOf(key: Uint8Array, rendered: unknown): string {
  return createHmac('sha256', key).update(JSON.stringify(rendered)).digest('hex').slice(0, 32);
}

function hash(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
