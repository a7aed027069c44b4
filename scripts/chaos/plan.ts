import type { FaultKind } from './stores.ts';

export const redisModes = ['standalone', 'sentinel', 'cluster'] as const;
export type RedisMode = (typeof redisModes)[number];
export type Role = 'webhook' | 'operator';
export type StoreName = 'aws' | 'azure' | 'gcp';

/** What can befall Redis; a failover takes one that has replicas. */
export type RedisTrouble = 'restart' | 'freeze' | 'slow' | 'full' | 'evict' | 'empty' | 'die' | 'hand over';

/** How entries get from Vault's audit file to a webhook. */
export type Sender =
  /** Posts a batch until it is taken, as shippers do. */
  | 'again'
  /** Posts each entry once, as OpenBao's `http` device does. */
  | 'once';

type What =
  | { readonly kind: 'kill' | 'pause' | 'restart'; readonly role: Role; readonly who: readonly number[] }
  | { readonly kind: 'redis'; readonly trouble: RedisTrouble }
  | { readonly kind: 'store'; readonly store: StoreName; readonly fault: FaultKind };

/** Something that goes wrong at a time, and is mended after another; both in milliseconds. */
export type Disturbance = What & { readonly at: number; readonly forMs: number };

/** All that the seed decides. */
export interface Plan {
  readonly sender: Sender;
  /** One of each role whose clock is off, and by how many milliseconds. */
  readonly clocks: readonly { readonly role: Role; readonly who: number; readonly offMs: number }[];
  readonly disturbances: readonly Disturbance[];
}

export const replicasOfRole = 3;

const troubles: Readonly<Record<RedisMode, readonly RedisTrouble[]>> = {
  standalone: ['restart', 'freeze', 'slow', 'full', 'evict', 'empty'],
  sentinel: ['die', 'hand over', 'freeze', 'slow', 'full', 'empty'],
  cluster: ['die', 'hand over', 'freeze', 'slow', 'full', 'empty'],
};
const faults: readonly FaultKind[] = ['throttle', 'hang', 'lose-answer', 'refuse'];
const stores: readonly StoreName[] = ['aws', 'azure', 'gcp'];

/** Milliseconds at the start and at the end in which nothing is disturbed. */
const calmMs = 2_000;

/**
 * Draws what goes wrong. Every kind comes up once before one comes up again; what befalls the same thing does not overlap.
 * A tenth of the time, at least, may pass with Redis gone. Pure: the same random numbers, the same plan.
 */
export function drawPlan(options: {
  readonly random: () => number;
  readonly forMs: number;
  readonly redis: RedisMode;
  /** Drawn where it is not given. */
  readonly sender?: Sender | undefined;
}): Plan {
  const { random, forMs, redis } = options;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const between = (least: number, most: number) => Math.round(least + random() * (most - least));
  const drawn: Sender = random() < 0.25 ? 'once' : 'again';
  const clocks = (['webhook', 'operator'] as const).map((role) => ({
    role,
    who: between(0, replicasOfRole - 1),
    offMs: pick([-1, 1]) * between(30_000, 600_000),
  }));

  const someOf = (count: number) => shuffle([0, 1, 2], random).slice(0, count).sort();
  const deck = (): What[] =>
    shuffle(
      [
        ...(['webhook', 'operator'] as const).flatMap((role): What[] => [
          { kind: 'kill', role, who: someOf(1) },
          { kind: 'kill', role, who: someOf(2) },
          { kind: 'pause', role, who: someOf(1) },
          { kind: 'restart', role, who: someOf(1) },
        ]),
        ...stores.map((store): What => ({ kind: 'store', store, fault: pick(faults) })),
        ...troubles[redis].map((trouble): What => ({ kind: 'redis', trouble })),
      ],
      random,
    );

  const disturbances: Disturbance[] = [];
  const busyUntil = new Map<string, number>();
  const end = forMs - calmMs;
  let cards: What[] = [];
  for (let at = calmMs + between(0, 1_000); at < end; at += between(1_000, 3_500)) {
    if (cards.length === 0) cards = deck();
    const index = cards.findIndex((what) => thingsOf(what).every((thing) => (busyUntil.get(thing) ?? 0) <= at));
    const [what] = index < 0 ? [] : cards.splice(index, 1);
    if (!what) continue;
    const lasts = Math.min(between(500, longestOf(what, forMs)), end - at);
    for (const thing of thingsOf(what)) busyUntil.set(thing, at + lasts + calmMs);
    disturbances.push({ ...what, at, forMs: lasts });
  }
  return { sender: options.sender ?? drawn, clocks, disturbances };
}

/** In words, e.g. `  12.3 s  operators 0 and 2 killed, back after 1.5 s`. */
export function describeDisturbance(disturbance: Disturbance): string {
  const after = seconds(disturbance.forMs);
  return `${seconds(disturbance.at).padStart(8)}  ${wordsOf(disturbance)} (${after})`;
}

function wordsOf(what: What): string {
  switch (what.kind) {
    case 'kill':
    case 'pause':
    case 'restart': {
      const doing = { kill: 'SIGKILL', pause: 'SIGSTOP', restart: 'SIGTERM' }[what.kind];
      return `${doing} to ${what.role} ${what.who.join(' and ')}`;
    }
    case 'redis':
      return `Redis: ${what.trouble}`;
    case 'store':
      return `${what.store}: ${what.fault}`;
    default: {
      const never: never = what;
      return never;
    }
  }
}

/** What must not be disturbed in two ways at once. */
function thingsOf(what: What): string[] {
  switch (what.kind) {
    case 'redis':
      return ['redis'];
    case 'store':
      return [what.store];
    case 'kill':
    case 'pause':
    case 'restart':
      return what.who.map((index) => `${what.role} ${index}`);
    default: {
      const never: never = what;
      return never;
    }
  }
}

function longestOf({ kind }: What, forMs: number): number {
  if (kind === 'redis') return Math.max(4_000, Math.min(150_000, forMs / 4));
  // Longer than leases and locks are held without a word.
  return kind === 'pause' ? 12_000 : 6_000;
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .sort((one, other) => one.order - other.order)
    .map(({ item }) => item);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
