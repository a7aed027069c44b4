import { Redis } from 'ioredis';
import { SyncError } from '../../errors.ts';
import type { Logger } from '../../logging.ts';
import { connectorTo } from './connector.ts';
import { databaseOf, placeOf, type RedisServer, usesTls } from './server.ts';
import { ServerClock } from './server-clock.ts';

/**
 * - `brisk`     fails a command at once while Redis is away, and after `deadlineMs` when Redis does not answer
 * - `patient`   keeps commands until Redis is back: what BullMQ's worker needs
 * - `listening` subscribes
 */
type Manner = 'brisk' | 'patient' | 'listening';

/** A connection on which nothing has come back for this long, in milliseconds, is broken. BullMQ blocks for up to 10 s. */
const silence = { brisk: 5_000, listening: 5_000, patient: 20_000 } as const;

/** Opens a connection that reconnects for ever, at least once a second, and never emits an `error` that nobody hears. */
export function connect(server: RedisServer, options: { manner: Manner; deadlineMs: number; log: Logger }): Redis {
  const { manner, log } = options;
  const client = new Redis({
    Connector: connectorTo(server),
    ...(usesTls(server) ? { tls: {} } : {}),
    db: databaseOf(server),
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 5), 1000),
    // The command was not carried out. Who waits for ever has it sent again.
    reconnectOnError: (error) => isElsewhere(error) && (manner === 'patient' ? 2 : 1),
    socketTimeout: silence[manner],
    connectTimeout: 5_000,
    // How long a server that does not answer may keep a closed connection open, in milliseconds.
    disconnectTimeout: 200,
    maxRetriesPerRequest: manner === 'brisk' ? 1 : null,
    enableOfflineQueue: manner !== 'brisk',
    // Nobody waits any longer for what was sent before the connection broke.
    autoResendUnfulfilledCommands: manner === 'patient',
    autoResubscribe: false,
    disableClientInfo: true,
    ...(manner === 'brisk' ? { commandTimeout: options.deadlineMs } : {}),
  });
  let away = false;
  client.on('error', (error: unknown) => {
    if (!away) log.warn({ err: error, why: whyOf(error), redis: placeOf(server), connection: manner }, 'Redis is away');
    away = true;
  });
  client.on('ready', () => {
    if (away) log.info({ redis: placeOf(server), connection: manner }, 'Redis is back');
    away = false;
  });
  return client;
}

/** As much of a connection as ending it takes. */
interface Endable {
  readonly status: string;
  connect(): Promise<unknown>;
  disconnect(): void;
  once(event: 'end', listener: () => void): unknown;
}

/** Ends a connection, whatever its state: its socket is closed and all that waits for an answer is rejected. */
export async function disconnect(client: Endable): Promise<void> {
  if (client.status === 'end') return;
  const ended = new Promise<void>((resolve) => client.once('end', resolve));
  // Between two attempts ioredis would only drop its timer, and leave for ever what waits in its queue.
  if (client.status === 'reconnecting') client.connect().catch(() => undefined);
  client.disconnect();
  await ended;
}

/** A replica that was the primary a moment ago, or a node that our keys have left: another one takes our commands. */
function isElsewhere({ message }: Error): boolean {
  return message.startsWith('READONLY') || message.startsWith('MOVED');
}

/** A brisk connection whose every use ends within `deadlineMs`, one way or the other. */
export class Link {
  readonly client: Redis;
  /** Set by whoever looks at the server from time to time. */
  readonly clock = new ServerClock();
  readonly #place: string;
  readonly #deadlineMs: number;
  readonly #firstAttempt: Promise<void>;

  constructor(server: RedisServer, options: { deadlineMs: number; log: Logger }) {
    this.client = connect(server, { ...options, manner: 'brisk' });
    this.#firstAttempt = new Promise((resolve) => {
      this.client.once('ready', resolve);
      this.client.once('close', resolve);
    });
    this.#place = placeOf(server);
    this.#deadlineMs = options.deadlineMs;
  }

  /**
   * Does `work` on the connection. `what` ends the sentence "Redis … did not …".
   * @throws SyncError `Retry`, reason `StateUnavailable`, within `deadlineMs`
   */
  async use<T>(what: string, work: (client: Redis) => Promise<T>): Promise<T> {
    try {
      return await this.#beforeDeadline(async () => {
        await this.#ready();
        return work(this.client);
      });
    } catch (cause) {
      throw this.#unavailable(what, cause);
    }
  }

  close(): Promise<void> {
    return disconnect(this.client);
  }

  /** Only the first attempt to connect is waited for: whoever comes while Redis is away is told so at once. */
  async #ready(): Promise<void> {
    await this.#firstAttempt;
    if (this.client.status !== 'ready') throw new Error('not connected');
  }

  async #beforeDeadline<T>(work: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), this.#deadlineMs);
    });
    try {
      return await Promise.race([work(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #unavailable(what: string, cause: unknown): SyncError {
    const refusal = refusalOf(cause);
    const message =
      refusal === undefined
        ? `Redis at ${this.#place} did not ${what}: it is away or too slow; check that it runs and that this process reaches it`
        : `Redis at ${this.#place} did not ${what}: it refused with ${refusal}; check its memory, its role and the rights of this user`;
    return new SyncError({ remedy: 'Retry', reason: 'StateUnavailable', message, cause });
  }
}

/** What a failure to connect comes from: a code, e.g. `ECONNREFUSED`, `CERT_HAS_EXPIRED` or `WRONGPASS`. */
function whyOf(error: unknown): string | undefined {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? code : refusalOf(error);
}

/** The code with which Redis refuses, e.g. `NOPERM` or `OOM`: the first word of its answer. */
function refusalOf(cause: unknown): string | undefined {
  if (!(Error.isError(cause) && cause.name === 'ReplyError')) return undefined;
  return /^[A-Z]+/.exec(cause.message)?.[0];
}
