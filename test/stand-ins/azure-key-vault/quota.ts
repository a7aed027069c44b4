import type { Operation } from './faults.ts';
import { ServiceError } from './service-error.ts';

/** Calls that a vault takes within ten seconds, as Azure counts them; 0 = any number. */
export interface QuotaOptions {
  /** Azure: 300, together with imported keys and certificates. Whether a new version counts is not documented: here it does. */
  readonly creationsPer10s: number;
  /** Azure: 4,000 of everything else. */
  readonly callsPer10s: number;
  /** Unix time in milliseconds. */
  now(): number;
}

const windowMs = 10_000;

/** Counts the calls of each vault. What it refuses does not count, as in Azure. */
export class Quota {
  readonly #options: QuotaOptions;
  readonly #times = new Map<string, number[]>();

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  /** Counts a call. @throws ServiceError 429 with `Retry-After`, when the vault has had enough */
  take(vault: string, operation: Operation): void {
    const { creationsPer10s, callsPer10s, now } = this.#options;
    const isCreation = operation === 'SetSecret';
    const limit = isCreation ? creationsPer10s : callsPer10s;
    if (limit === 0) return;
    const key = `${vault} ${isCreation ? 'creations' : 'calls'}`;
    const since = now() - windowMs;
    const recent = (this.#times.get(key) ?? []).filter((time) => time > since);
    this.#times.set(key, recent);
    const [oldest] = recent;
    if (oldest !== undefined && recent.length >= limit) throw throttled(Math.ceil((oldest - since) / 1000));
    recent.push(now());
  }
}

/** The refusal of a vault that gets too many calls; `retryAfterSeconds` goes with it where it is known. */
export function throttled(retryAfterSeconds: number | undefined): ServiceError {
  return new ServiceError({
    status: 429,
    code: 'Throttled',
    message: 'Request was not processed because too many requests were received.',
    innerCode: 'VaultRequestTypeLimitReached',
    headers: retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
  });
}
