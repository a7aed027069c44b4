import { setTimeout as sleep } from 'node:timers/promises';
import type { KubernetesObject } from './contract.ts';
import { failureOf } from './failure.ts';
import type { ObjectSource } from './object-source.ts';
import type { Change, ObjectStore } from './object-store.ts';

/** How patient a follower is. Milliseconds, where nothing else is said. */
export interface FollowTimes {
  /** Objects in a page of a list. */
  readonly pageSize: number;
  /** Until one page, or the agreement to a watch, is given up. */
  readonly answerLimitMs: number;
  /** Until a watch that says nothing is given up. The API server sends a bookmark about once a minute. */
  readonly silenceLimitMs: number;
  /** Seconds after which the API server ends a watch: between this and half as much again, so that not all end at once. */
  readonly watchSeconds: number;
  readonly firstRetryMs: number;
  readonly lastRetryMs: number;
}

export const usualTimes: FollowTimes = {
  pageSize: 500,
  answerLimitMs: 30_000,
  silenceLimitMs: 150_000,
  watchSeconds: 240,
  firstRetryMs: 250,
  // Few replicas ask, and until they are answered changed manifests wait.
  lastRetryMs: 5_000,
};

export interface FollowOptions<Kind extends KubernetesObject> {
  readonly source: ObjectSource<Kind>;
  readonly store: ObjectStore<Kind>;
  /** The store has these already. Must not throw. */
  readonly onChanges: (changes: readonly Change<Kind>[]) => void;
  /** After each complete list. */
  readonly onListed: () => void;
  /** Why nothing is heard, or null once something can be heard again. */
  readonly onProblem: (problem: { readonly verb: 'list' | 'watch'; readonly error: unknown } | null) => void;
  readonly times: FollowTimes;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
  readonly stop: AbortSignal;
}

/**
 * Keeps a store equal to what the API server holds, until it is stopped.
 *
 * A round lists everything, unless the version that was heard last is known, and watches from there. The round ends when the server
 * ends the watch (it is told to, every few minutes), when the connection breaks, or when it falls silent. The next one goes on from the
 * version heard last; if the server no longer has that version (410), or anything else is odd, it lists again. A round in which
 * nothing was heard is a failure, and failures in a row are waited for longer and longer: a server that ends every watch at once is
 * not asked a thousand times a second.
 */
export async function follow<Kind extends KubernetesObject>(options: FollowOptions<Kind>): Promise<void> {
  const { stop, times, random } = options;
  let from: string | null = null;
  let failures = 0;
  while (!stop.aborted) {
    const round: Round = await runRound(options, from);
    from = round.from;
    failures = round.heard ? 0 : failures + 1;
    if (failures === 0) continue;
    const delay = Math.max(backoffMs({ failures, times, random: random() }), round.retryAfterMs);
    await sleep(delay, undefined, { signal: stop }).catch(() => undefined);
  }
}

/** Milliseconds to wait after so many failures in a row: doubled each time, and up to half of it left to chance. */
export function backoffMs(given: { failures: number; times: FollowTimes; random: number }): number {
  const { failures, times, random } = given;
  const full = Math.min(times.lastRetryMs, times.firstRetryMs * 2 ** (failures - 1));
  return full * (1 - random / 2);
}

interface Round {
  /** Version to watch from next; null = list again. */
  readonly from: string | null;
  readonly heard: boolean;
  /** What the server asked for; 0 when it did not. */
  readonly retryAfterMs: number;
}

async function runRound<Kind extends KubernetesObject>(
  options: FollowOptions<Kind>,
  knownVersion: string | null,
): Promise<Round> {
  const { stop, onProblem } = options;
  const progress = { from: knownVersion, heard: false };
  try {
    progress.from ??= await relist(options);
    await watch(options, progress);
    return { ...progress, retryAfterMs: 0 };
  } catch (error) {
    if (!stop.aborted) onProblem({ verb: progress.from === null ? 'list' : 'watch', error });
    const { status, retryAfterMs } = failureOf(error);
    return { ...progress, from: canGoOn(error, status) ? progress.from : null, retryAfterMs: retryAfterMs ?? 0 };
  }
}

/** After a refusal or a broken connection the version is as good as before. After silence or nonsense nothing is certain. */
function canGoOn(error: unknown, status: number | null): boolean {
  if (status !== null) return status !== 410;
  return !(error instanceof Silence) && !(error instanceof SyntaxError);
}

class Silence extends Error {
  readonly code = 'SILENCE';
}

/** Lists everything and tells what is different. @returns the version of the list */
async function relist<Kind extends KubernetesObject>(options: FollowOptions<Kind>): Promise<string> {
  const { store, onChanges, onListed, stop, times } = options;
  const { objects, version } = await listAll(options, times.pageSize).catch((error: unknown) => {
    // The pages are of one moment, and the server has forgotten it: take everything at once.
    if (failureOf(error).status === 410) return listAll(options, 0);
    throw error;
  });
  stop.throwIfAborted();
  onChanges(store.replace(objects));
  onListed();
  return version;
}

async function listAll<Kind extends KubernetesObject>(
  { source, stop, times }: FollowOptions<Kind>,
  limit: number,
): Promise<{ objects: Kind[]; version: string }> {
  const objects: Kind[] = [];
  let next: string | null = null;
  for (;;) {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(times.answerLimitMs)]);
    const page: Awaited<ReturnType<typeof source.list>> = await source.list({ limit, next }, signal);
    objects.push(...page.items);
    if (page.next === null) return { objects, version: page.resourceVersion };
    next = page.next;
  }
}

/** Watches until the server ends it. @throws whatever ends it otherwise */
async function watch<Kind extends KubernetesObject>(
  options: FollowOptions<Kind>,
  progress: { from: string | null; heard: boolean },
): Promise<void> {
  const { source, store, onChanges, onProblem, stop, times } = options;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(new Silence()), times.answerLimitMs);
  try {
    const timeoutSeconds = Math.round(times.watchSeconds * (1 + options.random() / 2));
    const signal = AbortSignal.any([stop, silence.signal]);
    const events = await source.watch({ resourceVersion: progress.from ?? '', timeoutSeconds }, signal);
    onProblem(null);
    const openedAt = options.now();
    const listen = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(new Silence()), times.silenceLimitMs);
    };
    listen();
    for await (const event of events) {
      stop.throwIfAborted();
      if (event.type === 'ERROR') {
        // Usually 410; whatever it is, nothing that follows would be complete.
        progress.from = null;
        return;
      }
      listen();
      progress.from = event.object.metadata.resourceVersion;
      progress.heard = true;
      if (event.type !== 'BOOKMARK') {
        onChanges(event.type === 'DELETED' ? store.remove(event.object) : store.put(event.object));
      }
    }
    // A quiet watch that was held open for a while is no failure.
    progress.heard ||= options.now() - openedAt >= 1000;
  } catch (error) {
    if (silence.signal.aborted) throw silence.signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    // Whoever leaves the loop early leaves no connection behind.
    silence.abort();
  }
}
