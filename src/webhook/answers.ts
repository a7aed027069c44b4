import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Metrics } from '../metrics.ts';
import type { Clock } from './clock.ts';
import { acceptanceOf } from './dialects.ts';

const retryAfterSeconds = '2';

/** What is read, and thrown away, at most of the body of a request that is turned away: batches of shippers are shorter. */
const maxPassedOver = 8 * 1024 * 1024;
/** How long a longer one is read, in milliseconds. */
const passOverMs = 5_000;

const noBody = { 'Content-Length': '0' };

/** How requests are answered: but for `accept`, with nothing but a status and a few headers. */
export interface Answers {
  /** Empty bodies: OpenBao does not read ours, and a connection with an unread body cannot be used again. */
  answer(response: ServerResponse, status: number, headers?: Readonly<Record<string, string>>): void;
  /** 200 to what was taken, in the words of those that want more than that. */
  accept(response: ServerResponse): void;
  /**
   * Answers at once, whatever of the body is still to come. A short rest is passed over, so that the connection can be used
   * again; with a longer one it ends, but not before the sender had time to read the answer.
   */
  turnAway(response: ServerResponse, status: number, headers?: Readonly<Record<string, string>>): void;
  /** 503 is the one answer that every sender comes back after. */
  refuse(response: ServerResponse, reason: 'queue' | 'bug' | 'tooMany'): void;
}

/** Answers carry `Connection: close` once `isClosing` says so. */
export function createAnswers(options: {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly isClosing: () => boolean;
}): Answers {
  const { metrics, clock, isClosing } = options;
  /** To be called before an answer: a webhook that closes after it would wait for a connection on which nothing comes any more. */
  const endWithBody = ({ req: request }: ServerResponse): void => {
    if (request.complete) return;
    request.once('close', () => {
      if (isClosing()) request.socket.destroySoon();
    });
  };
  const answer: Answers['answer'] = (response, status, headers) => {
    endWithBody(response);
    const closing = isClosing() ? { Connection: 'close' } : undefined;
    const all = headers || closing ? { ...noBody, ...headers, ...closing } : noBody;
    response.writeHead(status, all).end();
  };
  const turnAway: Answers['turnAway'] = (response, status, headers) => {
    const { req: request } = response;
    // Who asked whether to send its body is told so by the answer.
    const isWaiting = request.headers.expect !== undefined;
    if (!isWaiting && restOf(request) <= maxPassedOver) {
      answer(response, status, headers);
      return;
    }
    response.writeHead(status, { ...noBody, ...headers, Connection: 'close' });
    response.flushHeaders();
    let passedOver = 0;
    const end = (): void => {
      cancel();
      // Ends the connection too.
      response.end();
    };
    const cancel = clock.after(passOverMs, end);
    request.on('data', (piece: Buffer) => {
      passedOver += piece.length;
      if (passedOver > maxPassedOver) end();
    });
    request.once('close', end);
    request.once('end', end);
    request.resume();
  };
  return {
    answer,
    accept(response) {
      const body = acceptanceOf(response.req, clock.now());
      if (body === null) {
        answer(response, 200);
        return;
      }
      endWithBody(response);
      const closing = isClosing() ? { Connection: 'close' } : undefined;
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...closing };
      response.writeHead(200, headers).end(body);
    },
    turnAway,
    refuse(response, reason) {
      metrics.ingestRefused.inc({ reason });
      const say = reason === 'tooMany' ? turnAway : answer;
      say(response, 503, { 'Retry-After': retryAfterSeconds });
    },
  };
}

/** Bytes of a body that may still come. */
function restOf(request: IncomingMessage): number {
  if (request.readableEnded || request.complete) return 0;
  if (request.headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  return Number(request.headers['content-length'] ?? 0);
}
