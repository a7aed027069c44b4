import { type IRedisClient, type Processor, Worker, type WorkerOptions } from 'bullmq';
import { SyncError } from '../../errors.ts';
import type { JobData } from './queue.ts';

/** A job's lock as this process sees it: on the clock that nobody sets, counted from before Redis was asked. */
interface HeldLock {
  readonly controller: AbortController;
  timer: NodeJS.Timeout;
}

/**
 * BullMQ's worker, with a signal per run that aborts before another worker can take the job: when Redis says that the lock
 * is not ours, and when no renewal has come back in time (Redis away or hanging), of which BullMQ itself says nothing.
 */
export class LockedWorker extends Worker<JobData> {
  readonly #locks = new Map<string, HeldLock>();
  readonly #lockMs: number;
  #blocking: IRedisClient | undefined;

  constructor(name: string, processor: Processor<JobData>, options: WorkerOptions & { lockDuration: number }) {
    super(name, processor, { ...options, autorun: false });
    this.#lockMs = options.lockDuration;
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

  /** Watches the lock of a run that begins. `takenAt`: Unix time in milliseconds, when its lock was asked for. */
  watchLock(token: string, takenAt: number): AbortController {
    const controller = new AbortController();
    const age = Math.max(0, Date.now() - takenAt);
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

function lockLost(): SyncError {
  return new SyncError({
    remedy: 'Retry',
    reason: 'LockLost',
    message: 'the lock of this job was lost; the job runs again',
  });
}
