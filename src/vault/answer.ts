import { type Remedy, SyncError } from '../errors.ts';
import type { VaultAnswer } from './transport.ts';

/** What was asked, for the texts of errors. */
export interface Attempt {
  /** Of the Vault. */
  readonly address: string;
  /** '' is the root namespace. */
  readonly namespace: string;
  /** Ends the sentence "Vault refused …", e.g. `to read "app/db" in the mount "secret"`. */
  readonly what: string;
  /** What a policy must grant for it. */
  readonly grant: { readonly capability: 'read' | 'list' | 'update'; readonly path: string };
}

/** True for a body that is exactly `{"errors":[]}`: the only 404 by which KV says "there is nothing". */
export function saysNothingThere(answer: VaultAnswer): boolean {
  const { status, body } = answer;
  return status === 404 && isRecord(body) && Object.keys(body).length === 1 && isEmptyArray(body['errors']);
}

/** True when a 403 says that the token itself is of no use; older Vaults do not tell. */
export function saysInvalidToken(answer: VaultAnswer): boolean {
  return answer.status === 403 && mentions(answer, /invalid token|bad token/);
}

/** True when Vault says (with 500) that a token has reached its maximum TTL. */
export function saysCannotRenew(answer: VaultAnswer): boolean {
  return mentions(answer, /past the max TTL/i);
}

/** True when an answer that was not understood may mean that the mount is gone, or is of another KV version than thought. */
export function contradictsMount(answer: VaultAnswer): boolean {
  return [200, 403, 404].includes(answer.status) || isUpgrading(answer);
}

/** What an answer that is not certain means for whoever asked. Texts of Vault are recognised, never repeated. */
export function refusalOf(answer: VaultAnswer, attempt: Attempt): SyncError {
  const { status } = answer;
  const refuse = (remedy: Remedy, reason: string, why: string) =>
    new SyncError({
      remedy,
      reason,
      code: String(status),
      message: `Vault ${attempt.address} refused ${attempt.what}${inNamespace(attempt)} (${status}): ${why}`,
      ...(answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }),
    });

  switch (status) {
    case 403:
      if (saysInvalidToken(answer)) {
        return refuse(
          'SlowRetry',
          'TokenInvalid',
          'the token is revoked, expired or of another Vault; provide a new one',
        );
      }
      return refuse('SlowRetry', 'PermissionDenied', `grant "${attempt.grant.capability}" on "${attempt.grant.path}"`);
    case 404:
      if (mentions(answer, /no handler for route/)) {
        return refuse(
          'SourceUnavailable',
          'MountMissing',
          'nothing is mounted there; mount it again or correct the path',
        );
      }
      return refuse('SourceUnavailable', 'AnswerUnclear', 'this 404 does not prove that anything is absent');
    case 412:
      return refuse('SourceUnavailable', 'VaultBehind', 'this node has not caught up yet');
    case 429:
      return refuse('RateLimited', 'RateLimited', 'a rate limit quota is used up');
    case 472:
    case 473:
      return refuse(
        'SourceUnavailable',
        'VaultStandby',
        'this node is a standby; the address must lead to the active one',
      );
    case 503:
      if (mentions(answer, /vault is sealed/i))
        return refuse('SourceUnavailable', 'VaultSealed', 'it is sealed; unseal it');
      return refuse('SourceUnavailable', 'VaultUnavailable', 'it does not serve requests now');
    default:
      break;
  }
  if (isUpgrading(answer)) return refuse('SourceUnavailable', 'MountUpgrading', 'the mount is being upgraded to KV v2');
  if (status >= 300 && status < 400) {
    return refuse(
      'SourceUnavailable',
      'VaultRedirects',
      'it redirects, which is not followed; set the address of the active node',
    );
  }
  if (status >= 500) return refuse('SourceUnavailable', 'VaultUnavailable', 'it failed inside; its own log says why');
  return unclear(answer, attempt);
}

/** An answer whose shape is not Vault's. Proves nothing. */
export function unclear(answer: VaultAnswer, attempt: Attempt): SyncError {
  return new SyncError({
    remedy: 'SourceUnavailable',
    reason: 'AnswerUnclear',
    code: String(answer.status),
    message: `Vault ${attempt.address}, asked ${attempt.what}${inNamespace(attempt)}, answered ${answer.status} in a form that is not Vault's; look for a proxy between, or for an unknown version`,
  });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  // A number kept as its text is an object too, the only one from JSON without a prototype.
  return Object.getPrototypeOf(value) !== null;
}

function isUpgrading(answer: VaultAnswer): boolean {
  return answer.status === 400 && mentions(answer, /upgrading from non-versioned to versioned/i);
}

function mentions(answer: VaultAnswer, phrase: RegExp): boolean {
  const errors = isRecord(answer.body) ? answer.body['errors'] : undefined;
  return Array.isArray(errors) && errors.some((error) => typeof error === 'string' && phrase.test(error));
}

function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function inNamespace(attempt: Attempt): string {
  return attempt.namespace === '' ? '' : ` in the namespace "${attempt.namespace}"`;
}
