import { isSignIn, type Operation } from './faults.ts';
import { forbidden, type ServiceError } from './service-error.ts';

/** Permissions for secrets, as access policies call them; roles have a data action for each. */
export const permissions = ['set', 'get', 'list', 'delete', 'recover', 'purge'] as const;
export type Permission = (typeof permissions)[number];

/** What the application may do, and what rules the vaults. */
export interface AccessRules {
  readonly model: 'rbac' | 'policy';
  readonly allow: readonly Permission[];
}

/** Rules that forbid nothing. */
export const allAllowed: AccessRules = { model: 'rbac', allow: permissions };

/** The refusal of an operation that the rules do not allow; undefined where they do. */
export function denialOf({ model, allow }: AccessRules, operation: Operation): ServiceError | undefined {
  if (isSignIn(operation) || allow.includes(permissionOf(operation))) return undefined;
  return model === 'rbac' ? deniedByRole(operation) : deniedByPolicy(operation);
}

/** Reads rules as the admin port is given them. */
export function readAccessRules(given: unknown): AccessRules {
  const { model, allow } = (given ?? {}) as Partial<AccessRules>;
  const known = Array.isArray(allow) && allow.every((permission) => permissions.includes(permission));
  if (!known || (model !== 'rbac' && model !== 'policy')) {
    throw new Error(`rules need "model" (rbac, policy) and "allow" (a list of ${permissions.join(', ')})`);
  }
  return { model, allow };
}

/** As a vault with roles says it. */
export function deniedByRole(operation: Operation): ServiceError {
  return forbidden(
    'ForbiddenByRbac',
    'Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role ' +
      'definitions were changed recently, please observe propagation time.\r\nCaller: appid=stand-in\r\n' +
      `Action: '${actionOf(permissionOf(operation))}'\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\n`,
  );
}

/** As a vault with access policies says it. */
export function deniedByPolicy(operation: Operation): ServiceError {
  return forbidden(
    'AccessDenied',
    `The user, group or application 'appid=stand-in' does not have secrets ${permissionOf(operation)} permission ` +
      "on key vault 'stand-in;location=loopback'. For help resolving this issue, please see " +
      'https://go.microsoft.com/fwlink/?linkid=2125287',
  );
}

/** The permission of an access policy that an operation needs. */
function permissionOf(operation: Operation): Permission {
  switch (operation) {
    case 'SetSecret':
    case 'UpdateSecret':
      return 'set';
    case 'GetSecret':
    case 'GetDeletedSecret':
      return 'get';
    case 'GetSecrets':
    case 'GetSecretVersions':
    case 'GetDeletedSecrets':
      return 'list';
    case 'DeleteSecret':
      return 'delete';
    case 'RecoverDeletedSecret':
      return 'recover';
    case 'PurgeDeletedSecret':
      return 'purge';
    case 'GetToken':
    case 'GetManagedToken':
      throw new Error('signing in needs no permission of a vault');
    default: {
      const never: never = operation;
      throw new Error(`unknown operation ${String(never)}`);
    }
  }
}

/** The data action of a role that stands for a permission. */
export function actionOf(permission: Permission): string {
  const action =
    permission === 'list'
      ? 'readMetadata'
      : permission === 'get' || permission === 'set'
        ? `${permission}Secret`
        : permission;
  return `Microsoft.KeyVault/vaults/secrets/${action}${permission === 'delete' ? '' : '/action'}`;
}
