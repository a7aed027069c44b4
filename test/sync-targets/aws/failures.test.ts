import { describe, expect, test } from '@jest/globals';
import { SyncError } from '../../../src/errors.ts';
import { asSyncError } from '../../../src/sync-targets/aws/failures.ts';

const canary = 'hunter2';

/** What AWS refuses, as its SDK throws it. */
function refused(code: string, message: string, operation = 'PutSecretValue'): SyncError {
  const error = Object.assign(new Error(message), { $metadata: { httpStatusCode: 400 } });
  error.name = code;
  const failure = asSyncError(error, { operation, subject: 'app/db', place: 'AWS eu-west-1', who: null });
  if (!(failure instanceof SyncError)) throw new Error('it was taken for a defect');
  return failure;
}

const user = `User: arn:aws:iam::1:user/${canary} is not authorized to perform:`;

describe('what AWS refuses', () => {
  test.each<[string, string, string]>([
    [
      `${user} secretsmanager:PutSecretValue on resource: ${canary} because no identity-based policy allows the secretsmanager:PutSecretValue action`,
      'PutSecretValue',
      'allow secretsmanager:PutSecretValue (no identity-based policy does)',
    ],
    [
      `${user} secretsmanager:PutSecretValue on resource: ${canary} with an explicit deny in a service control policy: arn:aws:organizations::1:policy/${canary}`,
      'PutSecretValue',
      'an explicit deny of secretsmanager:PutSecretValue in a service control policy must go',
    ],
    [
      `${user} secretsmanager:CreateSecret on resource: ${canary} with an explicit deny in a service control policy`,
      'CreateSecret',
      'an explicit deny of secretsmanager:CreateSecret in a service control policy must go; it may ask for tags (dest.aws.tags)',
    ],
    [
      `${user} secretsmanager:TagResource on resource: ${canary} with an explicit deny in a permissions boundary`,
      'TagResource',
      'an explicit deny of secretsmanager:TagResource in a permissions boundary must go',
    ],
    [
      `${user} sts:AssumeRole on resource: arn:aws:iam::1:role/${canary}`,
      'PutSecretValue',
      "allow sts:AssumeRole (in the role's policy, and in every policy above it); the trust policy of the role must let the operator in, and asks for dest.aws.externalId where it names an external id",
    ],
    [
      `${user} sts:TagSession on resource: arn:aws:iam::1:role/${canary}`,
      'PutSecretValue',
      'the trust policy of the role must allow it too, for stores.aws.sessionTags',
    ],
    [
      'Not authorized to perform sts:AssumeRoleWithWebIdentity',
      'PutSecretValue',
      "allow sts:AssumeRoleWithWebIdentity (in the role's policy, and in every policy above it); the trust policy of the role must let in the cluster's issuer with the subject system:serviceaccount:<namespace>:<name> and the audience sts.amazonaws.com",
    ],
    ['Access to KMS is not allowed', 'PutSecretValue', 'allow kms:GenerateDataKey and kms:Decrypt'],
    [
      canary,
      'RestoreSecret',
      "allow secretsmanager:RestoreSecret (in the role's policy, and in every policy above it)",
    ],
  ])('for lack of a permission says which, and by what: %s', (message, operation, advice) => {
    const failure = refused('AccessDeniedException', message, operation);

    expect(failure).toMatchObject({ remedy: 'SlowRetry', reason: 'PermissionMissing' });
    expect(failure.message).toContain(`${operation} app/db in AWS eu-west-1: AccessDeniedException: `);
    expect(failure.message).toContain(advice);
    expect(failure.message).not.toContain(canary);
  });

  const deleted = "You can't perform this operation on the secret because it was marked for deletion.";
  const replica = "Operation not permitted on a replica secret. Call must be made in primary secret's region.";
  test.each<[string, string, string, string, string]>([
    ['PutSecretValue', 'InvalidRequestException', deleted, 'PendingDeletion', 'PendingDeletion'],
    ['PutSecretValue', 'InvalidParameterException', replica, 'FixSpec', 'IsReplica'],
    [
      'DeleteSecret',
      'InvalidParameterException',
      `You can't delete secret ${canary} that still has replica regions [us-east-1].`,
      'Retry',
      'ReplicasLeft',
    ],
    ['ReplicateSecretToRegions', 'InvalidParameterException', canary, 'SlowRetry', 'ReplicationRefused'],
    ['RemoveRegionsFromReplication', 'InvalidRequestException', canary, 'SlowRetry', 'ReplicationRefused'],
    ['PutResourcePolicy', 'MalformedPolicyDocumentException', canary, 'FixSpec', 'PolicyInvalid'],
    ['PutResourcePolicy', 'PublicPolicyException', canary, 'FixSpec', 'PolicyPublic'],
    ['CreateSecret', 'ResourceNotFoundException', canary, 'FixSpec', 'EncryptionKeyNotFound'],
    ['UpdateSecret', 'ResourceNotFoundException', canary, 'Retry', 'NotFound'],
    ['UpdateSecret', 'InvalidParameterException', canary, 'FixSpec', 'RequestRefused'],
  ])('%s with %s has its own remedy', (operation, code, message, remedy, reason) => {
    const failure = refused(code, message, operation);

    expect(failure).toMatchObject({ remedy, reason, code });
    expect(failure.message).not.toContain(canary);
  });

  test('because versions are used up is tried again when some are older', () => {
    const failure = refused('LimitExceededException', canary);

    expect(failure).toMatchObject({ remedy: 'SlowRetry', reason: 'QuotaExceeded', retryAfterMs: 900_000 });
  });
});
