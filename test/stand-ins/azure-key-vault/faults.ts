import type { Socket } from 'node:net';
import { deniedByPolicy, deniedByRole } from './permissions.ts';
import { throttled } from './quota.ts';
import { forbidden, ServiceError } from './service-error.ts';

/** The operations of the service, by the names of its reference, and the token endpoint. */
const operations = [
  'SetSecret',
  'GetSecret',
  'UpdateSecret',
  'DeleteSecret',
  'GetSecrets',
  'GetSecretVersions',
  'GetDeletedSecret',
  'GetDeletedSecrets',
  'RecoverDeletedSecret',
  'PurgeDeletedSecret',
  'GetToken',
  'GetManagedToken',
] as const;
export type Operation = (typeof operations)[number];

const faultKinds = [
  'throttle',
  'hang',
  'stall',
  'error',
  'lost',
  'rbac',
  'policy',
  'firewall',
  'connection',
  'governance',
] as const;

/** A fault that is switched on. */
export interface Fault {
  /**
   * - `throttle`: 429 with `Retry-After`
   * - `hang`: no answer until the switch is cleared, then a cut connection
   * - `stall`: the head of the answer and half its body, and no more until the switch is cleared; then a cut connection
   * - `error`: `status`, 500 by default
   * - `lost`: the operation happens, but the connection is cut before the answer
   * - `rbac`, `policy`: 403 as a missing role or a missing permission of an access policy gives it
   * - `firewall`, `connection`: 403 as the firewall gives it, or a vault without public network access
   * - `governance`: 403 as a policy of Azure gives it that denies such secrets
   */
  readonly kind: (typeof faultKinds)[number];
  /** `*`, the default, is every operation on the vault, but not `GetToken` and `GetManagedToken`. */
  readonly operation?: Operation | '*';
  /** How many calls it lets pass before; none by default. */
  readonly after?: number;
  /** How often it strikes; without end by default. */
  readonly count?: number;
  readonly status?: number;
  readonly retryAfterSeconds?: number;
}

/** The faults that are switched on, in the order in which they were. */
export class FaultSwitch {
  #faults: { fault: Fault; left: number; toPass: number }[] = [];
  readonly #hanging = new Set<() => void>();

  add(fault: Fault): void {
    this.#faults.push({ fault, left: fault.count ?? Number.POSITIVE_INFINITY, toPass: fault.after ?? 0 });
  }

  /** Switches everything off and lets go of what hangs. */
  clear(): void {
    this.#faults = [];
    for (const release of this.#hanging) release();
  }

  /** The fault that strikes this operation now, used up by one. */
  strike(operation: Operation): Fault | undefined {
    const struck = this.#faults.find(({ fault, left }) => left > 0 && concerns(fault, operation));
    if (!struck) return undefined;
    if (struck.toPass > 0) {
      struck.toPass -= 1;
      return undefined;
    }
    struck.left -= 1;
    return struck.fault;
  }

  /** Calls that hang. */
  get hanging(): number {
    return this.#hanging.size;
  }

  /** Ends when the switch is cleared, or when the caller hangs up. */
  async hang(caller: Socket): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hanging.add(resolve);
    caller.once('close', resolve);
    await promise;
    caller.off('close', resolve);
    this.#hanging.delete(resolve);
  }
}

/** Reads a fault as the admin port is given it. */
export function readFault(given: unknown): Fault {
  const fault = given as Partial<Fault> | null;
  const known = faultKinds.some((kind) => kind === fault?.kind);
  const operation = fault?.operation ?? '*';
  if (!fault || !known || (operation !== '*' && !operations.includes(operation))) {
    throw new Error(`a fault needs "kind" (${faultKinds.join(', ')}) and "operation" (*, ${operations.join(', ')})`);
  }
  return fault as Fault;
}

/** The error that a fault answers with; undefined for the kinds that answer nothing. */
export function errorOf(fault: Fault, operation: Operation): ServiceError | undefined {
  switch (fault.kind) {
    case 'throttle':
      return throttled(fault.retryAfterSeconds);
    case 'error':
      return new ServiceError({
        status: fault.status ?? 500,
        code: 'InternalServerError',
        message: 'An error has occurred.',
      });
    case 'rbac':
      return deniedByRole(operation);
    case 'policy':
      return deniedByPolicy(operation);
    case 'firewall':
      return forbidden(
        'ForbiddenByFirewall',
        'Client address is not authorized and caller is not a trusted service.\r\nClient address: 127.0.0.1\r\n' +
          'Caller: appid=stand-in\r\nVault: stand-in;location=loopback',
      );
    case 'connection':
      return forbidden(
        'ForbiddenByConnection',
        'Public network access is disabled and request is not from a trusted service nor via an approved private ' +
          'link.\r\nCaller: appid=stand-in\r\nVault: stand-in;location=loopback',
      );
    case 'governance':
      return forbidden(
        'ForbiddenByGovernancePolicy',
        "Secret 'stand-in' was disallowed by policy. Policy identifiers: 'Secrets should have content type set'.",
      );
    case 'hang':
    case 'stall':
    case 'lost':
      return undefined;
    default: {
      const never: never = fault.kind;
      throw new Error(`unknown fault ${String(never)}`);
    }
  }
}

/** Whether it asks for a token, and not a vault. */
export function isSignIn(operation: Operation): boolean {
  return operation === 'GetToken' || operation === 'GetManagedToken';
}

function concerns(fault: Fault, operation: Operation): boolean {
  const wanted = fault.operation ?? '*';
  return wanted === operation || (wanted === '*' && !isSignIn(operation));
}
