import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

/** While files are being renamed; after so many looks what was seen last must do. */
const maxLooks = 5;

/** A file that a log was renamed or copied to. */
export interface Rotation {
  readonly path: string;
  readonly compression: Compression;
  readonly device: bigint;
  readonly inode: bigint;
  readonly size: bigint;
  /** Of the last write; renaming leaves it as it is, and so do those who compress. */
  readonly mtimeNs: bigint;
}

export type Compression = 'none' | 'gzip' | 'zstd';

const endings: Readonly<Record<string, Compression>> = { '.gz': 'gzip', '.zst': 'zstd' };
/** `.1`, `-20261122`, `-2026-11-22T10:00:00`, `.1763769600`. */
const mark = String.raw`[.-]\d[\dTZ:_.-]*`;

/**
 * The name without its compression, when this is what a rotation of `log` may be called: `audit.log.1`,
 * `audit.log-20261122.gz` and, with logrotate's `extension`, `audit-20261122.log`; null for any other file.
 */
export function rotationName(log: string, name: string): { plain: string; compression: Compression } | null {
  const compression = endings[extname(name)] ?? 'none';
  const plain = compression === 'none' ? name : name.slice(0, -extname(name).length);
  const ending = extname(log);
  const stem = log.slice(0, log.length - ending.length);
  const fits = (before: string, after: string) =>
    plain.startsWith(before) &&
    plain.endsWith(after) &&
    new RegExp(`^${mark}$`).test(plain.slice(before.length, plain.length - after.length));
  return fits(log, '') || (ending !== '' && fits(stem, ending)) ? { plain, compression } : null;
}

/**
 * Oldest first. By the names, where two are of one kind (`.2` is older than `.1`, a later date is newer), for some tools
 * that compress leave a file with the time at which they did; else by the last write.
 */
export function byAge(left: Pick<Rotation, 'path' | 'mtimeNs'>, right: Pick<Rotation, 'path' | 'mtimeNs'>): number {
  const [first, second] = [markOf(left.path), markOf(right.path)];
  if (isNumber(first) && isNumber(second) && first !== second) return Number(second.slice(1)) - Number(first.slice(1));
  if (first !== second && shapeOf(first) === shapeOf(second)) return first < second ? -1 : 1;
  if (left.mtimeNs !== right.mtimeNs) return left.mtimeNs < right.mtimeNs ? -1 : 1;
  return left.path < right.path ? -1 : 1;
}

/** What is neither the name of the log nor its ending: the number or the date. */
function markOf(path: string): string {
  return new RegExp(`(${mark})(?:\\.[a-z]+)*$`).exec(basename(path))?.[1] ?? '';
}

function isNumber(text: string): boolean {
  return /^\.\d{1,4}$/.test(text);
}

/** Two dates written in one way have one shape. */
function shapeOf(text: string): string {
  return text.replaceAll(/\d/g, '0');
}

/**
 * What is left of a log beside it, oldest first; beside what it is a link to as well. A compressed file is left out while
 * the plain one is still there. It is looked twice, for a file that is renamed meanwhile may be seen nowhere.
 */
export async function listRotations(log: string): Promise<Rotation[]> {
  let seen = await listOnce(log);
  for (let looks = 1; looks < maxLooks; looks += 1) {
    const again = await listOnce(log);
    const isSame =
      again.length === seen.length &&
      again.every(({ path, inode }, index) => {
        const other = seen[index];
        return other?.path === path && other.inode === inode;
      });
    if (isSame) return again;
    seen = again;
  }
  return seen;
}

async function listOnce(log: string): Promise<Rotation[]> {
  const target = await realpath(log).catch(() => log);
  const lists = await Promise.all([...new Set([log, target])].map(listBeside));
  const all = lists.flat();
  const unique = all.filter(
    ({ device, inode }, index) => all.findIndex((other) => other.inode === inode && other.device === device) === index,
  );
  return unique.sort(byAge);
}

async function listBeside(log: string): Promise<Rotation[]> {
  const folder = dirname(log);
  const names = await readdir(folder).catch((): string[] => []);
  const rotations = names.flatMap((name) => {
    const found = rotationName(basename(log), name);
    return found && (found.compression === 'none' || !names.includes(found.plain)) ? [{ name, ...found }] : [];
  });
  const stated = await Promise.all(
    rotations.map(async ({ name, compression }) => {
      const path = join(folder, name);
      // One that goes while we look is as one that was never there.
      const stats = await stat(path, { bigint: true }).catch(() => null);
      if (!stats?.isFile()) return [];
      return [{ path, compression, device: stats.dev, inode: stats.ino, size: stats.size, mtimeNs: stats.mtimeNs }];
    }),
  );
  return stated.flat();
}
