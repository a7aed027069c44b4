import type { KubernetesObject } from '../../src/kubernetes/contract.ts';
import type { ObjectSource, Page, WatchEvent } from '../../src/kubernetes/object-source.ts';

export interface Thing extends KubernetesObject {
  readonly colour: string;
}

export function thing(name: string, given: { uid?: string; version?: number; colour?: string } = {}): Thing {
  const { uid = `uid-${name}`, version = 1, colour = 'red' } = given;
  const creationTimestamp = '2026-01-01T00:00:00Z';
  return { colour, metadata: { namespace: 'ns', name, uid, resourceVersion: String(version), creationTimestamp } };
}

/** An API server in memory that does what each test tells it. */
export interface FakeSource extends ObjectSource<Thing> {
  /** What the next lists answer: pages, or an error. The last one answers all that follow. */
  readonly lists: (Page<Thing>[] | Error)[];
  /** What the next watches say before they end; `'open'` in the end = it stays open. When all are used up: open. */
  readonly watches: (readonly (WatchEvent<Thing> | 'open')[] | Error)[];
  /** What was asked for, in order: `list 2 null`, `watch 7`. */
  readonly asked: string[];
  /** Watches that are open now. */
  open: number;
}

export function page(items: Thing[], given: { version?: string; next?: string } = {}): Page<Thing> {
  return { items, resourceVersion: given.version ?? '100', next: given.next ?? null };
}

export function createFakeSource(given: Partial<Pick<FakeSource, 'lists' | 'watches'>>): FakeSource {
  const { lists = [[page([])]], watches = [] } = given;
  const source: FakeSource = {
    lists,
    watches,
    asked: [],
    open: 0,
    async list({ limit, next }, signal) {
      source.asked.push(`list ${limit} ${next}`);
      signal.throwIfAborted();
      const answer = lists[0];
      if (answer instanceof Error) {
        if (lists.length > 1) lists.shift();
        throw answer;
      }
      const index = next === null ? 0 : Number(next);
      const found = answer?.[index];
      if (!found) throw new Error(`no page ${next}`);
      if (found.next === null && lists.length > 1) lists.shift();
      return found;
    },
    async watch({ resourceVersion }, signal) {
      source.asked.push(`watch ${resourceVersion}`);
      const events = watches.shift() ?? ['open'];
      if (events instanceof Error) throw events;
      return say(events, signal);
    },
  };

  async function* say(events: readonly (WatchEvent<Thing> | 'open')[], signal: AbortSignal) {
    source.open += 1;
    try {
      for (const event of events) {
        if (event === 'open') await aborted(signal);
        else yield event;
      }
    } finally {
      source.open -= 1;
    }
  }
  return source;
}

/** Rejects when the signal aborts, as a stream does. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
