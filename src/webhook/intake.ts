import type { Heard, NewJob } from '../state/contract.ts';
import type { VerdictSink } from './audit/reader.ts';
import { mayHideChange, type Reason, type Verdict, type VerdictKind } from './audit/verdict.ts';
import type { Clock } from './clock.ts';
import { type HeardPlace, type InterestIndex, placesOf, type SecretPlace } from './interest-index.ts';
import type { InterestWatch } from './interest-watch.ts';
import { type BatchBound, JobBatch } from './job-batch.ts';
import type { Queue } from './queue.ts';
import type { RecentChanges } from './recent-changes.ts';
import type { RepeatedEntries } from './repeated-entries.ts';
import type { UnreadChanges } from './unread-changes.ts';
import type { TellUnreadable } from './unreadable.ts';
import type { VaultMetrics } from './vault-metrics.ts';

/** Without a published interest no more than this many jobs may wait; beyond, one job stands for the whole Vault. */
const pendingWithoutInterest = 10_000;
/** Jobs handed to the queue in one call: some 50 ms of Redis' time. */
const jobsPerAdd = 2_000;
/** Entries kept so as to be known again, while a socket's jobs wait for the queue; and the longest of them, in characters. */
const maxEntries = 10_000;
const longestEntry = 1_024;
const verdictKinds: readonly VerdictKind[] = ['changed', 'reconcile', 'ignored', 'malformed'];

export interface IntakeOptions {
  readonly watch: Pick<InterestWatch, 'current'>;
  readonly recent: RecentChanges;
  readonly unread: UnreadChanges;
  readonly repeated: RepeatedEntries;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly tellUnreadable: TellUnreadable;
}

/**
 * Takes the verdicts of one body, or of what a TCP connection has sent so far, and makes them jobs: what nobody wants
 * goes no further. It can be used again once everything was handed in.
 */
export class Intake implements VerdictSink {
  readonly #vault: string;
  readonly #options: IntakeOptions;
  readonly #metrics: VaultMetrics;
  readonly #batch: JobBatch;
  /** Entries whose jobs are in the batch. */
  #entries: string[] = [];
  readonly #counts: Record<VerdictKind, number> = { changed: 0, reconcile: 0, ignored: 0, malformed: 0 };
  /** What may have been changes and could not be read. */
  #unreadable: Map<Reason, number> | null = null;

  /** `bound`: how much is kept until it is handed in; null where the sender can be made to wait. */
  constructor(vault: string, options: IntakeOptions & { metrics: VaultMetrics; bound: BatchBound | null }) {
    this.#vault = vault;
    this.#options = options;
    this.#metrics = options.metrics;
    this.#batch = new JobBatch(options.bound);
  }

  /** Different jobs gathered and not handed to the queue yet. */
  get size(): number {
    return this.#batch.size;
  }

  passedOver(): void {
    this.#counts.ignored += 1;
  }

  unwanted(record: Buffer, paths: readonly string[]): boolean {
    const { watch, unread } = this.#options;
    const index = watch.current();
    const verdict = index && unread.keepUnwanted({ vault: this.#vault, paths, record, index });
    if (verdict === null) return false;
    this.#counts[verdict] += 1;
    return true;
  }

  verdict(verdict: Verdict): void {
    this.#counts[verdict.verdict] += 1;
    if (verdict.verdict === 'malformed' && mayHideChange(verdict.reason)) this.#missed(verdict.reason);
    if (verdict.verdict !== 'changed' && verdict.verdict !== 'reconcile') return;
    const { watch, recent, repeated, clock } = this.#options;
    const vault = this.#vault;
    const now = clock.now();
    const jobs = jobsFor({ index: watch.current(), vault, verdict, now });
    if (jobs.length === 0) {
      recent.keep({ vault, verdict });
      return;
    }
    const entry = repeated.keyOf(vault, verdict);
    if (entry !== null && repeated.has(entry)) return;
    for (const { job, heard } of jobs) this.#batch.add(job, heard);
    if (entry !== null && this.#entries.length < maxEntries && entry.length < longestEntry) this.#entries.push(entry);
    if (verdict.time !== null) this.#metrics.toReceipt.observe(secondsFrom(verdict.time, now));
  }

  #missed(reason: Reason): void {
    this.#unreadable ??= new Map();
    this.#unreadable.set(reason, (this.#unreadable.get(reason) ?? 0) + 1);
  }

  /**
   * Counts what was heard and hands the jobs to the queue.
   * @throws SyncError `Retry` when the queue does not take them; then they are still here
   */
  async commit(): Promise<void> {
    this.report();
    if (this.#batch.size === 0) return;
    let left = this.#batch.take();
    const entries = this.#entries;
    this.#entries = [];
    try {
      left = await this.#bounded(left);
      while (left.length > 0) {
        const handed = left.slice(0, jobsPerAdd);
        await this.#options.queue.add(handed);
        this.#observe(handed);
        left = left.slice(jobsPerAdd);
      }
    } catch (error) {
      for (const { job, heard } of left) this.#batch.add(job, heard);
      this.#entries = [...entries, ...this.#entries].slice(0, maxEntries);
      throw error;
    }
    if (entries.length > 0) this.#options.repeated.note(entries);
  }

  #observe(jobs: readonly NewJob[]): void {
    const now = this.#options.clock.now();
    for (const { heard } of jobs) if (heard) this.#metrics.toQueue.observe(secondsFrom(heard.at, now));
  }

  /** Counts what was heard, without handing in any job. */
  report(): void {
    for (const verdict of verdictKinds) {
      const count = this.#counts[verdict];
      if (count === 0) continue;
      this.#metrics.entries[verdict].inc(count);
      this.#counts[verdict] = 0;
    }
    if (this.#unreadable === null) return;
    this.#options.tellUnreadable(this.#vault, this.#unreadable);
    this.#unreadable = null;
  }

  /** How many jobs did not fit into the bound since this was last asked. */
  takeShed(): number {
    return this.#batch.takeShed();
  }

  /** With nothing known of what is wanted the queue must not grow without end. */
  async #bounded(jobs: NewJob[]): Promise<NewJob[]> {
    const { watch, queue } = this.#options;
    if (watch.current() !== null) return jobs;
    const pending = await queue.pending();
    if (pending + jobs.length <= pendingWithoutInterest) return jobs;
    return [{ job: { kind: 'mount', vault: this.#vault, namespace: '', mount: '' } }];
  }
}

/** Clocks may be apart: nothing arrives before it happened. */
function secondsFrom(then: number, now: number): number {
  return Math.max(0, now - then) / 1000;
}

interface Hearing {
  /** Null when nothing is known of what is wanted: then everything is. */
  readonly index: InterestIndex | null;
  readonly vault: string;
  readonly verdict: Verdict;
  readonly now: number;
}

/** The jobs that a verdict asks for; none when nobody wants any. */
export function jobsFor({ index, vault, verdict, now }: Hearing): NewJob[] {
  if (verdict.verdict === 'reconcile' && !isKv1Secret(index, vault, verdict)) {
    if (index && !isWanted(index, vault, verdict)) return [];
    return [{ job: { kind: 'mount', vault, namespace: verdict.namespace ?? '', mount: verdict.mount ?? '' } }];
  }
  const place = heardPlace(vault, verdict);
  const places = index ? index.match(place) : placesOf(place);
  return places.map((secret) => ({
    job: { kind: 'path', vault, namespace: place.namespace, mount: secret.mount, name: secret.name },
    heard: heardOf(verdict, secret, now),
  }));
}

/** Whether a verdict, heard of a Vault, would make jobs. */
export function isWanted(index: InterestIndex, vault: string, verdict: Verdict): boolean {
  if (verdict.verdict === 'changed' || isKv1Secret(index, vault, verdict)) {
    return index.match(heardPlace(vault, verdict)).length > 0;
  }
  return index.selectsWithin({ vault, namespace: verdict.namespace ?? '', mount: verdict.mount ?? '' });
}

/** A write to `<mount>/config` sets up a KV v2 mount; in a KV v1 mount it is a secret like any other. */
function isKv1Secret(index: InterestIndex | null, vault: string, verdict: Verdict): boolean {
  if (verdict.reason !== 'MountConfigured') return false;
  return index?.kvVersion(vault, verdict.namespace ?? '', verdict.mount ?? '') === 1;
}

function heardPlace(vault: string, verdict: Verdict): HeardPlace {
  return { vault, namespace: verdict.namespace ?? '', mount: verdict.mount, path: verdict.path ?? '' };
}

/** The version counts for the KV v2 reading only; a clock of Vault's that is ahead does not move time here. */
function heardOf(verdict: Verdict, secret: SecretPlace, now: number): Heard {
  const version = secret.kvVersion === 2 ? verdict.version : null;
  return { version, at: verdict.time === null ? now : Math.min(verdict.time, now) };
}
