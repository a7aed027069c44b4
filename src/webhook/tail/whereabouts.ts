import { stat } from 'node:fs/promises';
import { beginsWith, type Checkpoint, headOf } from './checkpoint.ts';
import { type LogFile, openLogFile } from './log-file.ts';
import { listRotations, type Rotation } from './rotations.ts';

/** After so many the next look at the file itself must do. */
const maxLooks = 5;

/** A file to read, and the offset to begin at. */
export interface Found {
  readonly file: LogFile;
  readonly offset: number;
}

/** What comes after a file; `unreadable` counts files in between that nobody can read any more. */
export interface Successor {
  readonly file: LogFile | null;
  readonly unreadable: number;
}

/** Whether a file is the one of a checkpoint, read no further than it goes. An empty one could be any. */
export function isAt(file: LogFile, { head, offset }: Checkpoint): boolean {
  return beginsWith(file.first, head) && file.size >= offset;
}

/**
 * What became of a file that is not at the log's path any more: it was renamed, copied or compressed. The same file comes
 * before copies of it; of one that was empty nobody can tell, so that all that was written since is read. Null when there
 * is none.
 */
export async function findRotated(log: string, sought: Checkpoint): Promise<Found | null> {
  const { head, offset, lastWrite } = sought;
  return steadily(async () => {
    const rotations = await listRotations(log);
    if (head.bytes === 0) {
      const since = rotations.filter(({ size, mtimeNs }) => size > 0n && mtimeNs >= BigInt(lastWrite));
      for (const rotation of since) {
        const file = await openRotation(rotation);
        if (file) return { file, offset: 0 };
      }
      return null;
    }
    const isSame = ({ inode, device }: Rotation) => String(inode) === sought.inode && String(device) === sought.device;
    for (const rotation of [...rotations.filter(isSame), ...rotations.filter((rotation) => !isSame(rotation))]) {
      const file = await openRotation(rotation);
      // A copy may have been made before the last lines were written.
      if (file && beginsWith(file.first, head)) {
        return { file, offset: file.compression === 'none' ? Math.min(offset, file.size) : offset };
      }
      await file?.close();
    }
    return null;
  });
}

/**
 * The file that was begun after this one, once that has bytes: only then its writer has certainly left this one, which
 * may have been renamed long before. Null while this is the last.
 * @throws Error of the file system when the log itself cannot be read
 */
export function findSuccessor(log: string, file: LogFile): Promise<Successor> {
  return steadily(async () => {
    const current = await stat(log, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (current && isSameFile(current.ino, current.dev, file)) return { file: null, unreadable: 0 };
    let unreadable = 0;
    for (const rotation of await laterThan(file, await listRotations(log))) {
      if (rotation.size === 0n || (current && isSameFile(current.ino, current.dev, rotation))) continue;
      const candidate = await openRotation(rotation);
      if (candidate) return { file: candidate, unreadable };
      unreadable += 1;
    }
    if (!current || current.size === 0n) return { file: null, unreadable: 0 };
    return { file: await openLogFile(log), unreadable };
  });
}

async function laterThan(file: LogFile, rotations: readonly Rotation[]): Promise<readonly Rotation[]> {
  let at = rotations.findLastIndex(({ inode, device }) => isSameFile(inode, device, file));
  // It may have been compressed, and its plain file removed, while we hold it open.
  for (let index = rotations.length - 1; at < 0 && index >= 0; index -= 1) {
    const other = await openRotation(rotations[index] as Rotation);
    if (other && isCopy(other, file)) at = index;
    await other?.close();
  }
  return at < 0 ? rotations.filter(({ mtimeNs }) => mtimeNs >= file.mtimeNs) : rotations.slice(at + 1);
}

/** E.g. one that is being compressed. */
function isCopy(candidate: LogFile, file: LogFile): boolean {
  return beginsWith(candidate.first, headOf(file.first));
}

function isSameFile(
  inode: bigint,
  device: bigint,
  other: { readonly inode: bigint; readonly device: bigint },
): boolean {
  return inode === other.inode && device === other.device;
}

/** Null for what cannot be read: it is damaged or forbidden. @throws Error `ENOENT` when it has gone since it was listed */
async function openRotation({ path, compression }: Rotation): Promise<LogFile | null> {
  return openLogFile(path, compression).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw error;
    return null;
  });
}

/** Looks again when files were renamed or compressed while we looked. */
async function steadily<T>(look: () => Promise<T>): Promise<T> {
  for (let looks = 1; ; looks += 1) {
    try {
      return await look();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || looks === maxLooks) throw error;
    }
  }
}
