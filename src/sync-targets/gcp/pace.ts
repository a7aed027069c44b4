import { setTimeout as pause } from 'node:timers/promises';

/** GCP: AddSecretVersion and UpdateSecret of one secret in a second, global or regional. The quotas of a minute follow. */
export const changesPerSecond = { global: 2, regional: 80 } as const;

const windowMs = 1_000;

/** While as many calls are under way as may be, and none has ended. */
const lookAgainMs = 50;

/**
 * Holds back changes of a secret that GCP would refuse for coming too fast. A secret that changes ten times a second is
 * read anew for each write, so that of ten values two are written, the last of them within a second.
 */
export interface Pace {
  /** Makes a call that changes this secret as soon as it may be made, or its signal aborts: the call tells of that. */
  keep<Result>(id: string, signal: AbortSignal, change: () => Promise<Result>): Promise<Result>;
}

interface Changes {
  underWay: number;
  /** When calls ended, in milliseconds; the oldest first. A call has arrived by then, however long it was on its way. */
  ended: number[];
}

export function createPace(perSecond: number): Pace {
  // The one that was changed last is the last.
  const secrets = new Map<string, Changes>();

  function changesOf(id: string): Changes {
    const since = performance.now() - windowMs;
    for (const [known, { underWay, ended }] of secrets) {
      if (underWay > 0 || (ended.at(-1) ?? 0) > since) break;
      secrets.delete(known);
    }
    const changes = secrets.get(id) ?? { underWay: 0, ended: [] };
    changes.ended = changes.ended.filter((time) => time > since);
    secrets.delete(id);
    secrets.set(id, changes);
    return changes;
  }

  return {
    async keep(id, signal, change) {
      let changes = changesOf(id);
      while (changes.underWay + changes.ended.length >= perSecond && !signal.aborted) {
        const [oldest] = changes.ended;
        const waitMs = oldest === undefined ? lookAgainMs : Math.max(0, oldest + windowMs - performance.now());
        await pause(waitMs, undefined, { signal }).catch(() => undefined);
        changes = changesOf(id);
      }
      changes.underWay += 1;
      try {
        return await change();
      } finally {
        changes.underWay -= 1;
        changes.ended.push(performance.now());
      }
    },
  };
}
