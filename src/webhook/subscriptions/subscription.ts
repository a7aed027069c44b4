import { readFile } from 'node:fs/promises';
import type { Metrics } from '../../metrics.ts';
import { malformed } from '../audit/verdict.ts';
import type { Clock } from '../clock.ts';
import { followFiles, readFiles } from '../followed-files.ts';
import type { Ingest } from '../ingest.ts';
import type { Notify } from '../notices.ts';
import type { ReconcileRequests } from '../reconcile-requests.ts';
import { createFeed, type Feed } from '../sockets/feed.ts';
import { type Connection, connect } from './connection.ts';
import { judgeNotification } from './notification.ts';

/** How often Vault is asked for a sign of life; without one until the next time the connection counts as broken. */
const pingEveryMs = 15_000;
const shortestPauseMs = 1_000;
const longestPauseMs = 60_000;

/** A subscription to the event notifications of a Vault Enterprise. */
export interface SubscriptionSettings {
  /** Name of the Vault. */
  readonly vault: string;
  /** `https://host:port` */
  readonly address: string;
  /** A file with a token that may subscribe, and should be able to do nothing else; followed. */
  readonly tokenFile: string;
  /** Namespace that the token was made in; left out: root. */
  readonly namespace?: string | undefined;
  /** PEM file with the authorities to trust; read before each connection. */
  readonly caFile?: string | undefined;
}

export interface SubscriptionOptions extends SubscriptionSettings {
  readonly ingest: Ingest;
  readonly requests: ReconcileRequests;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** From 0 up to 1: so that several webhooks do not come back all at once. */
  readonly random: () => number;
  readonly notify: Notify;
}

/**
 * Hears what a Vault notifies of, and connects again whenever that ends. Notifications come at most once and are never repeated, so
 * what happened between two connections is lost here: each new one asks for a reconcile.
 */
export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #feed: Feed;
  #connection: Connection | null = null;
  /** Pauses since Vault last showed that it lives. */
  #failures = 0;
  #gaveSign = false;
  /** The first try is over. */
  #tried = false;
  #closed = false;
  /** The token is another one: the next connection is made at once. */
  #renewed = false;
  #endPause = (): void => undefined;
  #stopFollowing = (): void => undefined;
  #running: Promise<void> = Promise.resolve();

  private constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#feed = createFeed({ ...options, listener: `subscription:${options.vault}`, cutIsLost: false });
    options.metrics.eventSubscriptions.set({ vault: options.vault }, 0);
  }

  /**
   * Resolves when the first try has succeeded or failed, but within two seconds, so that a reconcile asked for afterwards covers what
   * came before; from then on every connection asks for its own.
   */
  static async start(options: SubscriptionOptions): Promise<Subscription> {
    const subscription = new Subscription(options);
    await subscription.#followToken();
    await new Promise<void>((resolve) => {
      const cancel = options.clock.after(2_000, resolve);
      subscription.#running = subscription.#run(() => {
        cancel();
        resolve();
      });
    });
    subscription.#tried = true;
    return subscription;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopFollowing();
    this.#endPause();
    this.#connection?.end('the webhook is shutting down');
    await this.#running;
    await this.#feed.close();
  }

  /** The old token may be revoked soon: a new one is used at once. */
  async #followToken(): Promise<void> {
    const { tokenFile, clock } = this.#options;
    const files = [tokenFile];
    this.#stopFollowing = followFiles({
      files,
      read: await readFiles(files),
      clock,
      changed: () => {
        this.#failures = 0;
        this.#renewed = true;
        this.#connection?.end('its token was exchanged');
        this.#endPause();
      },
    });
  }

  async #run(tried: () => void): Promise<void> {
    while (!this.#closed) {
      const reason = await this.#listen(tried);
      tried();
      if (this.#closed) return;
      if (this.#renewed) continue;
      this.#tell(reason);
      await this.#pause();
    }
  }

  /** One connection, to its end; resolves to why it ended. */
  async #listen(opened: () => void): Promise<string> {
    const { vault, address, tokenFile, caFile, namespace, clock, metrics } = this.#options;
    this.#renewed = false;
    const token = (await readFile(tokenFile, 'utf8').catch(() => '')).trim();
    // A line end inside would let the request's header end there.
    if (!/^[\x21-\x7e]+$/.test(token)) return `the file ${tokenFile} holds no token that can be read`;
    const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8').catch(() => null);
    if (ca === null) return `the file ${caFile} cannot be read`;
    if (this.#closed) return 'the webhook is shutting down';
    const connection = connect({
      ...{ address, token, namespace, ca, clock },
      opened: () => {
        this.#open();
        opened();
      },
      heard: (text) => {
        this.#feed.sink.verdict(judgeNotification(text));
        this.#feed.forward();
      },
      overlong: () => {
        this.#feed.sink.verdict(malformed('TooLong'));
        this.#feed.forward();
      },
      alive: () => {
        this.#gaveSign = true;
        this.#failures = 0;
      },
    });
    this.#connection = connection;
    this.#gaveSign = true;
    const stopWatching = this.#watch(connection);
    const reason = await connection.ended;
    stopWatching();
    this.#connection = null;
    metrics.eventSubscriptions.set({ vault }, 0);
    return reason;
  }

  #open(): void {
    const { vault, requests, metrics, notify } = this.#options;
    metrics.eventSubscriptions.set({ vault }, 1);
    notify({
      level: 'info',
      kind: `subscribed ${vault}`,
      fields: { vault },
      message: "subscribed to a Vault's event notifications",
    });
    if (!this.#tried) return;
    requests.ask(vault, 'reconnect');
  }

  /** Ends a connection that has died without a word. */
  #watch(connection: Connection): () => void {
    const { clock } = this.#options;
    const look = (): void => {
      if (!this.#gaveSign) {
        connection.end(`it gave no sign of life for ${pingEveryMs / 1000} seconds`);
        return;
      }
      this.#gaveSign = false;
      connection.ping();
      cancel = clock.after(pingEveryMs, look);
    };
    let cancel = clock.after(pingEveryMs, look);
    return () => cancel();
  }

  #tell(reason: string): void {
    const { vault, address, metrics, notify } = this.#options;
    metrics.eventSubscriptionFailures.inc({ vault });
    notify({
      level: 'error',
      kind: `subscription ${vault}`,
      fields: { vault, address, why: reason },
      message: `no event notifications of a Vault are heard: ${reason}`,
    });
  }

  async #pause(): Promise<void> {
    const { clock, random } = this.#options;
    const ms = Math.min(longestPauseMs, shortestPauseMs * 2 ** this.#failures) * (0.5 + random() / 2);
    this.#failures = Math.min(this.#failures + 1, 10);
    await new Promise<void>((resolve) => {
      const cancel = clock.after(ms, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }
}
