import { type AzureSettings, azure } from '../../../src/sync-targets/azure/index.ts';
import type { Desired, Observed, Premise, Target } from '../../../src/sync-targets/contract.ts';
import { eventually } from '../../peers/processes.ts';
import {
  type AzureKeyVaultOptions,
  type AzureKeyVaultStandIn,
  startAzureKeyVault,
} from '../../stand-ins/azure-key-vault/start.ts';
import { canary, createContext, createManualClock, desire } from '../conformance/under-test.ts';
import { settingsFor } from './under-test.ts';

/** Owner of every copy that `wish` asks for. */
export const owner = '0123456789abcdef0123456789abcdef';

/** A vault of its own, and a target that writes to it. */
export interface AzureWorld {
  readonly standIn: AzureKeyVaultStandIn;
  readonly target: Target;
  readonly signal: AbortSignal;
  /** Writes a first version under this name. */
  create(name: string): Promise<Desired>;
  /** Describes what must be there. */
  look(name: string): Promise<Observed>;
  /** Somebody deletes it; ends when the deletion is complete. */
  deleteFully(name: string): Promise<void>;
  /** What the vault was asked since the last time that its requests were cleared. */
  operations(): Promise<string[]>;
  close(): Promise<void>;
}

export async function createAzureWorld(
  options: AzureKeyVaultOptions & Pick<AzureSettings, 'recoveryPatienceMs'> = {},
): Promise<AzureWorld> {
  const standIn = await startAzureKeyVault(options);
  const settings = { ...settingsFor(standIn), recoveryPatienceMs: options.recoveryPatienceMs ?? 5_000 };
  const context = createContext({ settings, clock: createManualClock(Date.now()), errors: [] });
  const target = azure.open({ azure: { vaultUrl: standIn.vaultUrl } }, context);
  const signal = AbortSignal.timeout(60_000);
  return {
    standIn,
    target,
    signal,
    async create(name) {
      const desired = wish(name);
      await target.write(desired, { kind: 'absent' }, signal);
      return desired;
    },
    async look(name) {
      const observed = await target.describe(name, signal);
      if (observed === null) throw new Error(`${name} is absent`);
      return observed;
    },
    async deleteFully(name) {
      await standIn.deleteByHand(name);
      await eventually(async () => (await standIn.secret(name))?.phase === 'deleted', {
        what: `${name} to be deleted`,
      });
    },
    operations: async () => (await standIn.requests()).map(({ operation }) => operation),
    async close() {
      await target.close?.();
      await standIn.stop();
    },
  };
}

/** Runs in a world that behaves differently from the shared one. */
export async function withAzureWorld(
  options: Parameters<typeof createAzureWorld>[0],
  use: (world: AzureWorld) => Promise<void>,
): Promise<void> {
  const world = await createAzureWorld(options);
  try {
    await use(world);
  } finally {
    await world.close();
  }
}

/** A copy that must be. */
export function wish(name: string, version = 1): Desired {
  const value = `${canary}-${version}`;
  return desire({ name, value, version, owner, destination: { azure: { vaultName: 'any', tags: { team: 'a' } } } });
}

export function seen(observed: Observed): Premise {
  return { kind: 'observed', observed };
}
