import { fixSpec } from '../errors.ts';

/**
 * Encodes a mount, folder or name for a URL, segment by segment, so that nothing in it can become a query or a fragment.
 *
 * Vault resolves `..` even when it arrives as `%2E%2E`: such a name would read another place than the one it names, past
 * our own policies. Vault cannot hold names with empty or dot segments, nor with control characters, so they are refused.
 *
 * @throws SyncError `FixSpec` for what cannot be a path in Vault
 */
export function encodePath(path: string): string {
  return path.split('/').map(encodeSegment).join('/');

  function encodeSegment(segment: string): string {
    if (segment === '') throw refuse('it has an empty part; write it without leading, trailing or double slashes');
    if (segment === '.' || segment === '..') throw refuse(`"${segment}" as a part would lead to another place`);
    if (/\p{Cc}/u.test(segment)) throw refuse('it holds a control character');
    if (!segment.isWellFormed()) throw refuse('it is not valid Unicode');
    return encodeURIComponent(segment);
  }

  function refuse(why: string): Error {
    return fixSpec('PathInvalid', `${JSON.stringify(path)} cannot be a path in Vault: ${why}`);
  }
}
