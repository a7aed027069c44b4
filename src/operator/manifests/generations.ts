import { createHash } from 'node:crypto';
import { SyncError } from '../../errors.ts';
import type { State } from '../../state/contract.ts';

/**
 * Files have no generation, so replicas that read the same folder must agree on one: whoever reads a manifest that says
 * something new gives it the next number, and everybody who reads the same takes that number over.
 */
export type Generations = (
  key: string,
  manifest: { readonly words: string; readonly isNew: boolean; readonly proposed: number },
) => Promise<number>;

const generationFact = 'generation';
/** Milliseconds to wait for another replica that agrees on the same manifest. */
const leaseWaitMs = 5_000;

interface Agreed {
  readonly digest: string;
  readonly generation: number;
}

/** @throws SyncError when the shared state cannot be reached */
export function agreedGenerations(state: Pick<State, 'ledger' | 'leases'>): Generations {
  const recall = async (key: string) => {
    const text = await state.ledger.recall(key, generationFact);
    return text ? (JSON.parse(text) as Agreed) : null;
  };
  return async (key, { words, isNew, proposed }) => {
    const digest = createHash('sha256').update(words).digest('hex');
    const agreed = await recall(key);
    if (agreed?.digest === digest) return agreed.generation;
    // Another replica has read something newer, which this one is about to find too.
    if (!isNew && agreed) return proposed;
    const lease = await state.leases.acquire([`generation ${key}`], { waitMs: leaseWaitMs });
    if (!lease) {
      const message = `another replica is taking up the manifest of ${key} just now; it is tried again`;
      throw new SyncError({ remedy: 'Retry', reason: 'ManifestBusy', message });
    }
    try {
      const known = await recall(key);
      if (known?.digest === digest) return known.generation;
      const generation = Math.max(proposed, (known?.generation ?? 0) + 1);
      await state.ledger.remember(key, generationFact, JSON.stringify({ digest, generation } satisfies Agreed));
      return generation;
    } finally {
      await lease.release();
    }
  };
}
