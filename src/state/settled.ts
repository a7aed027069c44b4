/** Waits up to `ms` milliseconds for everything in `running` to settle, and says whether it did. */
export async function settledWithin(running: Iterable<Promise<unknown>>, ms: number): Promise<boolean> {
  const all = Promise.allSettled(running).then(() => true);
  if (ms <= 0) return (await Promise.race([all, new Promise((resolve) => setImmediate(resolve, false))])) === true;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const settled = await Promise.race([all, late]);
  clearTimeout(timer);
  return settled;
}
