import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { createLogger } from '../../src/logging.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { MissedChanges } from '../../src/operator/missed-changes.ts';
import { SyncReconciler } from '../../src/operator/reconcile-sync.ts';
import { SourceWatch } from '../../src/operator/source-watch.ts';
import { StatusWriter } from '../../src/operator/status-writer.ts';
import { Syncs } from '../../src/operator/syncs.ts';
import { createWorker } from '../../src/operator/worker.ts';
import {
  type Budgets,
  type Heard,
  type Job,
  type JobOutcome,
  type JobRun,
  jobKey,
  type NewJob,
} from '../../src/state/contract.ts';
import { createMemoryState } from '../../src/state/memory/state.ts';
import type { CopyRecord } from '../../src/sync/ports.ts';
import { FakeWorld, mainVault } from '../sync/fake-world.ts';
import { FakeManifests } from './fake-manifests.ts';

/** Vault and stores in memory, with what replicas share. */
export interface Shared {
  readonly world: FakeWorld;
  readonly manifests: FakeManifests;
}

/** One replica of an operator, driven by hand: it knows the syncs that it is told of, and runs the jobs that it is given. */
export class Replica {
  readonly shared: Shared;
  readonly world: FakeWorld;
  readonly manifests: FakeManifests;
  readonly syncs = new Syncs({ vaults: [mainVault], installation: 'test' });
  /** Jobs that were asked for. */
  readonly asked: NewJob[] = [];
  /** Keys of jobs that wait with something that was heard. */
  readonly heard = new Set<string>();
  readonly metrics: Metrics;
  readonly statuses: StatusWriter;
  readonly #run: (run: JobRun) => Promise<JobOutcome>;
  readonly #close: () => Promise<void>;

  constructor(shared: Shared = { world: new FakeWorld(), manifests: new FakeManifests() }) {
    const { world: sharedWorld, manifests } = shared;
    this.shared = shared;
    const logger = createLogger({ level: 'silent' });
    const memory = createMemoryState<CopyRecord>({ log: logger });
    const jobs = {
      add: async (added: readonly NewJob[]) => void this.asked.push(...added),
      isHeard: async (job: Job) => this.heard.has(jobKey(job)),
    };
    const state = { ...memory, jobs, ledger: sharedWorld.ledger, budgets: unlimited } as unknown as typeof memory;
    const now = () => sharedWorld.clock.now;
    const random = () => 0.5;
    this.manifests = manifests;
    this.statuses = new StatusWriter({ syncs: this.syncs, state, manifests, logger, random, now });
    // The same in every way, but for what each replica knows on its own.
    this.world = Object.create(sharedWorld, {
      generationOf: { value: (key: string) => this.syncs.generationOf(key) },
      recordPlaces: {
        value: (...args: Parameters<StatusWriter['recordPlaces']>) => this.statuses.recordPlaces(...args),
      },
    }) as FakeWorld;
    const sources = new SourceWatch({ ledger: state.ledger, logger });
    this.metrics = createMetrics({ withProcess: false });
    const { metrics } = this;
    const missed = new MissedChanges({ jobs: state.jobs, syncs: this.syncs, manifests, metrics, logger, now });
    const parts = {
      world: this.world,
      state,
      syncs: this.syncs,
      manifests,
      statuses: this.statuses,
      sources,
      missed,
      logger,
      random,
      metrics,
    };
    this.#run = createWorker({ ...parts, reconciler: new SyncReconciler(parts) });
    this.#close = async () => {
      await this.statuses.close();
      await memory.close();
    };
  }

  /** It has seen the manifest, and the status that it has by now. */
  knows(sync: VaultSecretSync): VaultSecretSync {
    const latest = { ...sync, status: this.manifests.statusOf(sync) };
    this.syncs.set(latest);
    return latest;
  }

  run(
    job: Job,
    more: { readonly attempt?: number; readonly resumed?: true; readonly heard?: Heard } = {},
  ): Promise<JobOutcome> {
    return this.#run({ job, attempt: 1, heard: null, signal: new AbortController().signal, ...more });
  }

  /** Runs a full reconcile, or a removal. */
  reconcile(sync = 'team-a/db', more: Parameters<Replica['run']>[1] = {}): Promise<JobOutcome> {
    return this.run({ kind: 'sync', sync }, more);
  }

  /** Follows an event for a secret. */
  follow(name: string, more: Parameters<Replica['run']>[1] = {}): Promise<JobOutcome> {
    return this.run({ kind: 'path', vault: 'main', namespace: '', mount: 'secret', name }, more);
  }

  close(): Promise<void> {
    return this.#close();
  }
}

const unlimited: Budgets = { take: async () => undefined, slowDown: async () => undefined };
