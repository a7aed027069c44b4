import { createRequire } from 'node:module';
import path from 'node:path';
import {
  type handleUnaryCall,
  type ServerUnaryCall,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { FaultKind, FaultSwitch } from './faults.ts';
import { type Operation, PERMISSIONS } from './permissions.ts';
import { StatusError } from './status.ts';
import type { Store } from './store.ts';

/** One call as the log remembers it: no payload, no label, no annotation. */
export interface RequestRecord {
  readonly method: string;
  /** Resource name as the caller wrote it. */
  readonly resource: string;
  /** Name of the gRPC status, e.g. `OK`; `CANCELLED` when the caller gave up on a call that hung. */
  readonly status: string;
  /** ISO 8601. */
  readonly time: string;
}

export interface ServiceOptions {
  readonly store: Store;
  readonly faults: FaultSwitch;
  readonly record: (request: RequestRecord) => void;
  readonly now: () => Date;
  /** IAM permissions that callers have. */
  readonly allowed: () => readonly string[];
  /** When given, every call must bring `authorization: Bearer <token>`. */
  readonly token: string | null;
}

const OPERATIONS = Object.keys(PERMISSIONS) as Operation[];

/** Names of the methods as gRPC spells them. */
export const METHODS: readonly string[] = OPERATIONS.map(methodName);

/** google.cloud.secretmanager.v1.SecretManagerService, from the definition that Google's own client ships. */
export function loadServiceDefinition(): ServiceDefinition {
  const require = createRequire(import.meta.url);
  const secretManager = path.join(path.dirname(require.resolve('@google-cloud/secret-manager')), '../protos');
  const gax = path.join(path.dirname(require.resolve('google-gax')), '../protos');
  const definition = loadSync('google/cloud/secretmanager/v1/service.proto', {
    includeDirs: [secretManager, gax],
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  return definition['google.cloud.secretmanager.v1.SecretManagerService'] as ServiceDefinition;
}

/** The handlers of the service; a method that the stand-in lacks is answered UNIMPLEMENTED by gRPC itself. */
export function createService(options: ServiceOptions): UntypedServiceImplementation {
  return Object.fromEntries(OPERATIONS.map((operation) => [methodName(operation), handlerOf(operation, options)]));
}

function handlerOf(operation: Operation, options: ServiceOptions): handleUnaryCall<object, object> {
  const method = methodName(operation);
  const { store, faults, now } = options;
  return (call, callback) => {
    const finish = (code: status): void => {
      options.record({ method, resource: resourceOf(call.request), status: status[code], time: now().toISOString() });
    };
    try {
      checkToken(call, options.token);
      const fault = faults.take(method);
      if (fault === 'hang') {
        call.once('cancelled', () => finish(status.CANCELLED));
        return;
      }
      if (!options.allowed().includes(PERMISSIONS[operation])) throw denied({ operation, request: call.request });
      const carriedOut = fault === null || fault === 'lose-answer' || fault === 'lose-checksum';
      if (!carriedOut) throw faultError(fault, { operation, request: call.request });
      const answer = (store[operation] as (request: object) => object)(
        fault === 'lose-checksum' ? withoutChecksum(call.request) : call.request,
      );
      if (fault === 'lose-answer') throw new StatusError(status.UNAVAILABLE, 'The answer was lost.');
      finish(status.OK);
      callback(null, answer);
    } catch (error) {
      const refusal = error instanceof StatusError ? error : new StatusError(status.INTERNAL, 'The stand-in failed.');
      finish(refusal.code);
      callback({ code: refusal.code, details: refusal.message });
    }
  };
}

function methodName(operation: Operation): string {
  return operation.charAt(0).toUpperCase() + operation.slice(1);
}

function checkToken(call: ServerUnaryCall<object, object>, token: string | null): void {
  if (token === null || call.metadata.get('authorization')[0] === `Bearer ${token}`) return;
  throw new StatusError(status.UNAUTHENTICATED, 'Request had invalid authentication credentials.');
}

function faultError(
  kind: Exclude<FaultKind, 'hang' | 'lose-answer' | 'lose-checksum'>,
  call: { operation: Operation; request: object },
): StatusError {
  switch (kind) {
    case 'throttle':
      return new StatusError(status.RESOURCE_EXHAUSTED, "Quota exceeded for quota metric 'Write requests'.");
    case 'unavailable':
      return new StatusError(status.UNAVAILABLE, 'The service is currently unavailable.');
    case 'deny':
      return denied(call);
    default: {
      const never: never = kind;
      return never;
    }
  }
}

function denied({ operation, request }: { operation: Operation; request: object }): StatusError {
  return new StatusError(
    status.PERMISSION_DENIED,
    `Permission '${PERMISSIONS[operation]}' denied for resource '${resourceOf(request)}' (or it may not exist).`,
  );
}

function withoutChecksum(request: object): object {
  const { payload } = request as { payload?: { data: Uint8Array } };
  return { ...request, payload: payload && { data: payload.data } };
}

function resourceOf(request: object): string {
  const { name, parent, secretId, secret } = request as {
    name?: string;
    parent?: string;
    secretId?: string;
    secret?: { name?: string };
  };
  if (name) return name;
  if (parent && secretId) return `${parent}/secrets/${secretId}`;
  return parent || secret?.name || '';
}
