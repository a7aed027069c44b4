import { status } from '@grpc/grpc-js';

/** A refusal with one of gRPC's own status codes; its text is what the caller of the store reads. */
export class StatusError extends Error {
  readonly code: status;

  constructor(code: status, details: string) {
    super(details);
    this.name = 'StatusError';
    this.code = code;
  }
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
