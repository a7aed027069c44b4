import { invalidArgument } from './status.ts';

/** service.proto: greater page sizes are capped at 25,000; with 0 the server decides. */
const MAX_PAGE_SIZE = 25_000;

/** One page of `all`; the token is the offset of the next page and means nothing to callers. */
export function pageOf<Item>(
  all: readonly Item[],
  request: { pageSize: number; pageToken: string },
): { items: Item[]; nextPageToken: string } {
  if (request.pageSize < 0) throw invalidArgument('Field [page_size] must not be negative.');
  const offset = request.pageToken === '' ? 0 : decodeToken(request.pageToken);
  const size = request.pageSize === 0 ? MAX_PAGE_SIZE : Math.min(request.pageSize, MAX_PAGE_SIZE);
  const end = offset + size;
  return { items: all.slice(offset, end), nextPageToken: end < all.length ? encodeToken(end) : '' };
}

function encodeToken(offset: number): string {
  return Buffer.from(`offset:${offset}`).toString('base64url');
}

function decodeToken(token: string): number {
  const match = /^offset:([0-9]+)$/.exec(Buffer.from(token, 'base64url').toString());
  if (!match) throw invalidArgument('Field [page_token] is invalid.');
  return Number(match[1]);
}
