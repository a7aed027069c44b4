import { durationMs } from '../crd/duration.ts';
import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Logger } from '../logging.ts';
import type { State } from '../state/contract.ts';
import type { CopyRecord } from '../sync/ports.ts';
import { leaveWord } from './asked.ts';
import type { InterestPublisher } from './interest-publisher.ts';
import { Leadership } from './leadership.ts';
import { MountChanges } from './mount-changes.ts';
import { wishesOf } from './requests.ts';
import { Schedule } from './schedule.ts';
import type { Syncs } from './syncs.ts';

/** Milliseconds until what could not be handed to the shared state is tried again. */
const askAgainMs = 5_000;

export interface LeaderOptions {
  readonly state: Pick<State<CopyRecord>, 'jobs' | 'ledger' | 'leases'>;
  readonly syncs: Syncs;
  readonly publisher: InterestPublisher;
  readonly logger: Logger;
  readonly random: () => number;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/**
 * What must happen once for all replicas: publishing the interest, asking for full reconciles and planning the next ones.
 * A replica that dies takes no plan along, for whoever leads next asks for everything.
 */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #leadership: Leadership;
  readonly #schedule: Schedule;
  readonly #mounts: MountChanges;
  readonly #again = new Set<NodeJS.Timeout>();

  constructor(options: LeaderOptions) {
    this.#options = options;
    const { now, logger, state, publisher } = options;
    this.#mounts = new MountChanges({ ledger: state.ledger, logger, publish: () => publisher.publishAnew() });
    this.#schedule = new Schedule({ now, onDue: (key) => this.#ask([key]) });
    this.#leadership = new Leadership({
      leases: state.leases,
      logger,
      onLead: async () => {
        await this.#takeOver();
        this.#mounts.start();
      },
      onLost: () => {
        this.#schedule.clear();
        this.#mounts.stop();
      },
    });
  }

  /** Tries for the lead. Every manifest must be known by then: the interest is published whole or not at all. */
  start(): Promise<void> {
    return this.#leadership.start();
  }

  /** Only the leader publishes; every other replica is ready without. */
  problem(): string | null {
    return this.#leadership.leading ? this.#options.publisher.problem() : null;
  }

  /** A sync has changed. Its reconcile begins after the publication, so that a change in between is heard. */
  async follow(sync: VaultSecretSync, { isAsked }: { readonly isAsked: boolean }): Promise<void> {
    if (!this.#leadership.leading) return;
    const { state, publisher, now } = this.#options;
    const key = syncKeyOf(sync);
    await leaveWord(state.ledger, key, { wishes: wishesOf(sync), at: now() });
    await publisher.publish();
    if (isAsked) this.#ask([key]);
  }

  /**
   * Asks for full reconciles of everything, whether or not this replica leads: of those that learn of something one
   * after the other, the last may not be the leader, and what it asks for twice is done once.
   */
  reconcileAll(): void {
    if (this.#leadership.leading) this.#ask(this.#all());
    else this.#askFor(this.#all());
  }

  /** The shared state may have lost what it had taken: jobs, and what was published. */
  afterLoss(): void {
    if (!this.#leadership.leading) {
      this.#askFor(this.#all());
      return;
    }
    this.#takeOver().catch((error: unknown) => {
      this.#options.logger.warn(
        { err: error },
        'what the shared state lost is not made good yet; it is tried again soon',
      );
      this.#soon(() => this.afterLoss());
    });
  }

  async close(): Promise<void> {
    this.#schedule.close();
    for (const timer of this.#again) clearTimeout(timer);
    await this.#leadership.close();
    await this.#mounts.close();
    await this.#options.publisher.close();
  }

  async #takeOver(): Promise<void> {
    const { publisher } = this.#options;
    publisher.startAfresh();
    await publisher.publishAnew();
    this.#ask(this.#all());
  }

  #all(): string[] {
    return [...this.#options.syncs.all()].map(({ sync }) => syncKeyOf(sync));
  }

  /** Asks for full reconciles now and plans the next ones. */
  #ask(keys: readonly string[]): void {
    for (const key of keys) this.#schedule.plan(key, this.#nextAfter(key));
    this.#askFor(keys);
  }

  #askFor(keys: readonly string[]): void {
    const { state, logger } = this.#options;
    if (keys.length === 0) return;
    state.jobs.add(keys.map((sync) => ({ job: { kind: 'sync', sync } }))).catch((error: unknown) => {
      logger.warn({ err: error }, 'full reconciles could not be queued; they are asked for again soon');
      this.#soon(() => this.#askFor(keys));
    });
  }

  #soon(ask: () => void): void {
    const timer = setTimeout(() => {
      this.#again.delete(timer);
      ask();
    }, askAgainMs).unref();
    this.#again.add(timer);
  }

  /** After `refreshInterval`, ±10 % so that syncs do not march in step; null = never. */
  #nextAfter(key: string): number | null {
    const { syncs, now, random } = this.#options;
    const spec = syncs.get(key)?.sync.spec;
    const interval = spec && !spec.suspend ? (durationMs(spec.refreshInterval) ?? 0) : 0;
    return interval === 0 ? null : now() + interval * (0.9 + 0.2 * random());
  }
}
