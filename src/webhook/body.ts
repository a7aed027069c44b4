import type { IncomingMessage } from 'node:http';
import { Readable, type Transform } from 'node:stream';
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
 * A request's body, decompressed, in pieces as they arrive. Leaves the connection open, so that it can be answered.
 * @throws BodyProblem
 */
export async function* readBody(request: IncomingMessage, limits: WebhookLimits): AsyncGenerator<Buffer, void, void> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') yield* limited(receive(request), limits.maxBodyBytes);
  else yield* limited(decompress(request, encoding, limits), limits.maxBodyBytes);
}

async function* limited(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer, void, void> {
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > maxBytes) throw new BodyProblem('tooLarge');
    yield chunk;
  }
}

async function* receive(request: IncomingMessage): AsyncGenerator<Buffer, void, void> {
  const chunks: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }) };
  try {
    yield* chunks;
  } catch {
    throw new BodyProblem('aborted');
  }
}

async function* decompress(
  request: IncomingMessage,
  encoding: string,
  limits: WebhookLimits,
): AsyncGenerator<Buffer, void, void> {
  const received = receive(request);
  const first = await received.next();
  if (first.done) return;
  const decoder = createDecoder(encoding, first.value);
  if (!decoder) throw new BodyProblem('encoding');
  let bytesIn = 0;
  let bytesOut = 0;
  const source = Readable.from(
    (async function* () {
      bytesIn += first.value.length;
      yield first.value;
      for await (const chunk of received) {
        bytesIn += chunk.length;
        yield chunk;
      }
    })(),
  );
  source.on('error', (error) => decoder.destroy(error));
  try {
    for await (const chunk of source.pipe(decoder) as AsyncIterable<Buffer>) {
      bytesOut += chunk.length;
      if (bytesOut > ratioCountsFrom && bytesOut > bytesIn * limits.maxInflateRatio) throw new BodyProblem('tooLarge');
      yield chunk;
    }
  } catch (error) {
    throw error instanceof BodyProblem ? error : new BodyProblem('encoding');
  } finally {
    source.destroy();
    decoder.destroy();
  }
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
