import { markNames, PremiseChanged, type TargetContext } from '../contract.ts';
import type { Calls } from './calls.ts';
import type { WireVersion } from './connection.ts';
import { planRetention, type RetentionPolicy } from './retention.ts';

/** First look after a write, as with state marks: a hundred writes of one secret in a minute cost one look. */
const intervalMs = 60_000;

/** GCP: versions may be enabled, disabled and destroyed once a second. All of it here takes turns, one step each second. */
export const stepMs = 1_000;

/** So many are destroyed before the secret is looked at again, for it may have got an alias meanwhile. */
const mostAtOnce = 20;

/** After a failure: what is missing (a permission) is not found within a minute. */
const afterFailureMs = 10 * 60_000;

/** A timer holds 24 days at most; sooner than that somebody may have changed versions by hand. */
const longestWaitMs = 12 * 60 * 60_000;

/** Whose versions, and which of them stay. */
export interface RetentionWish extends RetentionPolicy {
  readonly owner: string;
}

/**
 * Destroys old versions of copies that were written, on its own time. Nothing is remembered but that a secret is to be
 * looked at: after a restart the next write of the copy leads here again, and its listing tells all the rest.
 */
export interface OldVersions {
  add(name: string, wish: RetentionWish): void;
  /** The copy is gone, or its versions are not ours to destroy any more. */
  drop(name: string): void;
  /** Whether any secret is to be looked at. */
  isWaiting(): boolean;
  /** Ends what is under way; nothing more is destroyed. */
  close(): Promise<void>;
}

export interface OldVersionsOptions extends Pick<TargetContext<unknown>, 'schedule' | 'now'> {
  readonly calls: Pick<Calls, 'getSecret' | 'listVersions' | 'destroyVersion'>;
  report(error: unknown): void;
}

type Step = () => Promise<void>;

interface Waiting {
  wish: RetentionWish;
  /** Null while it has its turn. */
  timer: { cancel(): void } | null;
  /** Unix time in milliseconds of the timer. */
  dueAt: number;
  /** It was written while it had its turn. */
  isWritten: boolean;
}

export function createOldVersions({ calls, report, schedule, now }: OldVersionsOptions): OldVersions {
  const waiting = new Map<string, Waiting>();
  const steps: Step[] = [];
  const giveUp = new AbortController();
  const { signal } = giveUp;
  let running: Promise<void> | null = null;
  let pause: { cancel(): void } | null = null;

  function add(name: string, wish: RetentionWish): void {
    const entry = waiting.get(name) ?? { wish, timer: null, dueAt: 0, isWritten: false };
    const isNew = !waiting.has(name);
    entry.wish = wish;
    waiting.set(name, entry);
    // One that waits for a version's time looks sooner, and writes that follow each other do not put it off.
    if (isNew || (entry.timer && entry.dueAt > now() + intervalMs)) lookIn(name, intervalMs);
    else if (!entry.timer) entry.isWritten = true;
  }

  function drop(name: string): void {
    waiting.get(name)?.timer?.cancel();
    waiting.delete(name);
  }

  function lookIn(name: string, delayMs: number): void {
    const entry = waiting.get(name);
    if (!entry || signal.aborted) return;
    entry.timer?.cancel();
    const wait = Math.min(Math.max(delayMs, intervalMs), longestWaitMs);
    entry.dueAt = now() + wait;
    entry.timer = schedule(() => {
      entry.timer = null;
      take(() => look(name));
    }, wait);
  }

  function take(...more: readonly Step[]): void {
    steps.push(...more);
    if (running === null && pause === null) next();
  }

  /** One step, and then none for a second. */
  function next(): void {
    pause = null;
    const step = signal.aborted ? undefined : steps.shift();
    if (!step) return;
    pause = schedule(() => {
      pause = null;
      if (running === null) next();
    }, stepMs);
    running = step().finally(() => {
      running = null;
      if (pause === null) next();
    });
  }

  async function look(name: string): Promise<void> {
    const entry = waiting.get(name);
    if (!entry || entry.timer) return;
    const { wish } = entry;
    entry.isWritten = false;
    try {
      const secret = await calls.getSecret(name, signal);
      if (secret?.labels[markNames.owner] !== wish.owner) return drop(name);
      const aliased = new Set(Object.values(secret.versionAliases ?? {}).map(String));
      const versions = await calls.listVersions(name, signal);
      const { destroy, nextAt } = planRetention(versions, wish, { aliased, now: now() });
      const due = destroy.slice(0, mostAtOnce);
      if (due.length > 0) take(...due.map((version) => () => destroyOne(name, version)), async () => lookAgain(name));
      else if (entry.isWritten) lookIn(name, intervalMs);
      else if (nextAt !== null) lookIn(name, nextAt - now());
      else waiting.delete(name);
    } catch (error) {
      failed(name, error);
    }
  }

  /** After the destructions of one turn, unless one of them failed and has put it off. */
  function lookAgain(name: string): void {
    if (waiting.get(name)?.timer === null) lookIn(name, intervalMs);
  }

  async function destroyOne(name: string, version: WireVersion): Promise<void> {
    // A failure of one before it, or the removal of the copy, ended this turn.
    const entry = waiting.get(name);
    if (!entry || entry.timer) return;
    try {
      await calls.destroyVersion(name, version, signal);
    } catch (error) {
      failed(name, error);
    }
  }

  function failed(name: string, error: unknown): void {
    if (signal.aborted) return;
    // Somebody changed the version or the secret meanwhile: the next look tells.
    const isChanged = error instanceof PremiseChanged;
    if (!isChanged) report(error);
    lookIn(name, isChanged ? intervalMs : afterFailureMs);
  }

  return {
    add,
    drop,
    isWaiting: () => waiting.size > 0 || steps.length > 0,
    async close() {
      giveUp.abort();
      pause?.cancel();
      pause = null;
      for (const name of [...waiting.keys()]) drop(name);
      steps.length = 0;
      await running;
    },
  };
}
