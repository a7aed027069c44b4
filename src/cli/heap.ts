import { setFlagsFromString } from 'node:v8';

/**
 * Fits V8's heap to what the process does. The program starts with a young space of 1 MB that does not grow
 * (`scripts/build.ts`), because one that has grown hardly shrinks again.
 *
 * `hearing`: it stays so. What comes in through sockets lives only as long as it takes to read it, but is freed when the
 * young space is looked through: at the usual 16 MB that is after some hundred megabytes of buffers, each of them new to the
 * processor's caches; at 1 MB the same few are used again. And what got old may grow by half, not fourfold, before it is
 * looked through. `all`: V8's own defaults.
 */
export function fitHeap(work: 'hearing' | 'all'): void {
  const isHearing = work === 'hearing';
  setFlagsFromString(`--semi-space-growth-factor=${isHearing ? 1 : 2}`);
  setFlagsFromString(`--heap-growing-percent=${isHearing ? 50 : 0}`);
}
