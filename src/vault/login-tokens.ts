import { SyncError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import { refusalOf, saysCannotRenew } from './answer.ts';
import type { LoginAuth, TokenSource } from './auth.ts';
import type { VaultClient } from './client.ts';
import { givenUp, untilAborted } from './deadline.ts';
import { type Lease, leaseOf, logIn, loginMountOf } from './login.ts';
import { endsSoon, renewalDelay, retryDelay } from './renewal.ts';
import type { VaultAnswer } from './transport.ts';

/** Rights are attached at login: a token older than this is replaced when it lacks some, a younger one is not. */
const rightsAreFreshMs = 60_000;

/** After a refused login: doubled each time up to the longest. Vault locks out who tries too often. */
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

export interface LoginTokensOptions {
  readonly client: VaultClient;
  readonly address: string;
  readonly auth: LoginAuth;
  readonly logger: Logger;
  /** Unix time in milliseconds. */
  now(): number;
  onRequest(operation: 'login' | 'renew' | 'revoke'): void;
}

interface Held {
  readonly token: string;
  readonly since: number;
  /** As the login gave it; renewals are measured by it. */
  readonly first: Lease;
  /** Unix time in milliseconds; null = does not end. */
  readonly endsAt: number | null;
}

/**
 * One token, logged in for when first needed and kept alive by a timer: renewed at two thirds of its lease, replaced by
 * a new login where renewal ends. However many ask at once, one login is under way. A replaced token is revoked.
 */
export function createLoginTokens(options: LoginTokensOptions): TokenSource {
  const { client, auth, logger, now } = options;
  const about = { vault: options.address, method: auth.method, mount: loginMountOf(auth) };
  // Its requests belong to nobody's call: they end by the transport's time limit, and a token that was asked for is
  // waited for, so that it can be revoked.
  const neverAborted = new AbortController().signal;
  const revocations = new Set<Promise<void>>();
  let closed = false;
  let held: Held | null = null;
  let loginUnderWay: Promise<Held> | null = null;
  let renewalUnderWay: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let refusal: { error: SyncError; count: number; until: number } | null = null;

  function login(): Promise<Held> {
    if (closed) return Promise.reject(givenUp('logging in to Vault'));
    if (refusal !== null && now() < refusal.until) return Promise.reject(refusal.error);
    loginUnderWay ??= loginNow().finally(() => {
      loginUnderWay = null;
    });
    return loginUnderWay;
  }

  async function newToken(signal: AbortSignal): Promise<string> {
    const { token } = await untilAborted(login(), signal);
    if (closed) throw givenUp('logging in to Vault');
    return token;
  }

  async function loginNow(): Promise<Held> {
    try {
      const startedAt = now();
      const lease = await logIn({ ...options, signal: neverAborted });
      const replaced = held;
      held = hold(lease, lease, startedAt);
      refusal = null;
      if (replaced !== null) revokeInBackground(replaced.token);
      logger.info({ ...about, leaseSeconds: lease.durationMs / 1000 }, 'logged in to Vault');
      scheduleRenewal(renewalDelay(lease, Math.random()));
      return held;
    } catch (error) {
      if (error instanceof SyncError && error.reason === 'LoginRefused') {
        const count = (refusal?.count ?? 0) + 1;
        refusal = { error, count, until: now() + Math.min(firstPauseMs * 2 ** (count - 1), longestPauseMs) };
      }
      throw error;
    }
  }

  function scheduleRenewal(delayMs: number | null): void {
    clearTimeout(timer);
    if (delayMs === null || closed) return;
    timer = setTimeout(() => {
      renewalUnderWay = renew().finally(() => {
        renewalUnderWay = null;
      });
    }, delayMs);
    timer.unref();
  }

  /** Never throws: a failure is logged and tried again, and whoever needs a token meanwhile has the old one. */
  async function renew(): Promise<void> {
    const before = held;
    if (before === null) return;
    try {
      const startedAt = now();
      const lease = before.first.renewable ? await renewOnce(before.token) : null;
      if (held !== before) return;
      if (lease === null || endsSoon(lease, before.first)) {
        await login();
        return;
      }
      held = { ...before, endsAt: endOf(lease, startedAt) };
      scheduleRenewal(renewalDelay(lease, Math.random()));
    } catch (error) {
      if (closed || held !== before) return;
      logger.warn({ ...about, err: error }, 'the Vault token could not be renewed; trying again');
      scheduleRenewal(retryDelay(before.first, Math.random()));
    }
  }

  /** @returns null when Vault will not renew this token */
  async function renewOnce(token: string): Promise<Lease | null> {
    const answer = await writeSelf('renew', token);
    if (answer.status === 200) return leaseOf(answer);
    const isFinal = answer.status < 500 && answer.status !== 429;
    if (isFinal || saysCannotRenew(answer)) return null;
    throw refusalOf(answer, {
      address: options.address,
      namespace: auth.namespace ?? '',
      what: 'to renew our token',
      grant: { capability: 'update', path: 'auth/token/renew-self' },
    });
  }

  function writeSelf(operation: 'renew' | 'revoke', token: string): Promise<VaultAnswer> {
    options.onRequest(operation);
    const call = { token, namespace: auth.namespace ?? '', signal: neverAborted };
    return client.write(`auth/token/${operation}-self`, {}, call);
  }

  function revokeInBackground(token: string): void {
    const revocation = writeSelf('revoke', token)
      .then(() => undefined)
      .catch((error: unknown) =>
        logger.warn({ ...about, err: error }, 'a Vault token could not be revoked; it will expire'),
      )
      .finally(() => revocations.delete(revocation));
    revocations.add(revocation);
  }

  return {
    async current(signal) {
      const isOver = held !== null && held.endsAt !== null && now() >= held.endsAt;
      if (held !== null && !isOver) return held.token;
      return newToken(signal);
    },
    async replace(refused, { invalid, signal }) {
      if (held !== null && held.token !== refused) return held.token;
      if (!invalid && held !== null && now() - held.since < rightsAreFreshMs) return null;
      return newToken(signal);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await Promise.allSettled([loginUnderWay, renewalUnderWay]);
      if (held !== null) revokeInBackground(held.token);
      held = null;
      await Promise.allSettled(revocations);
    },
  };
}

function hold(lease: Lease, first: Lease, since: number): Held {
  return { token: lease.token, since, first, endsAt: endOf(lease, since) };
}

function endOf(lease: Lease, startedAt: number): number | null {
  return lease.durationMs === 0 ? null : startedAt + lease.durationMs;
}
