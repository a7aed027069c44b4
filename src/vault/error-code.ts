/** The code of an error of Node or undici, e.g. `ECONNREFUSED`: the only part of it that surely holds no credential. */
export function errorCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
