import { status } from '@grpc/grpc-js';

/** google/rpc/error_details.proto as JSON has it, with its `@type`. */
export type Detail = Readonly<Record<string, unknown>>;

/** A refusal with one of gRPC's own status codes; its text is what the caller of the store reads. */
export class StatusError extends Error {
  readonly code: status;
  readonly details: readonly Detail[];

  constructor(code: status, text: string, details: readonly Detail[] = []) {
    super(text);
    this.name = 'StatusError';
    this.code = code;
    this.details = details;
  }
}

/** RESOURCE_EXHAUSTED with google.rpc.RetryInfo: "ask again after so many seconds". */
export function exhaustedFor(seconds: number, text: string): StatusError {
  const told = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` };
  return new StatusError(status.RESOURCE_EXHAUSTED, text, [told]);
}

export function invalidArgument(details: string): StatusError {
  return new StatusError(status.INVALID_ARGUMENT, details);
}

export function failedPrecondition(details: string): StatusError {
  return new StatusError(status.FAILED_PRECONDITION, details);
}

export function notFound(details: string): StatusError {
  return new StatusError(status.NOT_FOUND, details);
}
