import { createSearch } from './search.ts';

const findMountType = createSearch('mount_type');
const kv = /^\\?":\\?"(kv|generic)\\?"/;

/** Whether an entry speaks of a KV mount, or of no mount at all; by its words, without being parsed. */
export function speaksOfKv(record: Buffer): boolean {
  const at = findMountType(record, 0);
  if (at < 0) return true;
  const valueAt = at + 'mount_type'.length;
  return kv.test(record.toString('latin1', valueAt, valueAt + 16));
}
