import type { IncomingMessage } from 'node:http';

/** With `/1.0`, and `?channel=…` behind it, as senders write it. */
const collectorPath = /^\/services\/collector(\/(event|raw)(\/1\.0)?)?(\?.*)?$/;

const splunkSuccess = JSON.stringify({ text: 'Success', code: 0 });

/**
 * Whether an address is that of a Splunk HTTP Event Collector: senders to one mostly know no other, Docker's log driver
 * among them. What they post is taken like what comes to `/events`.
 */
export function isCollector(url: string): boolean {
  return collectorPath.test(url);
}

/**
 * The JSON with which a sender wants to hear that its body was taken; null for the many that only want a 200. Firehose
 * sends again whatever is not answered with the id of its request; `now` is Unix time in milliseconds.
 * @see https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
 */
export function acceptanceOf({ headers, url }: IncomingMessage, now: number): string | null {
  const requestId = headers['x-amz-firehose-request-id'];
  if (typeof requestId === 'string') return JSON.stringify({ requestId, timestamp: now });
  return isCollector(url ?? '') ? splunkSuccess : null;
}
