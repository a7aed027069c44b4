/**
 * What the processes of one installation share. Two makes keep this contract: Redis (with BullMQ) for several
 * processes, memory for one. Nothing here holds a secret value: jobs are keys, the ledger holds marks and ids.
 */

/** A change was heard of, or somebody asks for work. A job carries only its key; whoever runs it looks at Vault. */
export type Job =
  /** Look at one secret. `name` is the name within the mount, for KV v1 and v2 alike. */
  | {
      readonly kind: 'path';
      readonly vault: string;
      readonly namespace: string;
      readonly mount: string;
      readonly name: string;
    }
  /** Look at everything below a mount; `mount: ''` = a namespace and all below it (`namespace: ''` = the whole Vault). */
  | { readonly kind: 'mount'; readonly vault: string; readonly namespace: string; readonly mount: string }
  /** Reconcile one sync, `namespace/name`. */
  | { readonly kind: 'sync'; readonly sync: string }
  /** Try one parked copy again. `sync` as above, `copy` the copy's id, `source` the secret's path as the sync selects it. */
  | { readonly kind: 'copy'; readonly sync: string; readonly copy: string; readonly source: string };

/** One string for one job: jobs with the same key are the same work. */
export function jobKey(job: Job): string {
  switch (job.kind) {
    case 'path':
      return JSON.stringify(['path', job.vault, job.namespace, job.mount, job.name]);
    case 'mount':
      return JSON.stringify(['mount', job.vault, job.namespace, job.mount]);
    case 'sync':
      return JSON.stringify(['sync', job.sync]);
    case 'copy':
      return JSON.stringify(['copy', job.sync, job.copy, job.source]);
    default: {
      const never: never = job;
      return never;
    }
  }
}

/** What was heard about a path, kept beside its job and raised before the job is added. */
export interface Heard {
  /** The highest KV v2 version heard; null = none told (KV v1, deletes). */
  readonly version: number | null;
  /** Unix time in milliseconds of the latest audit entry. */
  readonly at: number;
  /** Time of the entry that told the version, where it is not `at`: what was created later is a new life of the secret. */
  readonly versionAt?: number;
  /** The lowest version heard, where that is not `version`: what is between it and the last one followed was not heard. */
  readonly lowest?: number;
}

export interface NewJob {
  readonly job: Job;
  readonly heard?: Heard;
  /** Not before this many milliseconds from now. */
  readonly delayMs?: number;
}

/** Where work is handed in: all that the webhook may do with jobs. */
export interface JobInbox {
  /**
   * Resolves once the queue holds every job. A job whose key waits already is coalesced with it (and, if it waited out a
   * delay, runs now); a job whose key runs right now causes exactly one more run.
   * @throws within a second when the queue cannot take them; nothing is half-taken that matters: adding again is safe
   */
  add(jobs: readonly NewJob[]): Promise<void>;
  /** How many jobs wait (delayed ones included). */
  pending(): Promise<number>;
}

/** How a run of a job ended. */
export type JobOutcome =
  | { readonly outcome: 'done' }
  /** Run again after `delayMs`; an event for the same key runs it at once. `countsAsAttempt: false` for waiting only. */
  | { readonly outcome: 'retry'; readonly delayMs: number; readonly reason: string; readonly countsAsAttempt: boolean }
  /** Given up: to the dead letters, until an event or a full reconcile starts afresh. */
  | { readonly outcome: 'dead'; readonly reason: string };

export interface JobRun {
  readonly job: Job;
  /** 1 for the first run. */
  readonly attempt: number;
  /** A run before this one was cut off by the end of its process: nobody knows how far it came. */
  readonly resumed?: true;
  /** What had been heard when the run began; null for jobs that no event asked for. */
  readonly heard: Heard | null;
  /** Aborts when the job was taken from us (a lost lock) or the consumer is closing for good. */
  readonly signal: AbortSignal;
}

export interface Consumer {
  /** Takes no more jobs, waits up to `graceMs` for those that run, then aborts them; what did not finish is handed back. */
  close(graceMs: number): Promise<void>;
}

export interface DeadLetter {
  readonly id: string;
  readonly job: Job;
  readonly reason: string;
  /** Unix time in milliseconds. */
  readonly at: number;
  readonly attempts: number;
}

/** The operator's side of the queue. Never two runs of one key at once while locks hold. */
export interface Jobs extends JobInbox {
  /** `run` must not throw; if it does, the job is retried after a second. */
  consume(options: { concurrency: number; run: (run: JobRun) => Promise<JobOutcome> }): Consumer;
  /** Whether something was heard for a job that has not been worked through yet. */
  isHeard(job: Job): Promise<boolean>;
  /** The newest first. */
  deadLetters(limit: number): Promise<DeadLetter[]>;
  countDeadLetters(): Promise<number>;
  /** Adds a dead letter's job anew and forgets the letter. False when there is none with that id. */
  replay(id: string): Promise<boolean>;
}

/** What one sync wants to hear about. */
export interface InterestEntry {
  readonly vault: string;
  readonly namespace: string;
  readonly mount: string;
  /** The one name selected, or null when `pattern` selects. */
  readonly literal: string | null;
  /** Names begin with this (literal part of the pattern, up to the last slash); '' = anywhere in the mount. */
  readonly prefix: string;
  /** RE2, anchored by whoever matches, over the name within the mount; null for a literal. */
  readonly pattern: string | null;
}

/** What the operator cares about; holds no secret. */
export interface Interest {
  readonly format: 1;
  /** Grows with each publication. */
  readonly revision: number;
  readonly entries: readonly InterestEntry[];
  /** KV version of mounts where it is known, by `JSON.stringify([vault, namespace, mount])`: 1 or 2. */
  readonly kvVersions: Readonly<Record<string, 1 | 2>>;
}

export interface InterestReader {
  /** The last published document; null when there is none or its format is unknown. */
  read(): Promise<Interest | null>;
  /** Calls back soon after each publication (and after reconnecting). The returned function ends it. */
  watch(changed: () => void): Promise<() => Promise<void>>;
}

export interface InterestBoard extends InterestReader {
  /** Publishes a document with the next revision, which it returns. */
  publish(interest: Omit<Interest, 'format' | 'revision'>): Promise<number>;
}

/** What was last done to one copy. The ledger looks at these; whatever else is remembered is the user's own. */
export interface LedgerEntry {
  /** The sync it belongs to, `namespace/name`. */
  readonly sync: string;
  /** Place of the copy, as `status.destinations[]` shows it. */
  readonly destination: string;
  /** A word from a closed set, e.g. `synced`. */
  readonly state: string;
  /** Somebody should look at it: found again without going through all the others. */
  readonly unwell: boolean;
}

/** Counts of copies by destination and state. */
export type CopyCounts = Record<string, Record<string, number>>;

/** Remembers what was done. Losing it costs calls, never correctness. */
export interface Ledger<Entry extends LedgerEntry = LedgerEntry> {
  get(copies: readonly string[]): Promise<(Entry | null)[]>;
  /** Stores the entry and moves the sync's counters from the old state to the new one, atomically. */
  record(copy: string, entry: Entry): Promise<void>;
  /** Drops the entry and takes it out of the counters. */
  forget(copy: string): Promise<void>;
  /** Every copy of a sync that the ledger knows, page by page. */
  ofSync(sync: string): AsyncIterable<{ readonly copy: string; readonly entry: Entry }>;
  /** Those of them that are unwell. */
  unwellOf(sync: string): AsyncIterable<{ readonly copy: string; readonly entry: Entry }>;
  counts(sync: string): Promise<CopyCounts>;
  /** A small fact kept with a sync, e.g. the uuid of its mount; null = not known. */
  recall(sync: string, fact: string): Promise<string | null>;
  remember(sync: string, fact: string, value: string): Promise<void>;
  /** Forgets everything about a sync that is gone. */
  forgetSync(sync: string): Promise<void>;
}

/** Remembers deletions of the last minutes: how many of a sync's copies went, whoever deleted them. */
export interface DeletionLog {
  /**
   * Notes that these copies are about to be deleted: all of them, or none when the distinct copies noted within
   * `windowMs` would become more than `limit`. Noting a copy that is noted already costs nothing. Atomic.
   */
  admit(
    sync: string,
    options: { copies: readonly string[]; limit: number; windowMs: number; now: number },
  ): Promise<boolean>;
  /** Distinct copies noted within the last `windowMs`. */
  count(sync: string, options: { windowMs: number; now: number }): Promise<number>;
  /** Which copies those are. */
  noted(sync: string, options: { windowMs: number; now: number }): Promise<readonly string[]>;
}

/** What a bucket of calls holds. */
export interface Rate {
  /** Calls a second in the long run. */
  readonly perSecond: number;
  /** Calls that may be made at once. */
  readonly burst: number;
}

/** Token buckets that every process shares. A bucket is made when it is first asked; full. */
export interface Budgets {
  /**
   * Resolves when one call may be made. `backfill` leaves a part of the burst to others, so that events never wait
   * behind it. @throws when `signal` aborts, or the state cannot be reached
   */
  take(bucket: string, options: { rate: Rate; backfill: boolean; signal: AbortSignal }): Promise<void>;
  /**
   * The store said to slow down: nothing for `retryAfterMs`, then half of what the bucket gave before (never below a
   * hundredth of `rate`), growing back to `rate` within minutes.
   */
  slowDown(bucket: string, options: { rate: Rate; retryAfterMs: number | null }): Promise<void>;
}

/** Held by one worker at a time. */
export interface Lease {
  /** Aborts when the lease was lost; no write may start after that. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

export interface Leases {
  /** Takes every key at once or none, waiting up to `waitMs`; null when they could not be had. Renewed until released. */
  acquire(keys: readonly string[], options: { waitMs: number; signal?: AbortSignal }): Promise<Lease | null>;
}

/** Why something may be missing that the state had taken. */
export type StateLoss =
  /** It restarted, or a replica took over: the last writes may be missing, and the ledger may be a moment older. */
  | 'another server'
  /** Everything is gone. */
  | 'emptied'
  /** It threw keys away because it was full. */
  | 'evicted';

/** Whether what the state took is still there. */
export interface StateWatch {
  /** Calls back when something may be missing: only a look at everything finds what. The returned function ends it. */
  whenLost(listener: (loss: StateLoss) => void): () => void;
  /** True while the state is set up to throw keys away when it is full. */
  mayEvict(): boolean;
}

/** The operator's view of the shared state. */
export interface State<Entry extends LedgerEntry = LedgerEntry> {
  readonly jobs: Jobs;
  readonly interest: InterestBoard;
  readonly ledger: Ledger<Entry>;
  readonly leases: Leases;
  readonly deletions: DeletionLog;
  readonly budgets: Budgets;
  readonly watch: StateWatch;
  /** Rejects when the state cannot be reached now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The webhook's view: it can add jobs and read the interest, nothing else. */
export interface WebhookState {
  readonly inbox: JobInbox;
  readonly interest: InterestReader;
  readonly watch: StateWatch;
  ping(): Promise<void>;
  close(): Promise<void>;
}
