/** Why there is no subscription, in words that end a sentence and say what to do. */
export function refusalOf(status: number): string {
  switch (status) {
    case 401:
    case 403:
      return `it answered ${status}: the token in tokenFile is not valid (any more), or its policy lacks read on sys/events/subscribe/kv*; a new token in the file is used at once`;
    case 404:
    case 405:
    case 501:
      return `it answered ${status}: it has no event notifications, which need Vault Enterprise 1.16 or newer; community Vault and OpenBao have none, so remove the entry and let its audit log be heard`;
    case 503:
      return 'it answered 503: it is sealed, or not ready';
    default:
      return `it answered ${status}`;
  }
}

/** What became of a connection that could not be made: the code of Node or OpenSSL, which holds nothing secret. */
export function failureOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code !== 'string') return 'it cannot be reached, or does not answer in time';
  const untrusted = /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code);
  return untrusted ? `its certificate is not trusted (${code}): set caFile` : `it cannot be reached (${code})`;
}
