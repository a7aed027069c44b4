import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultPeer } from '../../test/peers/start-vault.ts';
import type { DisturbedStore } from './stores.ts';
import { whatVaultSays } from './writer.ts';

/** A copy that is not what Vault says. */
export interface Difference {
  readonly secret: string;
  readonly store: string;
  readonly expected: string | null;
  readonly found: string | null;
}

/** Compares every copy in every store with what Vault says now. */
async function compare(
  vault: VaultPeer,
  names: readonly string[],
  stores: readonly DisturbedStore[],
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const secret of names) {
    const expected = await whatVaultSays(vault, secret);
    for (const store of stores) {
      const found = await store.look(secret);
      if (found !== expected) differences.push({ secret, store: store.name, expected, found });
    }
  }
  return differences;
}

/** How often in a row it must be quiet, and every copy right: what comes late must not undo it. */
const looksInARow = 3;

/**
 * Waits until nothing is under way and every copy is right, and stays so; gives up after `withinMs`.
 * @returns what is different then
 */
export async function compareWhenQuiet(options: {
  readonly vault: VaultPeer;
  readonly names: readonly string[];
  readonly stores: readonly DisturbedStore[];
  readonly isQuiet: () => Promise<boolean>;
  readonly withinMs: number;
  /** Called after each look. */
  readonly onLook: (differences: readonly Difference[], isQuiet: boolean) => void;
}): Promise<readonly Difference[]> {
  const { vault, names, stores, isQuiet, withinMs, onLook } = options;
  const end = performance.now() + withinMs;
  for (let right = 0; ; ) {
    const quiet = await isQuiet().catch(() => false);
    const differences = await compare(vault, names, stores);
    onLook(differences, quiet);
    right = quiet && differences.length === 0 ? right + 1 : 0;
    if (right === looksInARow || performance.now() > end) return differences;
    await sleep(1_000);
  }
}
