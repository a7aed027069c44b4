import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { type Checkpoint, headBytes, headOf } from './checkpoint.ts';
import type { Compression } from './rotations.ts';

/** Bytes read at once: small beside everything else that the process holds, whatever a backlog measures. */
const chunkBytes = 128 * 1024;

/** An audit log, or one that was rotated away, open for reading. Offsets are in uncompressed bytes. */
export interface LogFile {
  readonly path: string;
  readonly compression: Compression;
  readonly device: bigint;
  readonly inode: bigint;
  /** As far as known: what the last `refresh` found. A compressed file does not tell, so that its size is 0. */
  readonly size: number;
  readonly mtimeNs: bigint;
  /** The first bytes, no more than `headBytes`. */
  readonly first: Buffer;
  /** Looks at it again; false when it does not hold any more what it held: it was truncated. */
  refresh(position: number): Promise<boolean>;
  /** The bytes at an offset, some of them; none at the end. A compressed file is read forward only. */
  read(position: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Which file it is and how far it was read, as it is remembered. */
export function checkpointOf(file: LogFile, offset: number): Checkpoint {
  return {
    format: 1,
    device: String(file.device),
    inode: String(file.inode),
    lastWrite: String(file.mtimeNs),
    head: headOf(file.first),
    offset,
  };
}

/**
 * Opens a log, or what one has become.
 * @throws Error of the file system, and one for what is no file
 */
export async function openLogFile(path: string, compression: Compression = 'none'): Promise<LogFile> {
  // Before it is opened, which would wait for a writer where it is a pipe.
  if (!(await stat(path)).isFile()) throw new Error(`${path} is no file`);
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return compression === 'none' ? await plainFile(path, handle) : await compressedFile(path, handle, compression);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function plainFile(path: string, handle: FileHandle): Promise<LogFile> {
  let stats = await handle.stat({ bigint: true });
  let first = await readAt(handle, 0, headBytes);
  return {
    path,
    compression: 'none',
    device: stats.dev,
    inode: stats.ino,
    get size() {
      return Number(stats.size);
    },
    get mtimeNs() {
      return stats.mtimeNs;
    },
    get first() {
      return first;
    },
    async refresh(position) {
      stats = await handle.stat({ bigint: true });
      if (stats.size < BigInt(position)) return false;
      const now = await readAt(handle, 0, headBytes);
      if (now.length < first.length || !now.subarray(0, first.length).equals(first)) return false;
      first = now;
      return true;
    },
    async read(position) {
      return readAt(handle, position, Math.min(chunkBytes, Math.max(0, Number(stats.size) - position)));
    },
    close: () => handle.close(),
  };
}

/** A buffer of its own, for the reader of the lines keeps what is not whole yet. */
async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

async function compressedFile(path: string, handle: FileHandle, compression: 'gzip' | 'zstd'): Promise<LogFile> {
  const { dev, ino, mtimeNs } = await handle.stat({ bigint: true });
  let stream = inflated(handle, compression);
  const first = await firstBytes(stream.chunks);
  stream.close();
  stream = inflated(handle, compression);
  let at = 0;
  return {
    path,
    compression,
    device: dev,
    inode: ino,
    size: 0,
    mtimeNs,
    first,
    refresh: async () => true,
    async read(position) {
      for (;;) {
        const { done, value } = await stream.chunks.next();
        if (done) return Buffer.alloc(0);
        at += value.length;
        if (at > position) return value.subarray(Math.max(0, value.length - (at - position)));
      }
    },
    async close() {
      stream.close();
      await handle.close();
    },
  };
}

interface Inflated {
  readonly chunks: AsyncIterator<Buffer, undefined>;
  close(): void;
}

function inflated(handle: FileHandle, compression: 'gzip' | 'zstd'): Inflated {
  const source = Readable.from(wholeOf(handle), { objectMode: false });
  const inflate = compression === 'gzip' ? createGunzip() : createZstdDecompress();
  source.on('error', (error) => inflate.destroy(error));
  // What is wrong is thrown where the chunks are taken.
  inflate.on('error', () => source.destroy());
  source.pipe(inflate);
  return {
    chunks: inflate[Symbol.asyncIterator](),
    close() {
      source.destroy();
      inflate.destroy();
    },
  };
}

/** Not a stream of the handle: that would close it, or keep it from being closed. */
async function* wholeOf(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const chunk = await readAt(handle, position, chunkBytes);
    if (chunk.length === 0) return;
    yield chunk;
    position += chunk.length;
  }
}

async function firstBytes(chunks: AsyncIterator<Buffer, undefined>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  while (length < headBytes) {
    const { done, value } = await chunks.next();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  return Buffer.concat(parts).subarray(0, headBytes);
}
