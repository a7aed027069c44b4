import { type IRedisClient, type Processor, Worker, type WorkerOptions } from 'bullmq';
import { SyncError } from '../../errors.ts';
import type { JobData } from './queue.ts';
import type { ServerClock } from './server-clock.ts';

/** A job's lock as this process sees it: on the clock that nobody sets, counted from before Redis was asked. */
interface HeldLock {
  readonly controller: AbortController;
  timer: NodeJS.Timeout;
}

interface LockedWorkerOptions extends WorkerOptions {
  readonly lockDuration: number;
  readonly clock: ServerClock;
}

/**
 * BullMQ's worker, with a signal per run that aborts before another worker can take the job: when Redis says that the lock
 * is not ours, and when no renewal has come back in time (Redis away or hanging), of which BullMQ itself says nothing.
 */
export class LockedWorker extends Worker<JobData> {
  readonly #locks = new Map<string, HeldLock>();
  readonly #lockMs: number;
  readonly #clock: ServerClock;
  #blocking: IRedisClient | undefined;

  constructor(name: string, processor: Processor<JobData>, options: LockedWorkerOptions) {
    const { clock, ...own } = options;
    super(name, processor, { ...own, autorun: false });
    this.#clock = clock;
    this.#lockMs = options.lockDuration;
    tellTimeBy(clock, this.getBackend() as unknown as Backend);
    this.getBackend()
      .blockingClient?.then((client) => {
        this.#blocking = client;
      })
      .catch(() => undefined);
  }

  /** The connection on which BullMQ waits for work, once it is there. */
  get blocking(): IRedisClient | undefined {
    return this.#blocking;
  }

  /** Watches the lock of a run that begins. `takenAt`: Unix time of Redis in milliseconds, when its lock was asked for. */
  watchLock(token: string, takenAt: number): AbortController {
    const controller = new AbortController();
    const age = Math.max(0, this.#clock.now() - takenAt);
    this.#locks.set(token, { controller, timer: this.#expireIn(controller, this.#lockMs - age) });
    return controller;
  }

  forgetLock(token: string): void {
    clearTimeout(this.#locks.get(token)?.timer);
    this.#locks.delete(token);
  }

  override async extendJobLocks(jobIds: string[], tokens: string[], duration: number): Promise<string[]> {
    const askedAt = performance.now();
    const refused = await super.extendJobLocks(jobIds, tokens, duration);
    for (const [index, token] of tokens.entries()) {
      const lock = this.#locks.get(token);
      if (lock === undefined) continue;
      clearTimeout(lock.timer);
      const left = refused.includes(jobIds[index] ?? '') ? 0 : duration - (performance.now() - askedAt);
      if (left > 0) lock.timer = this.#expireIn(lock.controller, left);
      else lock.controller.abort(lockLost());
    }
    return refused;
  }

  /** A twentieth early: a timer may be late. */
  #expireIn(controller: AbortController, ms: number): NodeJS.Timeout {
    return setTimeout(() => controller.abort(lockLost()), Math.max(0, ms - this.#lockMs / 20));
  }
}

/** As much of BullMQ's way to Redis as is changed here. */
interface Backend {
  execCommand(client: unknown, name: string, args: unknown[]): Promise<unknown>;
  waitForJob(seconds: number): Promise<{ readonly score: number } | null>;
}

/** Where in the arguments of BullMQ's scripts the time stands by which they wake delayed jobs: after their keys, the second. */
const timeAt: Readonly<Record<string, number>> = { moveToActive: 12, moveToFinished: 15 };

/** BullMQ goes by the clock of its process. The clock of Redis takes its place where replicas must agree: when a job is due. */
function tellTimeBy(clock: ServerClock, backend: Backend): void {
  const execCommand = backend.execCommand.bind(backend);
  const waitForJob = backend.waitForJob.bind(backend);
  backend.execCommand = async (client, name, args) => {
    const at = timeAt[name];
    if (at === undefined) return execCommand(client, name, args);
    const answer = await execCommand(client, name, args.with(at, clock.fromOwn(Number(args[at]))));
    // [job, id, rate limit, when the next delayed job is due]: that is compared with the process' own clock.
    if (!Array.isArray(answer) || !(Number(answer[3]) > 0)) return answer;
    return answer.with(3, clock.toOwn(Number(answer[3])));
  };
  backend.waitForJob = async (seconds) => {
    const marker = await waitForJob(seconds);
    // 0: there is work now.
    return marker && marker.score > 0 ? { ...marker, score: clock.toOwn(marker.score) } : marker;
  };
}

function lockLost(): SyncError {
  return new SyncError({
    remedy: 'Retry',
    reason: 'LockLost',
    message: 'the lock of this job was lost; the job runs again',
  });
}
