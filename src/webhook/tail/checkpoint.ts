import { createHash } from 'node:crypto';
import { access, constants, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError } from '../../errors.ts';
import { createCheck, type Static, Type } from '../../schema.ts';

/** So many first bytes tell a file from every other; some lines of an audit log, each with its own time and id. */
export const headBytes = 4096;

const Checkpoint = Type.Object(
  {
    format: Type.Literal(1),
    device: Type.String(),
    inode: Type.String(),
    /** Of the last write to it, in nanoseconds. */
    lastWrite: Type.String({ pattern: '^[0-9]+$' }),
    /** The first bytes of a log stay what they are while it grows, is renamed, copied or compressed. */
    head: Type.Object({
      bytes: Type.Integer({ minimum: 0, maximum: headBytes }),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    }),
    /** Bytes, uncompressed, from the beginning to the end of the last line whose jobs the queue holds. */
    offset: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);
/** Which file was read, and how far; it outlives the process. */
export type Checkpoint = Static<typeof Checkpoint>;

const check = createCheck(Checkpoint);

/** What tells a file from every other, made of its first bytes: no more than `headBytes` of them. */
export function headOf(first: Buffer): Checkpoint['head'] {
  return { bytes: first.length, sha256: createHash('sha256').update(first).digest('hex') };
}

/** Whether a file that begins with these bytes is the one, or a copy of the one, whose head this is. */
export function beginsWith(first: Buffer, { bytes, sha256 }: Checkpoint['head']): boolean {
  return bytes > 0 && first.length >= bytes && headOf(first.subarray(0, bytes)).sha256 === sha256;
}

/** The checkpoint in a file; null when there is no file, `damaged` when it holds something else. @throws what reading throws */
export async function readCheckpoint(file: string): Promise<Checkpoint | 'damaged' | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? null : parseCheckpoint(text);
}

export function parseCheckpoint(text: string): Checkpoint | 'damaged' {
  try {
    const { problems, value } = { value: null, ...check(JSON.parse(text)) };
    return problems.length === 0 && value !== null ? value : 'damaged';
  } catch {
    return 'damaged';
  }
}

/** Replaces the checkpoint as a whole: whatever happens on the way, the file holds the old one or the new one. */
export async function writeCheckpoint(file: string, checkpoint: Checkpoint): Promise<void> {
  const beside = `${file}.new`;
  const handle = await open(beside, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(checkpoint)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
}

/** @throws InputError when the directory of a checkpoint is missing or cannot be written to */
export async function checkDirectory(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new InputError(
      `webhook.files: the checkpoint ${file} cannot be kept, for its directory is missing or read-only: create it and let this process write to it, or name another one`,
      { cause },
    );
  }
}
