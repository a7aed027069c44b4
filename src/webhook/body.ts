import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib';
import type { WebhookLimits } from './settings.ts';

/** Small bodies may be as repetitive as they like. */
const ratioCountsFrom = 16 * 1024 * 1024;
const outputOptions = { chunkSize: 64 * 1024 };

/** Why a body was not read to its end; what was read before stands. */
export class BodyProblem extends Error {
  /** `encoding`: cannot be decompressed; `tooLarge`: beyond a limit; `aborted`: the sender has gone. */
  readonly kind: 'encoding' | 'tooLarge' | 'aborted';

  constructor(kind: BodyProblem['kind']) {
    super(`the body could not be read: ${kind}`);
    this.name = 'BodyProblem';
    this.kind = kind;
  }
}

/**
 * Whether a body is here already, as a whole and as it is: it came in one packet with its head. A sender that waits to be
 * asked for it is one to be asked.
 */
export function isHere({ headers, readableLength, destroyed }: IncomingMessage, maxBytes: number): boolean {
  const isWhole = Number(headers['content-length']) === readableLength && readableLength <= maxBytes && !destroyed;
  return isWhole && headers['content-encoding'] === undefined && headers.expect === undefined;
}

/** Takes a body that is here; null = it is empty. */
export function takeHere(request: IncomingMessage): Buffer | null {
  const body = request.read() as Buffer | null;
  // It does not end by itself.
  request.resume();
  return body;
}

/** Takes a piece; until what it returns is resolved, nothing more is read. Null = go on at once. */
type Take = (piece: Buffer) => Promise<void> | null;

/**
 * Hands a request's body, decompressed, to `take`, piece by piece as it arrives. The rest of a body that is given up is
 * passed over, so that the connection can be answered and used again.
 * @throws BodyProblem, and what `take` throws or rejects with
 */
export function readBody(request: IncomingMessage, limits: WebhookLimits, take: Take): Promise<void> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return readAll(request, limits.maxBodyBytes, take);
  return decompress({ request, encoding, limits, take });
}

/**
 * No generators, and as few functions made as can be: for a body of one line they would cost more than all else that is
 * done with it.
 */
function readAll(stream: Readable, maxBytes: number, take: Take): Promise<void> {
  return new Promise((resolve, reject) => {
    let total = 0;
    let over = false;
    stream.on('data', (piece: Buffer) => {
      if (over) return;
      total += piece.length;
      try {
        if (total > maxBytes) throw new BodyProblem('tooLarge');
        const taking = take(piece);
        if (taking === null) return;
        stream.pause();
        taking.then(
          () => stream.resume(),
          (error: unknown) => {
            over = true;
            stream.resume();
            reject(error);
          },
        );
      } catch (error) {
        over = true;
        reject(error);
      }
    });
    // A stream that is paused does not end: by then every piece was taken.
    stream.once('end', resolve);
    stream.once('close', () => {
      if (!stream.readableEnded) reject(new BodyProblem('aborted'));
    });
  });
}

function decompress(options: {
  readonly request: IncomingMessage;
  readonly encoding: string;
  readonly limits: WebhookLimits;
  readonly take: Take;
}): Promise<void> {
  const { request, encoding, limits, take } = options;
  let bytesIn = 0;
  let bytesOut = 0;
  const takeWithinRatio: Take = (piece) => {
    bytesOut += piece.length;
    if (bytesOut > ratioCountsFrom && bytesOut > bytesIn * limits.maxInflateRatio) throw new BodyProblem('tooLarge');
    return take(piece);
  };

  return new Promise((resolve, reject) => {
    let decoder: Transform | null = null;
    let failed = false;
    const fail = (error: unknown): void => {
      failed = true;
      decoder?.destroy();
      request.resume();
      reject(error);
    };
    const begin = (first: Buffer): Transform => {
      const created = createDecoder(encoding, first);
      if (!created) throw new BodyProblem('encoding');
      created.once('error', () => fail(new BodyProblem('encoding')));
      readAll(created, limits.maxBodyBytes, takeWithinRatio).then(resolve, fail);
      return created;
    };
    const decode: Take = (piece) => {
      if (failed) return null;
      decoder ??= begin(piece);
      bytesIn += piece.length;
      const current = decoder;
      return current.write(piece) ? null : new Promise((drained) => current.once('drain', drained));
    };
    readAll(request, Number.POSITIVE_INFINITY, decode).then(() => (decoder === null ? resolve() : decoder.end()), fail);
  });
}

function createDecoder(encoding: string, first: Buffer): Transform | null {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip(outputOptions);
    case 'deflate':
      // The name stands for zlib's format, but some senders leave out its header.
      return hasZlibHeader(first) ? createInflate(outputOptions) : createInflateRaw(outputOptions);
    case 'br':
      return createBrotliDecompress(outputOptions);
    case 'zstd':
      return createZstdDecompress(outputOptions);
    default:
      return null;
  }
}

/** RFC 1950: method 8, and the first two bytes a multiple of 31. */
function hasZlibHeader(first: Buffer): boolean {
  const head = first.length < 2 ? 0 : first.readUInt16BE(0);
  return (head & 0x0f00) === 0x0800 && head % 31 === 0;
}
