import type { AzureDestination } from '../../../src/crd/destinations/azure.ts';
import { type AzureSettings, azure } from '../../../src/sync-targets/azure/index.ts';
import {
  type Desired,
  type Observed,
  type Premise,
  PremiseChanged,
  type Target,
  type Written,
} from '../../../src/sync-targets/contract.ts';
import { eventually } from '../../peers/processes.ts';
import {
  type AzureKeyVaultOptions,
  type AzureKeyVaultStandIn,
  startAzureKeyVault,
} from '../../stand-ins/azure-key-vault/start.ts';
import { canary, createContext, createManualClock, desire, type ManualClock } from '../conformance/under-test.ts';
import { settingsFor } from './under-test.ts';

/** Owner of every copy that `wish` asks for. */
export const owner = '0123456789abcdef0123456789abcdef';

/** A vault of its own, and a target that writes to it. */
export interface AzureWorld {
  readonly standIn: AzureKeyVaultStandIn;
  readonly target: Target;
  readonly clock: ManualClock;
  readonly signal: AbortSignal;
  /** Writes a first version under this name. */
  create(name: string, fields?: Partial<AzureDestination>): Promise<Desired>;
  /** Looks at the copy and writes what differs, as `sync` does; null when nothing does. */
  reconcile(
    desired: Desired,
    options?: { readonly lookAt?: (name: string) => Promise<Observed>; readonly written?: Written | null },
  ): Promise<Written | null>;
  /** As a listing of the owner's copies shows it. */
  lookInList(name: string): Promise<Observed>;
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
  const clock = createManualClock(Date.now());
  const context = createContext({ settings, clock, errors: [] });
  const target = azure.open({ azure: { vaultUrl: standIn.vaultUrl } }, context);
  /** Nobody gives up. */
  const { signal } = new AbortController();
  async function look(name: string): Promise<Observed> {
    const observed = await target.describe(name, signal);
    if (observed === null) throw new Error(`${name} is absent`);
    return observed;
  }
  const reconcile: AzureWorld['reconcile'] = async (desired, { lookAt = look, written = null } = {}) => {
    const observed = await lookAt(desired.name);
    const differences = target.compare(desired, observed, written);
    if (differences.length === 0) return null;
    try {
      return await target.write(desired, { kind: 'observed', observed, differences }, signal);
    } catch (error) {
      if (!(error instanceof PremiseChanged)) throw error;
      return reconcile(desired, { written });
    }
  };
  return {
    standIn,
    target,
    clock,
    signal,
    look,
    async create(name, fields) {
      const desired = wish(name, 1, fields);
      await target.write(desired, { kind: 'absent' }, signal);
      return desired;
    },
    reconcile,
    async lookInList(name) {
      for await (const observed of target.list?.(owner, signal) ?? []) if (observed.name === name) return observed;
      throw new Error(`${name} is not listed`);
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
export function wish(name: string, version = 1, fields: Partial<AzureDestination> = {}): Desired {
  const value = `${canary}-${version}`;
  const destination = { azure: { vaultName: 'any', tags: { team: 'a' }, ...fields } };
  return desire({ name, value, version, owner, destination });
}

export function seen(observed: Observed): Premise {
  return { kind: 'observed', observed };
}
