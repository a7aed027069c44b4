import type { FaultKind } from './stores.ts';

export const redisModes = ['standalone', 'sentinel', 'cluster'] as const;
export type RedisMode = (typeof redisModes)[number];
export type Role = 'webhook' | 'operator';
export type StoreName = 'aws' | 'azure' | 'gcp';

/** What can befall Redis; the last three a group of servers: its primary dies, hands over, or all of them are gone at once. */
export type RedisTrouble = 'restart' | 'freeze' | 'slow' | 'full' | 'evict' | 'empty' | 'die' | 'hand over' | 'gone';

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
  /** In the order of time. */
  readonly disturbances: readonly Disturbance[];
}

export const replicasOfRole = 3;

const inGroup: readonly RedisTrouble[] = ['die', 'hand over', 'gone', 'freeze', 'slow', 'full', 'evict', 'empty'];
const troubles: Readonly<Record<RedisMode, readonly RedisTrouble[]>> = {
  standalone: ['restart', 'freeze', 'slow', 'full', 'evict', 'empty'],
  sentinel: inGroup,
  cluster: inGroup,
};
/** By one of these nothing of Redis is left to work with: it may last for minutes. */
const outages: readonly RedisTrouble[] = ['restart', 'gone'];
/** Over as soon as they are done. */
const momentary: readonly RedisTrouble[] = ['empty', 'hand over'];
const faults: readonly FaultKind[] = ['throttle', 'hang', 'lose-answer', 'refuse'];
const stores: readonly StoreName[] = ['aws', 'azure', 'gcp'];

/** Milliseconds at the start and at the end in which nothing is disturbed, and in which what was mended is left alone. */
const calmMs = 2_000;
/** A run of so many milliseconds has an outage of Redis that lasts for minutes. */
const longRunMs = 300_000;

/**
 * Draws what goes wrong: in processes, in Redis and in stores, each from a deck of its own, so that one kind never waits for
 * another and they meet. Of a deck, every card comes up once before one comes up again; what befalls the same thing does not
 * overlap. A minute sees every trouble of Redis, and every third of it kills of webhooks, of operators and of two at once.
 * Pure: the same random numbers, the same plan.
 */
export function drawPlan(options: {
  readonly random: () => number;
  readonly forMs: number;
  readonly redis: RedisMode;
  /** Drawn where it is not given. */
  readonly sender?: Sender | undefined;
}): Plan {
  const { forMs, redis } = options;
  const chance = chanceOf(options.random);
  const { between, pick } = chance;
  const drawn: Sender = options.random() < 0.25 ? 'once' : 'again';
  const clocks = (['webhook', 'operator'] as const).map((role) => ({
    role,
    who: between(0, replicasOfRole - 1),
    offMs: pick([-1, 1]) * between(30_000, 600_000),
  }));
  const disturbances = [
    ...befallProcesses(chance, forMs),
    ...befallRedis(chance, forMs, troubles[redis]),
    ...befallStores(chance, forMs),
  ].sort((one, other) => one.at - other.at);
  return { sender: options.sender ?? drawn, clocks, disturbances };
}

/** Kills come every second time, and of two at once every fourth. */
function befallProcesses(chance: Chance, forMs: number): Disturbance[] {
  const deck = () => {
    const [one, other] = chance.shuffle(['webhook', 'operator'] as const) as [Role, Role];
    return [
      { kind: 'kill', role: one, count: 2 },
      { kind: 'pause', role: other, count: 1 },
      { kind: 'kill', role: other, count: 1 },
      { kind: 'restart', role: one, count: 1 },
      { kind: 'kill', role: other, count: 2 },
      { kind: 'pause', role: one, count: 1 },
      { kind: 'kill', role: one, count: 1 },
      { kind: 'restart', role: other, count: 1 },
    ] as const;
  };
  return deal({
    ...{ deck, chance, forMs },
    everyMs: [1_500, 2_500],
    play({ kind, role, count }, isFree) {
      const free = Array.from({ length: replicasOfRole }, (_, index) => index).filter((index) =>
        isFree(`${role} ${index}`),
      );
      if (free.length < count) return null;
      const who = chance.shuffle(free).slice(0, count).sort();
      // Frozen longer than leases and locks are held without a word.
      const lasts = chance.between(500, kind === 'pause' ? 12_000 : 3_000);
      return { what: { kind, role, who }, things: who.map((index) => `${role} ${index}`), lasts };
    },
  });
}

function befallStores(chance: Chance, forMs: number): Disturbance[] {
  const cards = stores.flatMap((store) => faults.map((fault) => ({ kind: 'store', store, fault }) as const));
  return deal({
    ...{ chance, forMs },
    deck: () => chance.shuffle(cards),
    everyMs: [2_000, 4_000],
    play: (what, isFree) =>
      isFree(what.store) ? { what, things: [what.store], lasts: chance.between(500, 6_000) } : null,
  });
}

/** One after the other, with little time between; all of them fit into a minute. */
function befallRedis(chance: Chance, forMs: number, all: readonly RedisTrouble[]): Disturbance[] {
  const { between } = chance;
  const longest = Math.max(Math.min(forMs / 10, 6_000), Math.min(forMs / 20, 30_000));
  const end = forMs - calmMs;
  const found: Disturbance[] = [];
  let cards: RedisTrouble[] = [];
  let wasGone = forMs < longRunMs;
  for (let at = calmMs + between(0, 1_000); at < end; at += between(500, 1_500)) {
    if (cards.length === 0) cards = chance.shuffle(all);
    const trouble = cards.shift() as RedisTrouble;
    const isLong = !wasGone && outages.includes(trouble);
    if (isLong) wasGone = true;
    const usual = momentary.includes(trouble) ? between(500, 1_500) : between(longest / 2, longest);
    const lasts = Math.min(isLong ? between(120_000, 150_000) : usual, end - at);
    found.push({ kind: 'redis', trouble, at, forMs: lasts });
    at += lasts;
  }
  return found;
}

/** Plays a deck over and over, a card from time to time; one that cannot be played yet lets the next go first. */
function deal<Card>(options: {
  readonly chance: Chance;
  readonly forMs: number;
  readonly deck: () => readonly Card[];
  /** Milliseconds from one card to the next, at least and at most. */
  readonly everyMs: readonly [number, number];
  /** What a card brings now, to which things, and for how many milliseconds; null when they are not free. */
  readonly play: (
    card: Card,
    isFree: (thing: string) => boolean,
  ) => { readonly what: What; readonly things: readonly string[]; readonly lasts: number } | null;
}): Disturbance[] {
  const { chance, forMs, deck, everyMs, play } = options;
  const end = forMs - calmMs;
  const found: Disturbance[] = [];
  const busyUntil = new Map<string, number>();
  let cards: Card[] = [];
  for (let at = calmMs + chance.between(0, 1_000); at < end; at += chance.between(...everyMs)) {
    if (cards.length === 0) cards = [...deck()];
    for (const [index, card] of cards.entries()) {
      const played = play(card, (thing) => (busyUntil.get(thing) ?? 0) <= at);
      if (!played) continue;
      cards.splice(index, 1);
      const lasts = Math.min(played.lasts, end - at);
      for (const thing of played.things) busyUntil.set(thing, at + lasts + calmMs);
      found.push({ ...played.what, at, forMs: lasts });
      break;
    }
  }
  return found;
}

interface Chance {
  /** A whole number. */
  between(least: number, most: number): number;
  pick<T>(items: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
}

function chanceOf(random: () => number): Chance {
  return {
    between: (least, most) => Math.round(least + random() * (most - least)),
    pick: <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T,
    shuffle: (items) =>
      items
        .map((item) => ({ item, order: random() }))
        .sort((one, other) => one.order - other.order)
        .map(({ item }) => item),
  };
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

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
