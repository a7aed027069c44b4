import { type Job as BullJob, DelayedError, type Queue, UnrecoverableError, WaitingError } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '../../logging.ts';
import type { Consumer, Heard, Job, JobOutcome, JobRun } from '../contract.ts';
import { jobKey } from '../contract.ts';
import { afterThrow, closingForGood } from '../failures.ts';
import { settledWithin } from '../settled.ts';
import { disconnect } from './connection.ts';
import { jobIn } from './job-data.ts';
import { beginRun, keptMs, settleRun } from './job-scripts.ts';
import { idOf, type Keys, queueName } from './keys.ts';
import type { JobData } from './queue.ts';
import type { ServerClock } from './server-clock.ts';
import { LockedWorker } from './worker.ts';

export interface ConsumerTimings {
  /** How long a job's lock lasts without renewal, in milliseconds. A crashed process' jobs run elsewhere after that. */
  readonly lockMs: number;
  /** How often abandoned jobs are looked for, in milliseconds. */
  readonly stalledMs: number;
  /** How long a closing consumer waits, in milliseconds, for runs that it aborted. */
  readonly abortGraceMs: number;
}

export interface RedisConsumerOptions {
  readonly concurrency: number;
  readonly run: (run: JobRun) => Promise<JobOutcome>;
  /** A patient connection for this consumer alone, which closes it. */
  readonly client: Redis;
  readonly clock: ServerClock;
  readonly queue: Queue<JobData>;
  readonly keys: Keys;
  readonly timings: ConsumerTimings;
  readonly deadLetters: number;
  readonly log: Logger;
  readonly closed: () => void;
}

/** A run whose process dies this often is poison: it becomes a dead letter. */
const crashesAllowed = 10;

/** What was known of a key when its run began. */
interface Beginning {
  readonly id: string;
  readonly asked: string;
  readonly heard: Heard | null;
}

/** Thrown to BullMQ: this job is a dead letter. */
class DeadError extends UnrecoverableError {}

/** Runs jobs from BullMQ, and tells it how they ended. */
export class RedisConsumer implements Consumer {
  readonly #options: RedisConsumerOptions;
  readonly #worker: LockedWorker;
  /** Runs by their lock's token, from the moment BullMQ hands them over until our part is done. */
  readonly #running = new Map<string, { readonly settled: Promise<void>; readonly abort: AbortController }>();
  readonly #beginnings = new WeakMap<BullJob<JobData>, Beginning>();
  /** What goes on after BullMQ has settled a run. */
  readonly #afterwards = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(options: RedisConsumerOptions) {
    this.#options = options;
    const { client, clock, keys, timings, concurrency, deadLetters, log } = options;
    this.#worker = new LockedWorker(queueName, (job, token = '') => this.#process(job, token), {
      connection: client,
      clock,
      prefix: keys.root,
      concurrency,
      lockDuration: timings.lockMs,
      stalledInterval: timings.stalledMs,
      maxStalledCount: crashesAllowed,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: deadLetters, age: keptMs / 1000 },
      // Seconds to block for; should a wake-up be lost with a process, a job waits no longer than this.
      drainDelay: 1,
      runRetryDelay: 1000,
    });
    this.#worker.on('error', (err) => log.debug({ err }, 'the queue’s worker met an error'));
    this.#worker.on('completed', (job) => this.#finished(job));
    this.#worker.on('failed', (job, error) => this.#failed(job, error));
    this.#worker.run().catch((err: unknown) => log.error({ err }, 'the queue’s worker ended'));
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #process(job: BullJob<JobData>, token: string): Promise<void> {
    const abort = this.#worker.watchLock(token, job.processedOn ?? this.#options.clock.now());
    const run = this.#run(job, token, abort);
    const settled = run.then(
      () => undefined,
      () => undefined,
    );
    this.#running.set(token, { settled, abort });
    try {
      await run;
    } finally {
      this.#running.delete(token);
      this.#worker.forgetLock(token);
    }
  }

  async #run(bull: BullJob<JobData>, token: string, { signal }: AbortController): Promise<void> {
    if (this.#closing !== undefined) return this.#handBack(bull, token);
    const job = jobIn(bull.data);
    if (job === null) throw new DeadError('no job: Redis threw away what it held, or somebody else writes here');
    const beginning = await this.#begin(bull, job);
    const outcome = await this.#outcomeOf({
      job,
      attempt: bull.attemptsMade + 1,
      ...(bull.stalledCounter > 0 ? { resumed: true as const } : {}),
      heard: beginning.heard,
      signal,
    });
    if (signal.aborted && outcome.outcome !== 'done' && this.#closing !== undefined) return this.#handBack(bull, token);
    // The lock is gone, and with it the right to say how it ended.
    if (signal.aborted && this.#closing === undefined) throw new DelayedError();
    switch (outcome.outcome) {
      case 'done':
        return;
      case 'retry':
        return this.#retry(bull, token, outcome);
      case 'dead':
        // Before BullMQ's own step, after which the key's next run may begin and look for the letter.
        await this.#rememberLetter(bull, beginning.id);
        throw new DeadError(outcome.reason);
      default: {
        const never: never = outcome;
        return never;
      }
    }
  }

  async #begin(bull: BullJob<JobData>, job: Job): Promise<Beginning> {
    const { client, keys, queue } = this.#options;
    const id = idOf(jobKey(job));
    const known = (await beginRun(client, [keys.heard(id), keys.letter(id)], [])) as string[];
    const [asked = '', version = '', versionAt = '', lowest = '', at = '', letter = ''] = known;
    const heard = heardFrom({ version, versionAt, lowest, at });
    const beginning = { id, asked, heard };
    this.#beginnings.set(bull, beginning);
    if (letter !== '' && letter !== bull.id) this.#later(queue.remove(letter));
    return beginning;
  }

  async #outcomeOf(run: JobRun): Promise<JobOutcome> {
    try {
      return await this.#options.run(run);
    } catch (error) {
      this.#options.log.error({ err: error, job: run.job.kind }, 'a job failed unexpectedly');
      return afterThrow;
    }
  }

  async #retry(bull: BullJob<JobData>, token: string, outcome: JobOutcome & { outcome: 'retry' }): Promise<never> {
    const delayMs = Math.max(1, Math.ceil(outcome.delayMs));
    const backend = this.#worker.getBackend();
    const now = this.#options.clock.now();
    await backend.moveToDelayed(bull.id ?? '', now, delayMs, token, { skipAttempt: !outcome.countsAsAttempt });
    await this.#settle(bull, false);
    throw new DelayedError();
  }

  async #handBack(bull: BullJob<JobData>, token: string): Promise<never> {
    await bull.moveToWait(token);
    throw new WaitingError();
  }

  #finished(bull: BullJob<JobData>): void {
    this.#later(this.#settle(bull, true));
  }

  /** Also for what BullMQ fails itself, without asking us: a job whose processes keep dying. */
  #failed(bull: BullJob<JobData> | undefined, error: Error): void {
    if (bull?.finishedOn === undefined) return;
    this.#later(this.#settle(bull, true));
    const job = jobIn(bull.data);
    if (job !== null && !(error instanceof DeadError)) this.#later(this.#rememberLetter(bull, idOf(jobKey(job))));
  }

  async #settle(bull: BullJob<JobData>, last: boolean): Promise<void> {
    const beginning = this.#beginnings.get(bull);
    if (beginning === undefined) return;
    const { client, keys } = this.#options;
    const { id, asked } = beginning;
    const at = [keys.heard(id), keys.holder(id), keys.next(id), keys.queue('delayed'), keys.queue('marker')];
    await settleRun(client, at, [asked, last ? 1 : 0]);
  }

  async #rememberLetter(bull: BullJob<JobData>, id: string): Promise<void> {
    const { client, keys } = this.#options;
    await client.set(keys.letter(id), bull.id ?? '', 'PX', keptMs);
  }

  /** For work that nobody waits for: its failure costs tidiness, not correctness. */
  #later(work: Promise<unknown>): void {
    const done = work
      .then(() => undefined)
      .catch((err: unknown) => this.#options.log.debug({ err }, 'could not tidy up after a run'))
      .finally(() => this.#afterwards.delete(done));
    this.#afterwards.add(done);
  }

  async #close(graceMs: number): Promise<void> {
    const { timings, client, closed } = this.#options;
    await this.#worker.pause(true);
    let ended = await settledWithin(this.#settling(), graceMs);
    if (!ended) {
      for (const { abort } of this.#running.values()) abort.abort(closingForGood());
      ended = await settledWithin(this.#settling(), timings.abortGraceMs);
    }
    await this.#closeWorker(ended);
    await settledWithin(this.#afterwards, timings.abortGraceMs);
    for (const token of this.#running.keys()) this.#worker.forgetLock(token);
    await disconnect(client);
    closed();
  }

  /** BullMQ's own way of closing waits for ever: for a Redis that is away, and for runs that do not end. */
  async #closeWorker(ended: boolean): Promise<void> {
    const { client, timings } = this.#options;
    const { blocking } = this.#worker;
    // By force where it waits for a first connection, or for a run that does not heed its signal. Such a run keeps its lock
    // until that ends by itself: better late elsewhere than twice at once.
    const closing = this.#worker.close(!ended || blocking === undefined);
    if (await settledWithin([closing], timings.abortGraceMs)) return;
    const connections = blocking === undefined ? [client] : [blocking, client];
    await settledWithin([closing, ...connections.map(disconnect)], timings.abortGraceMs);
  }

  #settling(): Promise<void>[] {
    return [...this.#running.values()].map(({ settled }) => settled);
  }
}

/** What Redis keeps as text; '' = nothing. */
function heardFrom(told: { version: string; versionAt: string; lowest: string; at: string }): Heard | null {
  const { version, versionAt, lowest, at } = told;
  if (at === '') return null;
  if (version === '') return { version: null, at: Number(at) };
  return {
    version: Number(version),
    at: Number(at),
    ...(versionAt === at ? {} : { versionAt: Number(versionAt) }),
    ...(lowest === '' || lowest === version ? {} : { lowest: Number(lowest) }),
  };
}
