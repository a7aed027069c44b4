import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { stoppedDeletions } from '../../src/sync/deletion-guard.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

/** Selects the secrets of `worldOf`. */
export const all = { path: 'secret/app/(.*)', removalPolicy: 'Delete' } as const;

/** A world in which the copies of `app/00`, `app/01` and so on have just been made. */
export async function worldOf(count: number, sync: VaultSecretSync = someSync(all)): Promise<FakeWorld> {
  const world = new FakeWorld();
  for (let index = 0; index < count; index++) world.vault.put(nameOf(index), { index });
  await world.reconcile(sync);
  world.clock.now += 1_000;
  world.quiet();
  return world;
}

export function nameOf(index: number): string {
  return `app/${String(index).padStart(2, '0')}`;
}

/** Deletes secrets in Vault. */
export function deleteSecrets(world: FakeWorld, from: number, to: number): void {
  for (let index = from; index < to; index++) world.vault.delete(nameOf(index));
}

/** The same, and an event tells of each. */
export async function deleteByEvents(
  world: FakeWorld,
  options: { from: number; to: number; sync?: VaultSecretSync },
): Promise<void> {
  const { from, to, sync = someSync(all) } = options;
  deleteSecrets(world, from, to);
  for (let index = from; index < to; index++) await world.follow(nameOf(index), sync);
}

/** How many copies are in which state. */
export function statesIn(world: FakeWorld): Record<string, number> {
  const states: Record<string, number> = {};
  for (const { state } of world.ledger.entries.values()) states[state] = (states[state] ?? 0) + 1;
  return states;
}

/** The digest of what the guard has stopped. */
export async function digestIn(world: FakeWorld): Promise<string> {
  return (await stoppedDeletions(world.ledger, 'team-a/db')).digest;
}
