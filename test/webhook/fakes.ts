import { createLogger, type LogLevel } from '../../src/logging.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import type { Interest, InterestEntry, Job, NewJob, StateLoss, WebhookState } from '../../src/state/contract.ts';
import type { Clock } from '../../src/webhook/clock.ts';
import { startWebhook, systemClock, type Webhook, type WebhookSettings } from '../../src/webhook/index.ts';

/** A clock that stands until it is moved. */
export interface FakeClock extends Clock {
  /** Moves the time and runs what is due, letting pending promises go on in between. */
  advance(ms: number): Promise<void>;
  /** Timers that wait. */
  readonly waiting: number;
}

export function fakeClock(start = Date.parse('2026-03-01T12:00:10Z')): FakeClock {
  let now = start;
  const timers = new Set<{ at: number; run: () => void }>();
  return {
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= end).sort((left, right) => left.at - right.at)[0];
        if (!due) break;
        timers.delete(due);
        now = Math.max(now, due.at);
        due.run();
        await settle();
      }
      now = end;
    },
    get waiting() {
      return timers.size;
    },
  };
}

/** Lets promises that are ready go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits until something is so; fails after half a minute, for a machine may have little time for us. */
export async function eventually(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface FakeState extends WebhookState {
  /** What the queue took, in order. */
  readonly added: NewJob[];
  /** How many times jobs were handed in, whether or not they were taken. */
  calls: number;
  /** `refusing` and `silent`: as a Redis that is down, and as one behind a dead connection. */
  mode: 'up' | 'refusing' | 'silent';
  waiting: number;
  publish(interest: Interest | null): void;
  watchers: number;
  /** As a Redis that came back without what it had taken. */
  lose(): void;
}

export function fakeState(interest: Interest | null = interestIn()): FakeState {
  let published = interest;
  const watchers = new Set<() => void>();
  const losers = new Set<(loss: StateLoss) => void>();
  const reach = async (): Promise<void> => {
    if (state.mode === 'refusing') throw new Error('connection refused by redis.example.com');
    if (state.mode === 'silent') await new Promise(() => undefined);
  };
  const state: FakeState = {
    added: [],
    calls: 0,
    mode: 'up',
    waiting: 0,
    watchers: 0,
    publish(next) {
      published = next;
      for (const changed of watchers) changed();
    },
    inbox: {
      async add(jobs) {
        state.calls += 1;
        await reach();
        state.added.push(...jobs);
      },
      async pending() {
        await reach();
        return state.waiting;
      },
    },
    interest: {
      async read() {
        await reach();
        return published;
      },
      async watch(changed) {
        await reach();
        watchers.add(changed);
        state.watchers = watchers.size;
        return async () => {
          watchers.delete(changed);
          state.watchers = watchers.size;
        };
      },
    },
    watch: {
      whenLost(listener) {
        losers.add(listener);
        return () => losers.delete(listener);
      },
      mayEvict: () => false,
    },
    lose() {
      for (const listener of losers) listener('another server');
    },
    ping: reach,
    close: async () => undefined,
  };
  return state;
}

/** An interest in everything in the mount `secret` of the Vault `main`, unless said otherwise. */
export function interestIn(
  entries: readonly Partial<InterestEntry>[] = [{}],
  kvVersions: Interest['kvVersions'] = { '["main","","secret"]': 2 },
): Interest {
  return {
    format: 1,
    revision: 1,
    entries: entries.map((entry) => ({
      vault: 'main',
      namespace: '',
      mount: 'secret',
      literal: null,
      prefix: '',
      pattern: entry.literal === undefined ? '.*' : null,
      ...entry,
    })),
    kvVersions,
  };
}

/** Jobs as short texts: the kind, then what it is about. */
export function jobsOf(added: readonly NewJob[]): string[] {
  return added.map(({ job }) => jobText(job));
}

function jobText(job: Job): string {
  if (job.kind === 'path') return `path ${job.vault} ${job.namespace} ${job.mount} ${job.name}`;
  if (job.kind === 'mount') return `mount ${job.vault} ${job.namespace} ${job.mount}`;
  return job.kind;
}

export interface World {
  readonly state: FakeState;
  readonly metrics: Metrics;
  readonly webhook: Webhook;
  /** Everything that was logged. */
  readonly logged: string[];
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly tcpPort: number;
  readonly clock: Clock;
  count(metric: 'auditEntries' | 'jobsQueued' | 'ingestRefused', labels: Record<string, string>): Promise<number>;
}

export const TOKEN = 'a-token-of-a-sender';

/** A webhook that listens on loopback, with a fake state behind it; the reconcile that its start asks for is over. */
export async function startWorld(
  options: { settings?: Partial<WebhookSettings>; state?: FakeState; clock?: Clock; level?: LogLevel } = {},
): Promise<World> {
  const state = options.state ?? fakeState();
  const metrics = createMetrics({ withProcess: false });
  const logged: string[] = [];
  const destination = { write: (line: string) => logged.push(line) };
  const clock = options.clock ?? systemClock;
  const webhook = await startWebhook({
    settings: {
      http: { host: '127.0.0.1', port: 0 },
      tcp: [{ host: '127.0.0.1', port: 0, vault: 'main' }],
      tokens: [{ token: TOKEN }],
      allowUnauthenticated: false,
      limits: {},
      vaults: [{ name: 'main', address: 'https://vault.example.com:8200', aliases: [] }],
      ...options.settings,
    },
    state,
    metrics,
    logger: createLogger({ level: options.level ?? 'debug', destination }),
    clock,
  });
  if (state.mode === 'up') await eventually(() => state.added.length > 0, 'the reconcile at the start');
  state.added.splice(0);
  state.calls = 0;
  return {
    state,
    metrics,
    webhook,
    logged,
    clock,
    url: `http://127.0.0.1:${webhook.httpAddress?.port}`,
    tcpPort: webhook.tcpAddresses[0]?.port ?? 0,
    async count(metric, labels) {
      const { values } = await metrics[metric].get();
      const matching = values.filter((value) =>
        Object.entries(labels).every(([key, label]) => value.labels[key as keyof typeof value.labels] === label),
      );
      return matching.reduce((sum, { value }) => sum + value, 0);
    },
  };
}

export type Headers = Record<string, string>;

export const bearer: Headers = { Authorization: `Bearer ${TOKEN}` };

/** Sends a body to `/events`, by default with a token that is let in. */
export function postEvents(
  world: World,
  body: string | Buffer,
  headers: Headers = bearer,
  path = '/events',
): Promise<Response> {
  return fetch(`${world.url}${path}`, { method: 'POST', body, headers, redirect: 'manual' });
}
