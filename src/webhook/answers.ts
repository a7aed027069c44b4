import type { ServerResponse } from 'node:http';
import type { Metrics } from '../metrics.ts';

const retryAfterSeconds = '2';

/** How requests are answered, with nothing but a status and a few headers. */
export interface Answers {
  /** Empty bodies: OpenBao does not read ours, and a connection with an unread body cannot be used again. */
  answer(response: ServerResponse, status: number, headers?: Readonly<Record<string, string>>): void;
  /** 503 is the one answer that every sender comes back after. */
  refuse(response: ServerResponse, reason: 'queue' | 'bug'): void;
}

/** Answers carry `Connection: close` once `isClosing` says so. */
export function createAnswers(options: { readonly metrics: Metrics; readonly isClosing: () => boolean }): Answers {
  const { metrics, isClosing } = options;
  const answer: Answers['answer'] = (response, status, headers) => {
    const closing = isClosing() ? { Connection: 'close' } : undefined;
    response.writeHead(status, { 'Content-Length': '0', ...headers, ...closing }).end();
  };
  return {
    answer,
    refuse(response, reason) {
      metrics.ingestRefused.inc({ reason });
      answer(response, 503, { 'Retry-After': retryAfterSeconds });
    },
  };
}
