const operationKey = Buffer.from('"operation"');
const backslash = 0x5c;
const quote = 0x22;
const colon = 0x3a;

/** The first four bytes of an operation, read as one number. */
function word(text: string): number {
  return Buffer.from(text, 'latin1').readUInt32LE(0);
}

const harmless = new Set([word('read'), word('list'), word('help'), word('scan')]);

/** Next to the operation, as Vault writes it since 1.17; nothing below these can be a KV mount. */
const neverKv = ['auth/', 'identity/', 'cubbyhole/'].map((path) => Buffer.from(`","path":"${path}`));

/**
 * True only if the record certainly holds no change, found without parsing it: most of an audit log is reads, logins
 * and renewals. False means "parse it", whatever the writer's key order, spacing or wrapping.
 *
 * Why it is sound: without a backslash there is neither an escaped letter nor JSON inside a string, and a quote always
 * begins or ends a string. So every key `operation` shows as these very bytes; if there is only one, it is the request's
 * (or there is no change), and what stands beside it belongs to the request too.
 */
export function isSurelyIgnored(record: Buffer): boolean {
  const at = record.indexOf(operationKey);
  if (at < 0) return false;
  const value = at + operationKey.length + 2;
  if (record[value - 2] !== colon || record[value - 1] !== quote) return false;
  if (!saysRead(record, value) && !saysNeverKv(record, value)) return false;
  return record.indexOf(operationKey, value) < 0 && record.indexOf(backslash) < 0;
}

function saysRead(record: Buffer, value: number): boolean {
  return value + 5 <= record.length && record[value + 4] === quote && harmless.has(record.readUInt32LE(value));
}

function saysNeverKv(record: Buffer, value: number): boolean {
  const end = record.indexOf(quote, value);
  return end >= 0 && neverKv.some((path) => path.equals(record.subarray(end, end + path.length)));
}
