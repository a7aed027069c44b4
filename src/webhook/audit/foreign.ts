import type { Reason } from './verdict.ts';

/** How many of a stream's first bytes tell its format. */
export const headBytes = 256;

/** What senders post that is no JSON, though they could send JSON. */
export type Foreign = Extract<Reason, 'Msgpack' | 'Jsonx' | 'Form' | 'Protobuf'>;

const openBrace = 0x7b;
const openBracket = 0x5b;

/**
 * The format of a stream that is surely no JSON, found from its first bytes; null = JSON, or nothing that is known here.
 * `contentType` counts for Protobuf only: its bytes say nothing, while `curl` calls everything a form.
 */
export function foreignFormat(head: Buffer, contentType = ''): Foreign | null {
  const first = head[0];
  if (first === undefined || first === openBrace || first === openBracket) return null;
  if (isMsgpack(head)) return 'Msgpack';
  if (/^application\/(x-)?protobuf\b/i.test(contentType)) return 'Protobuf';
  const text = head.toString('latin1');
  const beforeBrace = text.split('{', 1)[0] ?? '';
  if (beforeBrace.includes('<json:object')) return 'Jsonx';
  return /=.*%7b%(22|0a)/i.test(beforeBrace) ? 'Form' : null;
}

/** An array or a map. The short ones begin with a byte that begins no UTF-8, the long ones with a length that has a zero. */
function isMsgpack(head: Buffer): boolean {
  const [first = 0, second] = head;
  return (first >= 0x80 && first <= 0x9f) || (first >= 0xdc && first <= 0xdf && second === 0);
}
