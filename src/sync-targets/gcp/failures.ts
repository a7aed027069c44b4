import { type Remedy, SyncError } from '../../errors.ts';

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

const networkCode = /\b(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)\b/;

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
  return new SyncError({ remedy, reason, message, code });
}

function verdictOf(attempt: Attempt, { code, error }: { code: Code; error: unknown }): Verdict {
  switch (code) {
    case 'PERMISSION_DENIED':
      return { remedy: 'SlowRetry', reason: 'PermissionDenied', advice: permissionAdvice(attempt, error) };
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
      return {
        remedy: 'SlowRetry',
        reason: 'PreconditionFailed',
        advice: 'something about the secret forbids it, for example a disabled encryption key',
      };
    case 'RESOURCE_EXHAUSTED':
      return { remedy: 'RateLimited', reason: 'QuotaExhausted', advice: 'a quota per minute is used up' };
    case 'INVALID_ARGUMENT':
    case 'OUT_OF_RANGE':
      return {
        remedy: 'FixSpec',
        reason: 'Refused',
        advice: 'Google refuses the name, a label or the value; correct the destination in the manifest',
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
        advice: `the service cannot be reached now${networkCodeIn(error)}`,
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

// An API that is not switched on in the project is a PERMISSION_DENIED too, told apart by the reason of its ErrorInfo.
function permissionAdvice({ permission }: Attempt, error: unknown): string {
  if ((error as { reason?: unknown } | null)?.reason === 'SERVICE_DISABLED')
    return 'the Secret Manager API is not enabled in this project; enable it';
  const told = /\bPermission '(secretmanager(?:\.[A-Za-z]+)+)' denied\b/.exec(textOf(error))?.[1];
  return `grant ${told ?? permission}, or check that the project exists`;
}

function namesSecret({ resource }: Attempt, error: unknown): boolean {
  const start = resource.indexOf('/secrets/');
  return start >= 0 && textOf(error).includes(`${resource.slice(start)}]`);
}

function networkCodeIn(error: unknown): string {
  const code = networkCode.exec(textOf(error));
  return code ? ` (${code[1]})` : '';
}

function textOf(error: unknown): string {
  return String((error as { message?: unknown } | null)?.message ?? '');
}
