import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subscription, type SubscriptionSettings } from '../../../src/webhook/subscriptions/subscription.ts';
import { startVaultEvents, type VaultEvents, type VaultEventsOptions } from '../../stand-ins/vault-events/start.ts';
import { eventually } from '../fakes.ts';
import { closeInsides, type Inside, startInside } from '../inside.ts';

export const TOKEN = 'hvs.a-token-that-may-subscribe';
export const mayHearAll = { read: ['kv*'], subscribe: ['*'] };

/** A Vault that notifies, and one who hears it; the clock stands until it is moved. */
export interface World {
  readonly inside: Inside;
  readonly events: VaultEvents;
  readonly subscription: Subscription;
  readonly tokenFile: string;
  /** Everything that was said, as one text. */
  said(): string;
  malformed(): Promise<number>;
  subscribed(): Promise<number>;
  /** Moves the clock in steps until something is so. */
  until(check: () => boolean | Promise<boolean>, what: string): Promise<void>;
}

const folders: string[] = [];
const closers: (() => Promise<void>)[] = [];

export async function startSubscribed(
  options: {
    settings?: Partial<SubscriptionSettings>;
    events?: Partial<VaultEventsOptions>;
    /** What is in the file at first. */
    token?: string;
    /** The first try does not come as far as to Vault. */
    asksNobody?: boolean;
    before?: (events: VaultEvents) => void;
  } = {},
): Promise<World> {
  const events = await startVaultEvents({ tokens: { [TOKEN]: mayHearAll }, ...options.events });
  closers.push(() => events.stop());
  options.before?.(events);
  const inside = await startInside();
  const folder = await mkdtemp(join(tmpdir(), 'vss-subscriptions-'));
  folders.push(folder);
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${options.token ?? TOKEN}\n`);
  const notices: unknown[] = [];
  const starting = Subscription.start({
    ...{ vault: 'main', address: events.address, tokenFile },
    ...options.settings,
    ...{ ingest: inside.ingest, requests: inside.requests, metrics: inside.metrics, clock: inside.clock },
    random: () => 0.5,
    notify: (notice) => void notices.push(notice),
  });
  let started = false;
  void starting.then(() => {
    started = true;
  });
  const until: World['until'] = (check, what) =>
    eventually(async () => {
      if (await check()) return true;
      await inside.clock.advance(250);
      return false;
    }, what);
  // A real Vault answers in its own time, by which the clock must still stand.
  await eventually(() => started || events.requests.length > 0 || options.asksNobody === true, 'the first try');
  await until(() => started, 'the start');
  const subscription = await starting;
  closers.push(() => subscription.close());
  const sampleOf = async (metric: 'auditEntries' | 'eventSubscriptions', labels: Record<string, string>) => {
    const { values } = await inside.metrics[metric].get();
    return (
      values.find(({ labels: found }) => Object.entries(labels).every(([key, value]) => Object(found)[key] === value))
        ?.value ?? 0
    );
  };
  return {
    ...{ inside, events, subscription, tokenFile, until },
    said: () => JSON.stringify(notices),
    malformed: () => sampleOf('auditEntries', { vault: 'main', verdict: 'malformed' }),
    subscribed: () => sampleOf('eventSubscriptions', { vault: 'main' }),
  };
}

/** Another Vault, which is stopped in the end like the first. */
export async function startAnother(): Promise<VaultEvents> {
  const events = await startVaultEvents({ tokens: { [TOKEN]: mayHearAll } });
  closers.push(() => events.stop());
  return events;
}

/** Ends all that were started; nothing may be left waiting. */
export async function endAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
  await closeInsides();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
}
