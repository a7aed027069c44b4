import { types } from 'node:util';
import { type Remedy, SyncError } from '../../errors.ts';

/** What was tried when something failed. */
export interface Attempt {
  /** As AWS names it, e.g. `PutSecretValue`. */
  readonly operation: string;
  /** Whom it concerns: a secret's name, or an owner. */
  readonly subject: string;
  /** As `describePlace` says it. */
  readonly place: string;
  /** Whom the manifest named, e.g. `ServiceAccount team-a/writer`; null = the operator's own identity. */
  readonly who: string | null;
}

interface Diagnosis {
  readonly remedy: Remedy;
  readonly reason: string;
  /** What happened and what to do next. */
  readonly advice: string;
  /** Milliseconds. */
  readonly retryAfterMs?: number;
}

/**
 * What an AWS error means for whoever tried. AWS's own message is never shown (it may quote the request); only the names
 * of actions and parameters are taken from it, and the error itself is not kept as a cause.
 *
 * @returns anything that did not come from AWS or from the network as it is: a defect of ours.
 */
export function asSyncError(error: unknown, attempt: Attempt): unknown {
  if (!types.isNativeError(error) || error instanceof SyncError) return error;
  const code = codeOf(error);
  const diagnosis = diagnose(error, code, attempt);
  if (diagnosis === null) return error;
  const { advice, ...remedy } = diagnosis;
  return new SyncError({ ...remedy, code, message: `${describeAttempt(attempt)}: ${code}: ${advice}` });
}

/** The error for a call that was given up because its signal aborted. */
export function abortedError(attempt: Attempt): SyncError {
  const message = `${describeAttempt(attempt)}: given up before AWS answered; it is tried again`;
  return new SyncError({ remedy: 'Retry', reason: 'Aborted', message, code: 'AbortError' });
}

function describeAttempt({ operation, subject, place, who }: Attempt): string {
  return `${operation} ${subject} in ${place}${who === null ? '' : `, by ${who}`}`;
}

function diagnose(error: Error, code: string, attempt: Attempt): Diagnosis | null {
  const status = statusOf(error);
  switch (code) {
    case 'ThrottlingException':
    case 'Throttling':
    case 'ThrottledException':
    case 'TooManyRequestsException':
    case 'RequestLimitExceeded':
    case 'RequestThrottled':
    case 'RequestThrottledException':
      return rateLimited;
    case 'AccessDeniedException':
    case 'AccessDenied':
    case 'UnauthorizedOperation':
    case 'NotAuthorized':
      return { remedy: 'SlowRetry', reason: 'PermissionMissing', advice: missingPermission(error, attempt) };
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'RequestExpired':
    case 'RequestTimeTooSkewed':
    case 'UnrecognizedClientException':
    case 'InvalidClientTokenId':
    case 'InvalidSignatureException':
    case 'SignatureDoesNotMatch':
    case 'IncompleteSignature':
    case 'MissingAuthenticationToken':
    case 'MissingAuthenticationTokenException':
      return {
        remedy: 'SlowRetry',
        reason: 'CredentialsRefused',
        advice: `AWS does not accept the credentials of ${attempt.who ?? 'the operator'}: renew them, and check the clock`,
      };
    case 'InvalidIdentityToken':
    case 'InvalidIdentityTokenException':
      return {
        remedy: 'SlowRetry',
        reason: 'CredentialsRefused',
        advice:
          "AWS does not accept the token of the ServiceAccount: the role's account needs an IAM OIDC provider for the issuer of this cluster, with the audience sts.amazonaws.com",
      };
    case 'IDPRejectedClaim':
    case 'IDPRejectedClaimException':
      return {
        remedy: 'SlowRetry',
        reason: 'CredentialsRefused',
        advice:
          "the issuer of the cluster rejected the token of the ServiceAccount: check the account's IAM OIDC provider",
      };
    case 'IDPCommunicationError':
    case 'IDPCommunicationErrorException':
      return {
        remedy: 'Retry',
        reason: 'IssuerUnreachable',
        advice: 'AWS could not reach the issuer of the cluster, whose keys must be public; it is tried again',
      };
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return {
        remedy: 'SlowRetry',
        reason: 'CredentialsMissing',
        advice: 'no AWS credentials were found: give the operator a role, or keys in stores.aws.credentials',
      };
    case 'LimitExceededException':
      return {
        remedy: 'SlowRetry',
        reason: 'QuotaExceeded',
        advice:
          'a quota is used up (about 100 versions of a secret a day, 500,000 secrets a region): raise it, or write less often',
        // Versions grow old, and are removed, by the hour.
        retryAfterMs: 15 * 60_000,
      };
    case 'EncryptionFailure':
    case 'DecryptionFailure':
      return {
        remedy: 'SlowRetry',
        reason: 'EncryptionKeyUnusable',
        advice: 'the KMS key cannot be used: enable it, and allow kms:GenerateDataKey and kms:Decrypt on it',
      };
    case 'RequestTimeout':
    case 'RequestTimeoutException':
      return unreachable;
    case 'InternalServiceError':
    case 'InternalFailure':
    case 'ServiceUnavailable':
    case 'ServiceUnavailableException':
      return failing;
    case 'ResourceNotFoundException':
      return notFound(attempt);
    case 'ResourceExistsException':
      return {
        remedy: 'Retry',
        reason: 'AlreadyExists',
        advice: 'somebody else wrote meanwhile; it is looked at again',
      };
    case 'InvalidRequestException':
    case 'InvalidParameterException':
    case 'ValidationException':
    case 'PreconditionNotMetException':
      return refusedRequest(error, code, attempt);
    case 'MalformedPolicyDocumentException':
      return {
        remedy: 'FixSpec',
        reason: 'PolicyInvalid',
        advice: 'AWS does not take the policy: check dest.aws.resourcePolicy (its principals must exist)',
      };
    case 'PublicPolicyException':
      return {
        remedy: 'FixSpec',
        reason: 'PolicyPublic',
        advice: 'the policy would open the secret to everybody: name principals in dest.aws.resourcePolicy',
      };
    case 'EndpointError':
      return {
        remedy: 'SlowRetry',
        reason: 'EndpointInvalid',
        advice:
          'AWS has no such endpoint: stores.aws.useFips and useDualstack do not go with stores.aws.endpoint, nor with every region',
      };
    default:
      return diagnoseByStatus(status) ?? diagnoseByNetwork(code);
  }
}

const rateLimited: Diagnosis = {
  remedy: 'RateLimited',
  reason: 'RateLimited',
  advice: 'too many requests; it is tried again more slowly',
  // AWS names no time; its quotas are counted by the second.
  retryAfterMs: 1000,
};

const pendingDeletion: Diagnosis = {
  remedy: 'PendingDeletion',
  reason: 'PendingDeletion',
  advice: 'the secret is scheduled for deletion; it is looked at again and restored',
};

/**
 * What AWS refuses for what it was asked, or for what the secret is. It does not keep the two codes apart: a deletion
 * under way is `InvalidRequestException`, replicas are `InvalidParameterException`.
 */
function refusedRequest(error: Error, code: string, { operation }: Attempt): Diagnosis {
  if (isPendingDeletion(error)) return pendingDeletion;
  if (/still has replica regions/i.test(error.message)) {
    return { remedy: 'Retry', reason: 'ReplicasLeft', advice: 'the secret still has replicas; they are removed first' };
  }
  if (/on a replica secret/i.test(error.message)) {
    return {
      remedy: 'FixSpec',
      reason: 'IsReplica',
      advice: 'the secret is a replica, which only its primary region can change: choose another name or region',
    };
  }
  if (/^(Replicate|RemoveRegions)/.test(operation)) {
    return {
      remedy: 'SlowRetry',
      reason: 'ReplicationRefused',
      advice:
        'AWS does not replicate the secret so: check the regions and keys of dest.aws.replicas; while replication is under way it is refused too',
    };
  }
  if (code === 'InvalidRequestException') {
    const advice =
      'AWS does not allow this for the secret as it is (e.g. one that another service manages): choose another name, or change the secret';
    return { remedy: 'FixSpec', reason: 'RequestRefused', advice };
  }
  return { remedy: 'FixSpec', reason: 'RequestRefused', advice: refusedParameter(error) };
}

const failing: Diagnosis = { remedy: 'Retry', reason: 'StoreFailing', advice: 'AWS failed; it is tried again' };

const unreachable: Diagnosis = {
  remedy: 'Retry',
  reason: 'StoreUnreachable',
  advice: 'AWS did not answer; it is tried again',
};

function notFound({ operation }: Attempt): Diagnosis {
  if (operation === 'CreateSecret') {
    return {
      remedy: 'FixSpec',
      reason: 'EncryptionKeyNotFound',
      advice: 'the KMS key of dest.aws.encryptionKey does not exist in this region: name another',
    };
  }
  return { remedy: 'Retry', reason: 'NotFound', advice: 'the secret is gone; it is looked at again' };
}

function diagnoseByStatus(status: number | null): Diagnosis | null {
  if (status === null) return null;
  if (status === 429) return rateLimited;
  if (status >= 500) return failing;
  if (status === 408) return unreachable;
  if (status < 400) {
    return { remedy: 'Retry', reason: 'AnswerUnreadable', advice: 'the answer could not be read; it is tried again' };
  }
  const advice = `refused (HTTP ${status}): check stores.aws.endpoint, and the operator's identity`;
  return { remedy: 'SlowRetry', reason: 'StoreRefused', advice };
}

function diagnoseByNetwork(code: string): Diagnosis | null {
  if (code.startsWith('ERR_PROXY_')) {
    return {
      remedy: 'SlowRetry',
      reason: 'ProxyRefused',
      advice: 'the proxy does not let the request through: check stores.aws.proxy, and what the proxy allows',
    };
  }
  if (/^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_|ERR_SSL_)/.test(code)) {
    return {
      remedy: 'SlowRetry',
      reason: 'CertificateRefused',
      advice: 'the certificate of the endpoint is not trusted: set stores.aws.caPem to its CA',
    };
  }
  if (/^(E[A-Z]+|EAI_[A-Z]+|UND_ERR_[A-Z_]+|TimeoutError|AbortError)$/.test(code)) return unreachable;
  return null;
}

/** The service's code, else the network's, else the kind of error. */
function codeOf(error: Error): string {
  if (statusOf(error) !== null) return error.name;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** HTTP status, of errors that are an answer. */
function statusOf(error: Error): number | null {
  if (!('$metadata' in error) || typeof error.$metadata !== 'object' || error.$metadata === null) return null;
  const status = 'httpStatusCode' in error.$metadata ? error.$metadata.httpStatusCode : undefined;
  return typeof status === 'number' ? status : null;
}

/** AWS: "…because it was marked for deletion", "…is already scheduled for deletion", "…that's currently marked deleted". */
function isPendingDeletion({ message }: Error): boolean {
  return /marked (for deletion|deleted)|scheduled for deletion/i.test(message);
}

/** Takes from the message nothing but the name of an action and the kind of policy. */
function missingPermission({ message }: Error, { operation }: Attempt): string {
  if (/access to kms is not allowed/i.test(message)) {
    return 'allow kms:GenerateDataKey and kms:Decrypt on the KMS key of the secret';
  }
  const named = /not authorized to perform:? ([a-z0-9-]{1,40}:[A-Za-z0-9]{1,60})/i.exec(message)?.[1];
  const action = named ?? `secretsmanager:${operation}`;
  const denying = policyKinds.find((kind) => new RegExp(`explicit deny in an? ${kind}`, 'i').test(message));
  if (denying !== undefined) {
    const tags = action === 'secretsmanager:CreateSecret' ? '; it may ask for tags (dest.aws.tags)' : '';
    return `an explicit deny of ${action} in a ${denying} must go${tags}`;
  }
  const silent = policyKinds.find((kind) => new RegExp(`no ${kind} allows`, 'i').test(message));
  const where = silent === undefined ? "in the role's policy, and in every policy above it" : `no ${silent} does`;
  return `allow ${action} (${where})${roleAdvice[action] ?? ''}`;
}

/** As AWS names them: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
const policyKinds = [
  'service control policy',
  'resource control policy',
  'permissions boundary',
  'session policy',
  'identity-based policy',
  'resource-based policy',
  'VPC endpoint policy',
  'role trust policy',
];

const roleAdvice: Readonly<Record<string, string>> = {
  'sts:AssumeRole':
    '; the trust policy of the role must let the operator in, and asks for dest.aws.externalId where it names an external id',
  'sts:AssumeRoleWithWebIdentity':
    "; the trust policy of the role must let in the cluster's issuer with the subject system:serviceaccount:<namespace>:<name> and the audience sts.amazonaws.com",
  'sts:TagSession': '; the trust policy of the role must allow it too, for stores.aws.sessionTags',
};

/** Takes from the message nothing but the name of a parameter. */
function refusedParameter({ message }: Error): string {
  const parameter = /\bat '([A-Za-z0-9.]{1,60})' failed/.exec(message)?.[1];
  const what = parameter === undefined ? 'a parameter' : `the parameter ${parameter}`;
  return `AWS refuses ${what}: check the name, the tags and the encryption key of the destination`;
}
