/**
 * How Vault's places are written here: namespace, mount and name without a slash at either end, not percent-encoded;
 * the root namespace is ''.
 */

/** Strips slashes at both ends. */
export function trimSlashes(text: string): string {
  const end = endWithoutSlashes(text);
  let start = 0;
  while (start < end && text[start] === '/') start++;
  return text.slice(start, end);
}

/** Addresses (and names) of a Vault are compared without a trailing slash and in lower case. */
export function comparableAddress(address: string): string {
  return address.slice(0, endWithoutSlashes(address)).toLowerCase();
}

/** Not a pattern such as `/+$`: that takes quadratic time on slashes in the middle, and senders choose these texts. */
function endWithoutSlashes(text: string): number {
  let end = text.length;
  while (end > 0 && text[end - 1] === '/') end--;
  return end;
}

/** One reading of an API path: the name a KV mount may mean by it. */
export interface Reading {
  readonly kvVersion: 1 | 2;
  readonly name: string;
}

/** First segments that KV v2 puts before the name, and that a change can come through. */
const changePrefixes = ['data', 'metadata', 'delete', 'undelete', 'destroy'] as const;

/**
 * The names that a path within a mount can mean. The audit log does not tell the KV version, so a path such as
 * `data/app` is the v2 secret `app` and might be the v1 secret `data/app`: both are given unless `kvVersion` is known.
 */
export function readingsOf(relative: string, kvVersion: 1 | 2 | null): Reading[] {
  const readings: Reading[] = [];
  const slash = relative.indexOf('/');
  const first = slash < 0 ? '' : relative.slice(0, slash);
  const rest = slash < 0 ? '' : relative.slice(slash + 1);
  const asV2 = rest !== '' && (changePrefixes as readonly string[]).includes(first);
  if (kvVersion !== 1 && asV2) readings.push({ kvVersion: 2, name: rest });
  if (kvVersion !== 2 && relative !== '') readings.push({ kvVersion: 1, name: relative });
  return readings;
}

/** Where a mount ends and the rest of a path begins. */
export interface Split {
  readonly mount: string;
  readonly relative: string;
}

/**
 * Splits an audit entry's path at its mount. `mount_point` holds the namespace, the path does not.
 * Null when the mount point does not fit the path; the caller then guesses with `possibleSplits`.
 */
export function splitAtMountPoint(options: {
  readonly path: string;
  readonly mountPoint: string;
  readonly namespace: string;
}): Split | null {
  const { path, namespace } = options;
  const inNamespace = namespace === '' ? '' : `${namespace}/`;
  const point = options.mountPoint.startsWith(inNamespace)
    ? options.mountPoint.slice(inNamespace.length)
    : options.mountPoint;
  const mount = trimSlashes(point);
  if (mount === '' || !path.startsWith(`${mount}/`)) return null;
  return { mount, relative: path.slice(mount.length + 1) };
}

/** Every way to split a path whose mount is not known (Vault 1.10–1.13 entries), shortest mount first. */
export function possibleSplits(path: string): Split[] {
  const splits: Split[] = [];
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const relative = path.slice(slash + 1);
    if (relative !== '') splits.push({ mount: path.slice(0, slash), relative });
  }
  return splits;
}
