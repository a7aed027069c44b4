import { SyncError } from '../errors.ts';
import { errorCodeOf } from './error-code.ts';

/** A credential that may change while we run: a file, usually. Asked again whenever it is needed. */
export type CredentialSource = () => Promise<string> | string;

/** How a reader proves to Vault who it is. */
export type VaultAuth = TokenAuth | LoginAuth;

/** A token that somebody else made and keeps alive. It is neither renewed nor revoked here. */
interface TokenAuth {
  readonly method: 'token';
  readonly token: CredentialSource;
}

export type LoginAuth = AppRoleAuth | KubernetesAuth;

interface LoginPlace {
  /** Where the auth method is enabled, without slashes around it; its own name unless said. */
  readonly mount?: string;
  /** The namespace in which it is enabled; root unless said. */
  readonly namespace?: string;
}

export interface AppRoleAuth extends LoginPlace {
  readonly method: 'appRole';
  readonly roleId: string;
  readonly secretId: CredentialSource;
}

interface KubernetesAuth extends LoginPlace {
  readonly method: 'kubernetes';
  readonly role: string;
  /** A ServiceAccount token that Vault may review. */
  readonly jwt: CredentialSource;
}

/** A token for requests, and what to do when Vault refuses it. */
export interface TokenSource {
  /** @throws SyncError when there is none to be had */
  current(signal: AbortSignal): Promise<string>;
  /**
   * After Vault refused `refused` with 403: another token, worth trying once, or `null`. `invalid` = Vault said that it
   * is the token, not its rights.
   */
  replace(
    refused: string,
    options: { readonly invalid: boolean; readonly signal: AbortSignal },
  ): Promise<string | null>;
  close(): Promise<void>;
}

/** Milliseconds for which a token that was read from its source is used without looking again. */
const tokenIsFreshMs = 10_000;

/** A token from a file or variable, read again now and then, and when Vault refuses it. */
export function createStaticTokens(options: { source: CredentialSource; now: () => number }): TokenSource {
  let held: { token: string; readAt: number } | null = null;

  async function readAgain(): Promise<string> {
    const token = await readCredential('the Vault token', options.source);
    held = { token, readAt: options.now() };
    return token;
  }

  return {
    async current() {
      if (held !== null && options.now() - held.readAt < tokenIsFreshMs) return held.token;
      return readAgain();
    },
    async replace(refused) {
      const token = await readAgain();
      return token === refused ? null : token;
    },
    async close() {
      held = null;
    },
  };
}

/**
 * @param what names the credential in errors, e.g. `the secret id`
 * @throws SyncError `SlowRetry` when it cannot be read, is empty, or could not be sent
 */
export async function readCredential(what: string, source: CredentialSource): Promise<string> {
  let text: string;
  try {
    text = (await source()).trim();
  } catch (error) {
    if (error instanceof SyncError) throw error;
    throw unusable(`${what} cannot be read (${errorCodeOf(error) ?? 'no code'}); check its file or variable`);
  }
  if (text === '') throw unusable(`${what} is empty; check its file or variable`);
  if (!/^[\x21-\x7e]+$/.test(text)) throw unusable(`${what} holds characters that no such credential has`);
  return text;
}

function unusable(message: string): SyncError {
  return new SyncError({ remedy: 'SlowRetry', reason: 'CredentialUnusable', message });
}
