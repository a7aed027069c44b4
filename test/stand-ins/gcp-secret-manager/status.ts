import { Metadata, status } from '@grpc/grpc-js';

/** google/rpc/error_details.proto as JSON has it, with its `@type`. */
export type Detail = Readonly<Record<string, unknown>>;

/** A refusal with one of gRPC's own status codes; its text is what the caller of the store reads. */
export class StatusError extends Error {
  readonly code: status;
  /** Further details, for the trailers. */
  readonly metadata = new Metadata();

  /** The same, for those who speak REST. */
  readonly details: readonly Detail[];

  constructor(code: status, text: string, details: readonly Detail[] = []) {
    super(text);
    this.name = 'StatusError';
    this.code = code;
    this.details = details;
  }
}

/** RESOURCE_EXHAUSTED with google.rpc.RetryInfo: "ask again after so many seconds" (0 to 127). */
export function exhaustedFor(seconds: number, details: string): StatusError {
  const told = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` };
  const error = new StatusError(status.RESOURCE_EXHAUSTED, details, [told]);
  // Field 1 of each: Duration.seconds (a number), RetryInfo.retry_delay.
  const retryInfo = field(1, Buffer.from([0x08, seconds]));
  const any = Buffer.concat([field(1, Buffer.from('type.googleapis.com/google.rpc.RetryInfo')), field(2, retryInfo)]);
  // google.rpc.Status: code (a number), message, details.
  const code = Buffer.from([0x08, error.code]);
  error.metadata.set('grpc-status-details-bin', Buffer.concat([code, field(2, Buffer.from(details)), field(3, any)]));
  return error;
}

/** A field of a protobuf message that has a length, which is below 128. */
function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
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
