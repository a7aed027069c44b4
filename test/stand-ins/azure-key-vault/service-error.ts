/** An error as the service answers it: `{"error":{"code","message","innererror":{"code"}}}`. */
export class ServiceError extends Error {
  readonly status: number;
  readonly code: string;
  readonly innerCode: string | undefined;
  readonly headers: Record<string, string>;

  constructor(options: {
    status: number;
    code: string;
    message: string;
    innerCode?: string;
    headers?: Record<string, string>;
  }) {
    super(options.message);
    this.status = options.status;
    this.code = options.code;
    this.innerCode = options.innerCode;
    this.headers = options.headers ?? {};
  }

  get body(): unknown {
    const inner = this.innerCode === undefined ? {} : { innererror: { code: this.innerCode } };
    return { error: { code: this.code, message: this.message, ...inner } };
  }
}

/** A request that breaks a rule of the service. */
export function badParameter(message: string): ServiceError {
  return new ServiceError({ status: 400, code: 'BadParameter', message });
}

/** No such secret, or none that can be seen now. */
export function secretNotFound(name: string): ServiceError {
  return new ServiceError({
    status: 404,
    code: 'SecretNotFound',
    message:
      `A secret with (name/id) ${name} was not found in this key vault. If you recently deleted this secret you may ` +
      'be able to recover it using the correct recovery command.',
  });
}

/** The secret's state does not allow the operation. */
export function conflict(innerCode: string, message: string): ServiceError {
  return new ServiceError({ status: 409, code: 'Conflict', message, innerCode });
}

/** Refused for a reason other than a missing token. */
export function forbidden(innerCode: string, message: string): ServiceError {
  return new ServiceError({ status: 403, code: 'Forbidden', message, innerCode });
}
