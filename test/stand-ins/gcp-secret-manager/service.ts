import { createRequire } from 'node:module';
import path from 'node:path';
import { type handleUnaryCall, type ServiceDefinition, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { createTrailers } from './details.ts';
import type { FaultKind, FaultSwitch } from './faults.ts';
import { type Operation, PERMISSIONS } from './permissions.ts';
import type { Quota } from './quota.ts';
import { exhaustedFor, StatusError } from './status.ts';
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
  readonly quota: Quota;
  readonly record: (request: RequestRecord) => void;
  readonly now: () => Date;
  /** IAM permissions that callers have. */
  readonly allowed: () => readonly string[];
  /** Calls that hang, and whose callers have not given up. */
  readonly hanging: Set<object>;
  /** @throws StatusError when nobody we know brings this `authorization` */
  readonly admit: (authorization: string) => void;
}

/** One call, by whichever transport it came. */
export interface IncomingCall {
  readonly operation: Operation;
  readonly request: object;
  /** '' = none. */
  readonly authorization: string;
  onCancelled(gone: () => void): void;
}

export const OPERATIONS = Object.keys(PERMISSIONS) as Operation[];

/** Names of the methods as gRPC spells them. */
export const METHODS: readonly string[] = OPERATIONS.map(methodName);

export const serviceName = 'google.cloud.secretmanager.v1.SecretManagerService';

/** The definition that Google's own client ships. */
export function loadDefinitions(): PackageDefinition {
  const require = createRequire(import.meta.url);
  const secretManager = path.join(path.dirname(require.resolve('@google-cloud/secret-manager')), '../protos');
  const gax = path.join(path.dirname(require.resolve('google-gax')), '../protos');
  return loadSync('google/cloud/secretmanager/v1/service.proto', {
    includeDirs: [secretManager, gax],
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
}

export function loadServiceDefinition(): ServiceDefinition {
  return loadDefinitions()[serviceName] as ServiceDefinition;
}

/** Answers a call; null = it hangs, and never will be answered. @throws StatusError */
export type Answer = (call: IncomingCall) => object | null;

/** What both transports do with a call. */
export function createAnswer(options: ServiceOptions): Answer {
  const { store, faults, quota, record, now, allowed, admit, hanging } = options;
  return ({ operation, request, authorization, onCancelled }) => {
    const method = methodName(operation);
    const finish = (code: status): void =>
      record({ method, resource: resourceOf(request), status: status[code], time: now().toISOString() });
    try {
      admit(authorization);
      const fault = faults.take(method);
      if (fault === 'hang') {
        const call = {};
        hanging.add(call);
        onCancelled(() => {
          hanging.delete(call);
          finish(status.CANCELLED);
        });
        return null;
      }
      quota.take(operation, resourceOf(request));
      if (!allowed().includes(PERMISSIONS[operation])) throw denied({ operation, request });
      const carriedOut = fault === null || fault === 'lose-answer' || fault === 'lose-checksum';
      if (!carriedOut) throw faultError(fault, { operation, request });
      const answer = (store[operation] as (request: object) => object)(
        fault === 'lose-checksum' ? withoutChecksum(request) : request,
      );
      if (fault === 'lose-answer') throw new StatusError(status.UNAVAILABLE, 'The answer was lost.');
      finish(status.OK);
      return answer;
    } catch (error) {
      const refusal = error instanceof StatusError ? error : new StatusError(status.INTERNAL, 'The stand-in failed.');
      finish(refusal.code);
      throw refusal;
    }
  };
}

/** The handlers for gRPC; a method that the stand-in lacks is answered UNIMPLEMENTED by gRPC itself. */
export function createService(answer: Answer): UntypedServiceImplementation {
  const trailersOf = createTrailers();
  const handlerFor = (operation: Operation) => handlerOf(operation, { answer, trailersOf });
  return Object.fromEntries(OPERATIONS.map((operation) => [methodName(operation), handlerFor(operation)]));
}

function handlerOf(
  operation: Operation,
  { answer, trailersOf }: { answer: Answer; trailersOf: ReturnType<typeof createTrailers> },
): handleUnaryCall<object, object> {
  return (call, callback) => {
    const [authorization] = call.metadata.get('authorization');
    const onCancelled = (gone: () => void): void => void call.once('cancelled', gone);
    try {
      const given = { operation, request: call.request, authorization: String(authorization ?? ''), onCancelled };
      const answered = answer(given);
      if (answered) callback(null, answered);
    } catch (error) {
      const { code, message } = error as StatusError;
      callback({ code, details: message, metadata: trailersOf(error as StatusError) });
    }
  };
}

/** The name of a method as gRPC spells it. */
export function methodName(operation: Operation): string {
  return operation.charAt(0).toUpperCase() + operation.slice(1);
}

function faultError(
  kind: Exclude<FaultKind, 'hang' | 'lose-answer' | 'lose-checksum'>,
  call: { operation: Operation; request: object },
): StatusError {
  switch (kind) {
    case 'throttle':
      return new StatusError(status.RESOURCE_EXHAUSTED, "Quota exceeded for quota metric 'Write requests'.");
    case 'throttle-for-7s':
      return exhaustedFor(7, 'Quota exceeded.');
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
  const metadata = { permission: PERMISSIONS[operation], resource: resourceOf(request) };
  return new StatusError(
    status.PERMISSION_DENIED,
    `Permission '${metadata.permission}' denied for resource '${metadata.resource}' (or it may not exist).`,
    [{ '@type': errorInfo, reason: 'IAM_PERMISSION_DENIED', domain: 'iam.googleapis.com', metadata }],
  );
}

const errorInfo = 'type.googleapis.com/google.rpc.ErrorInfo';

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
