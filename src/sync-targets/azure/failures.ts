import { type Remedy, SyncError } from '../../errors.ts';

/**
 * A refusal as the vault gave it. It stands in for the SDK's own error, which carries the request with the value in it
 * and drops the inner code on the way through a list.
 */
export class StoreRefusal extends Error {
  /** Named as the SDK's pollers expect it. */
  readonly statusCode: number;
  readonly code: string;
  readonly innerCode: string | null;
  /** The permission that is missing, where the vault told it. */
  readonly permission: string | null;
  readonly retryAfterMs: number | undefined;
  readonly method: string;

  constructor(answer: { status: number; method: string; body: string; retryAfter: string | undefined }) {
    const { code, innerCode, permission } = readBody(answer.body);
    super(`the vault answered ${answer.status} ${innerCode ?? code}`);
    this.name = 'StoreRefusal';
    this.statusCode = answer.status;
    this.code = code;
    this.innerCode = innerCode;
    this.permission = permission;
    this.retryAfterMs = readRetryAfter(answer.retryAfter);
    this.method = answer.method;
  }
}

/** A call that failed: what was asked of which place. */
export interface Attempt {
  /** What was to be done, e.g. `setting the secret`. */
  readonly doing: string;
  /** Vault and name, e.g. `team-a.vault.azure.net/db-password`. */
  readonly place: string;
  /** Permission that it needs, as access policies call it; roles have actions instead, which the vault tells. */
  readonly permission: 'set' | 'list' | 'get' | 'delete' | 'recover' | 'purge';
  /** Whose rights count: `the operator`, or the identity that the manifest names. */
  readonly who: string;
}

interface Verdict {
  readonly remedy: Remedy;
  readonly reason: string;
  readonly advice: string;
}

/** The remedy for whatever a call threw; what is no failure of the store comes back as it is. */
export function failureOf(attempt: Attempt, error: unknown, signal: AbortSignal): unknown {
  if (error instanceof SyncError) return error;
  const told = `Azure Key Vault: ${attempt.doing} ${attempt.place}`;
  const refusal = refusalIn(error);
  if (refusal) {
    const { remedy, reason, advice } = verdictOf(attempt, refusal);
    const { retryAfterMs } = refusal;
    const code = refusal.innerCode ?? refusal.code;
    return new SyncError({
      remedy,
      reason,
      message: `${told} failed with ${refusal.statusCode} ${code}: ${advice}`,
      code,
      cause: refusal,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
  if (signal.aborted || isNamed(error, 'AbortError')) {
    const message = `${told} was given up before an answer came; it may or may not have happened`;
    return new SyncError({ remedy: 'Retry', reason: 'NoAnswer', message });
  }
  return isNamed(error, 'RestError') ? unreachable(told, networkCodeOf(error)) : error;
}

/** The SDK keeps 401 to itself, for its challenges: only that comes out as an error of its own. */
function refusalIn(error: unknown): StoreRefusal | null {
  if (error instanceof StoreRefusal) return error;
  if (!isNamed(error, 'RestError') || (error as { statusCode?: unknown }).statusCode !== 401) return null;
  return new StoreRefusal({
    status: 401,
    method: '',
    body: '{"error":{"code":"Unauthorized"}}',
    retryAfter: undefined,
  });
}

/** The SDK's code of a failure on the way, never its text. */
export function networkCodeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code)) return code;
  return name === 'AbortError' ? 'no answer in time' : 'no code';
}

/** The vault's inner code behind a failure, e.g. `ObjectIsBeingDeleted`. */
export function innerCodeOf(error: unknown): string | null {
  return refusalBehind(error)?.innerCode ?? null;
}

/** The HTTP status behind a failure. */
export function statusOf(error: unknown): number | null {
  return refusalBehind(error)?.statusCode ?? null;
}

function refusalBehind(error: unknown): StoreRefusal | null {
  const cause = error instanceof SyncError ? error.cause : error;
  return cause instanceof StoreRefusal ? cause : null;
}

function verdictOf(attempt: Attempt, refusal: StoreRefusal): Verdict {
  const { statusCode } = refusal;
  if (statusCode === 401) {
    const advice =
      'the vault does not accept our token; check that it belongs to the tenant that signs in (stores.azure.tenantId, or auth of the destination)';
    return { remedy: 'SlowRetry', reason: 'Unauthenticated', advice };
  }
  if (statusCode === 403) return forbidden(attempt, refusal);
  if (statusCode === 409) return conflict(refusal);
  if (statusCode === 429) {
    return {
      remedy: 'RateLimited',
      reason: 'Throttled',
      advice: 'the vault gets too many requests; it is tried again later',
    };
  }
  if (statusCode === 408 || statusCode >= 500) {
    return { remedy: 'Retry', reason: 'StoreFailed', advice: 'the service failed; it is tried again' };
  }
  if (statusCode === 400) {
    const advice = 'Azure refuses the name, a tag or the value; correct the destination in the manifest';
    return { remedy: 'FixSpec', reason: 'Refused', advice };
  }
  return { remedy: 'SlowRetry', reason: 'Refused', advice: "check the vault's address and that it is a Key Vault" };
}

/**
 * 403 by its inner code. Whether roles or access policies rule a vault shows only here: `ForbiddenByRbac` comes from the
 * one, `AccessDenied` from the other.
 */
function forbidden(attempt: Attempt, refusal: StoreRefusal): Verdict {
  const { permission, who } = attempt;
  switch (refusal.innerCode) {
    case 'ForbiddenByFirewall': {
      const advice =
        "the vault's firewall does not know our address; allow the operator's network there, or reach the vault through a private endpoint";
      return { remedy: 'SlowRetry', reason: 'BlockedByNetworkRules', advice };
    }
    case 'ForbiddenByConnection': {
      const advice =
        "the vault takes no calls from public networks; give the operator's network a private endpoint of the vault, and the DNS zone privatelink.vaultcore.azure.net (or its like in other clouds)";
      return { remedy: 'SlowRetry', reason: 'BlockedByNetworkRules', advice };
    }
    case 'ForbiddenByPolicy':
      return permission === 'purge' ? purgeProtected : forbiddenByVault;
    case 'ForbiddenByGovernancePolicy': {
      const advice =
        'a policy of Azure denies such a secret; it may ask for a contentType, for expires (or expiresAfter) within a time, or for enabled: set what it asks for, or have the copy exempted';
      return { remedy: 'SlowRetry', reason: 'DeniedByPolicy', advice };
    }
    case 'SecretManagedByKeyVault': {
      const advice = 'the secret belongs to a certificate; choose another name';
      return { remedy: 'Conflict', reason: 'Managed', advice };
    }
    case 'ForbiddenByRbac': {
      const missing = refusal.permission ?? dataActions[permission];
      const advice = `the vault goes by roles: assign one with ${missing} to ${who} (Key Vault Secrets Officer has it); it takes up to 10 minutes to count`;
      return { remedy: 'SlowRetry', reason: 'PermissionDenied', advice };
    }
    case 'AccessDenied': {
      const missing = refusal.permission ?? `the permission ${permission} for secrets`;
      const advice = `the vault goes by access policies: give ${missing} to ${who}; it takes a few minutes to count`;
      return { remedy: 'SlowRetry', reason: 'PermissionDenied', advice };
    }
    default: {
      const missing =
        refusal.permission ??
        `${dataActions[permission]}, or the permission ${permission} for secrets in an access policy`;
      const advice = `grant ${who} ${missing}; it takes up to 10 minutes to count`;
      return { remedy: 'SlowRetry', reason: 'PermissionDenied', advice };
    }
  }
}

const purgeProtected: Verdict = {
  remedy: 'FixSpec',
  reason: 'PurgeProtected',
  advice:
    'the copy is deleted, but the vault has purge protection: nobody can purge it before its time, and Azure does so by itself then; use deletion: Recoverable',
};

const forbiddenByVault: Verdict = {
  remedy: 'SlowRetry',
  reason: 'DeniedByPolicy',
  advice: 'a policy of the vault forbids this; ask whoever runs it',
};

/** Azure: data actions of roles, https://learn.microsoft.com/azure/role-based-access-control/permissions/security. */
const dataActions: Readonly<Record<Attempt['permission'], string>> = {
  set: 'Microsoft.KeyVault/vaults/secrets/setSecret/action',
  list: 'Microsoft.KeyVault/vaults/secrets/readMetadata/action',
  get: 'Microsoft.KeyVault/vaults/secrets/getSecret/action',
  delete: 'Microsoft.KeyVault/vaults/secrets/delete',
  recover: 'Microsoft.KeyVault/vaults/secrets/recover/action',
  purge: 'Microsoft.KeyVault/vaults/secrets/purge/action',
};

/** A vault that said already that deleted secrets stay: it need not be asked. */
export function purgeProtectedError(place: string): SyncError {
  const { remedy, reason, advice } = purgeProtected;
  return new SyncError({ remedy, reason, message: `Azure Key Vault: ${place}: ${advice}` });
}

function conflict({ innerCode }: StoreRefusal): Verdict {
  if (innerCode === 'ObjectIsDeletedButRecoverable') {
    return { remedy: 'PendingDeletion', reason: 'PendingDeletion', advice: 'a deleted secret still holds the name' };
  }
  return { remedy: 'Retry', reason: 'Busy', advice: 'the vault is still busy with this name; it is tried again' };
}

/** Whether it is one of the codes with which Node refuses a certificate. */
export function refusesCertificate(code: string): boolean {
  return /CERT|SIGNATURE|ISSUER|ERR_TLS|ERR_SSL/.test(code);
}

function unreachable(told: string, code: string): SyncError {
  if (refusesCertificate(code)) {
    const message = `${told} failed with ${code}: the vault's certificate is not trusted; set stores.azure.caFile if its authority is a private one`;
    return new SyncError({ remedy: 'SlowRetry', reason: 'CertificateRefused', message, code });
  }
  const hint =
    code === 'ENOTFOUND'
      ? 'there is no such host; check the name of the vault'
      : 'no usable answer came; it is tried again';
  return new SyncError({
    remedy: 'Retry',
    reason: 'Unreachable',
    message: `${told} failed with ${code}: ${hint}`,
    code,
  });
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

/** Only words and permissions are taken from the vault's answer, never its text. */
function readBody(body: string): { code: string; innerCode: string | null; permission: string | null } {
  let error: { code?: unknown; message?: unknown; innererror?: { code?: unknown } } | undefined;
  try {
    error = (JSON.parse(body) as { error?: typeof error } | null)?.error;
  } catch {
    error = undefined;
  }
  return {
    code: wordIn(error?.code) ?? 'no code',
    innerCode: wordIn(error?.innererror?.code),
    permission: permissionIn(String(error?.message ?? '')),
  };
}

function wordIn(value: unknown): string | null {
  return typeof value === 'string' && /^[A-Za-z]{1,60}$/.test(value) ? value : null;
}

function permissionIn(text: string): string | null {
  const action = /Action: '(Microsoft\.KeyVault(?:\/[A-Za-z]+)+)'/.exec(text)?.[1];
  if (action !== undefined) return action;
  const permission = /does not have secrets ([a-z]+) permission/.exec(text)?.[1];
  return permission === undefined ? null : `the permission ${permission} for secrets`;
}

function readRetryAfter(header: string | undefined): number | undefined {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
