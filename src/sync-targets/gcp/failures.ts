import { type Remedy, SyncError } from '../../errors.ts';
import { msOf, type WireTime } from './durations.ts';

/** gRPC status codes by number (https://grpc.io/docs/guides/status-codes). */
const codeNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;
export type Code = (typeof codeNames)[number];

/** The gRPC code of whatever a call threw; `UNKNOWN` for what is no answer of the store. */
export function codeOf(error: unknown): Code {
  const code = (error as { code?: unknown } | null)?.code;
  return (typeof code === 'number' ? codeNames[code] : undefined) ?? 'UNKNOWN';
}

const networkCode =
  /\b((?:ERR_TLS|UNABLE_TO|SELF_SIGNED|CERT)_[A-Z_]+|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)\b/;

/** A call that failed: what was asked of which place. */
export interface Attempt {
  /** Name of the method, e.g. `GetSecret`. */
  readonly method: string;
  /** Resource it was about. */
  readonly resource: string;
  /** IAM permission that the method needs. */
  readonly permission: string;
}

interface Verdict {
  readonly remedy: Remedy;
  readonly reason: string;
  readonly advice: string;
}

/**
 * The remedy for a failed call. Google's own text stays out, and so does the error itself: both may repeat what was sent.
 * From that text only a permission, a reason word or a network code is taken.
 */
export function failureOf(attempt: Attempt, error: unknown): SyncError {
  const code = codeOf(error);
  const { remedy, reason, advice } = verdictOf(attempt, { code, error });
  const message = `GCP Secret Manager: ${attempt.method} of ${attempt.resource} failed with ${code}: ${advice}`;
  const retryAfterMs = retryAfterIn(error);
  return new SyncError({ remedy, reason, message, code, ...(retryAfterMs === null ? {} : { retryAfterMs }) });
}

function verdictOf(attempt: Attempt, { code, error }: { code: Code; error: unknown }): Verdict {
  switch (code) {
    case 'PERMISSION_DENIED':
      return { remedy: 'SlowRetry', ...deniedVerdict(attempt, error) };
    case 'UNAUTHENTICATED':
      return {
        remedy: 'SlowRetry',
        reason: 'Unauthenticated',
        advice: 'Google does not accept our credentials; give the operator valid ones',
      };
    case 'NOT_FOUND':
      // Only a text that names the secret speaks of the secret; without it the project may be what is missing.
      if (namesSecret(attempt, error))
        return { remedy: 'Retry', reason: 'SecretNotFound', advice: 'there is no such secret' };
      return {
        remedy: 'SlowRetry',
        reason: 'ProjectNotFound',
        advice: 'there is no such project, or it is out of our reach',
      };
    case 'FAILED_PRECONDITION':
      return preconditionVerdict(error);
    case 'RESOURCE_EXHAUSTED':
      return { remedy: 'RateLimited', reason: 'QuotaExhausted', advice: quotaAdvice(error) };
    case 'INVALID_ARGUMENT':
    case 'OUT_OF_RANGE':
      // What arrived is not what was sent: the manifest is not to blame.
      if (/checksum|crc32c/i.test(textOf(error)))
        return { remedy: 'Retry', reason: 'ChecksumMismatch', advice: 'the value was damaged on its way' };
      return {
        remedy: 'FixSpec',
        reason: 'Refused',
        advice: `Google refuses ${fieldsIn(error) ?? 'the name, a label or the value'}; correct the destination in the manifest`,
      };
    case 'UNIMPLEMENTED':
      return {
        remedy: 'SlowRetry',
        reason: 'NotSecretManager',
        advice: 'this endpoint does not offer it; check the endpoint in the settings',
      };
    case 'CANCELLED':
      return { remedy: 'Retry', reason: 'Cancelled', advice: 'the call was given up' };
    case 'DEADLINE_EXCEEDED':
      return { remedy: 'Retry', reason: 'Timeout', advice: 'no answer came in time' };
    case 'UNAVAILABLE':
      return {
        remedy: 'Retry',
        reason: 'Unavailable',
        advice: `the service cannot be reached now${inBrackets(networkCodeIn(error))}`,
      };
    case 'OK':
    case 'UNKNOWN':
    case 'ALREADY_EXISTS':
    case 'ABORTED':
    case 'INTERNAL':
    case 'DATA_LOSS':
      return { remedy: 'Retry', reason: 'StoreFailed', advice: 'the service failed; it is tried again' };
    default: {
      const never: never = code;
      return never;
    }
  }
}

// Google tells apart by the reason of its ErrorInfo what all comes as PERMISSION_DENIED.
function deniedVerdict({ permission }: Attempt, error: unknown): Omit<Verdict, 'remedy'> {
  const text = textOf(error);
  switch (reasonOf(error)) {
    case 'SERVICE_DISABLED':
      return { reason: 'ApiDisabled', advice: 'the Secret Manager API is not enabled in this project; enable it' };
    case 'BILLING_DISABLED':
      return { reason: 'BillingDisabled', advice: 'billing is not enabled for this project; enable it' };
    case 'SECURITY_POLICY_VIOLATED':
      return { reason: 'BlockedByPerimeter', advice: perimeterAdvice };
    default:
  }
  if (text.includes('vpcServiceControlsUniqueIdentifier'))
    return { reason: 'BlockedByPerimeter', advice: perimeterAdvice };
  const told = /\bPermission '?([a-z]+(?:\.[A-Za-z]+){2,})'? denied\b/.exec(text)?.[1];
  if (told !== undefined && !told.startsWith('secretmanager.'))
    return { reason: 'PermissionDenied', advice: agentAdvice(told) };
  return { reason: 'PermissionDenied', advice: `grant ${told ?? permission}, or check that the project exists` };
}

const perimeterAdvice =
  'a service perimeter (VPC Service Controls) does not let the operator in; add it to the perimeter or to an ingress rule';

/** Keys and topics are used by Secret Manager's own account, not by ours. */
function agentAdvice(permission: string): string {
  return `grant ${permission} to the service agent of Secret Manager (service-PROJECT_NUMBER@gcp-sa-secretmanager.iam.gserviceaccount.com)`;
}

// The words of Google: https://github.com/firebase/firebase-tools/issues/6454
function preconditionVerdict(error: unknown): Verdict {
  const text = textOf(error);
  const constraint = /\bconstraints\/[A-Za-z.]+/.exec(text)?.[0];
  if (constraint !== undefined) {
    const advice = `${constraint}, a policy of the organisation, forbids this place; name locations that it allows in replication.userManaged, or in location`;
    return { remedy: 'FixSpec', reason: 'ForbiddenByOrgPolicy', advice };
  }
  if (/\bkms\b|cloudkms|CryptoKey/i.test(text)) {
    const advice = `the KMS key cannot be used; enable it, or ${agentAdvice('cloudkms.cryptoKeyVersions.useToEncrypt')}`;
    return { remedy: 'SlowRetry', reason: 'KeyUnusable', advice };
  }
  return { remedy: 'SlowRetry', reason: 'PreconditionFailed', advice: 'the state of the secret forbids it' };
}

function quotaAdvice(error: unknown): string {
  const { quota_limit: limit } = metadataOf(error);
  return typeof limit === 'string' && /^[A-Za-z0-9-]{1,80}$/.test(limit)
    ? `the quota ${limit} is used up`
    : 'a quota per minute is used up';
}

// Google names what it refuses as `secret.labels` or [secret.replication]; never more of its text than such a path.
function fieldsIn(error: unknown): string | null {
  return /\[(secret(?:\.[a-z_]+)+)\]/.exec(textOf(error))?.[1] ?? null;
}

function reasonOf(error: unknown): unknown {
  return (error as { reason?: unknown } | null)?.reason;
}

function metadataOf(error: unknown): Readonly<Record<string, unknown>> {
  const { errorInfoMetadata } = (error ?? {}) as { errorInfoMetadata?: Readonly<Record<string, unknown>> };
  return errorInfoMetadata ?? {};
}

/** Milliseconds that Google asks to wait (its RetryInfo); null = it does not say. */
function retryAfterIn(error: unknown): number | null {
  const { statusDetails } = (error ?? {}) as { statusDetails?: unknown };
  if (!Array.isArray(statusDetails)) return null;
  for (const detail of statusDetails as readonly ({ retryDelay?: WireTime } | null)[]) {
    if (detail?.retryDelay) return msOf(detail.retryDelay);
  }
  return null;
}

function namesSecret({ resource }: Attempt, error: unknown): boolean {
  const start = resource.indexOf('/secrets/');
  return start >= 0 && textOf(error).includes(`${resource.slice(start)}]`);
}

/** The code of a network's failure, e.g. `ECONNREFUSED`; null = it has none. */
export function networkCodeIn(error: unknown): string | null {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code)) return code;
  return networkCode.exec(textOf(error))?.[1] ?? null;
}

function inBrackets(code: string | null): string {
  return code === null ? '' : ` (${code})`;
}

function textOf(error: unknown): string {
  return String((error as { message?: unknown } | null)?.message ?? '');
}
