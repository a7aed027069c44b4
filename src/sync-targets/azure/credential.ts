import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth';
import { SyncError } from '../../errors.ts';
import { type Applicant, createSignIn, type SignInOptions, scopeOf } from './sign-in.ts';
import { signInError, type Token } from './token-endpoint.ts';

/** How long a token that still holds is used on after a renewal failed, or a new one was not taken; in milliseconds. */
const renewalPauseMs = 30_000;

/** A credential that signs in when it must, and not again before. */
export interface Credential extends TokenCredential {
  /** The vault took the token: it knows who we are, whatever it says to the rest. */
  confirm(): void;
  /** Throws the token away: the vault did not take it. One that it has never taken is kept a while: another is no better. */
  forget(): void;
}

interface Held {
  readonly token: Token;
  /** Who it was given to. */
  readonly key: string;
  /** Unix times in milliseconds. */
  readonly issuedAt: number;
  readonly renewAt: number;
}

/**
 * The token of whoever signs in, kept until shortly before it ends, or until it is another one who signs in.
 *
 * Every token is handed out as if it ended at once, because the SDK's own cache renews in the background with a promise
 * that nobody awaits: when that fails, the process ends. So the SDK asks each time, and the cache is here. (Of calls at
 * the same time it asks for one only.)
 */
export function createCredential(options: SignInOptions): Credential {
  const { settings, now } = options;
  const applicantNow = createSignIn(options);
  let held: Held | null = null;
  /** The token that a vault took last. */
  let taken: Token | null = null;

  async function currentToken(): Promise<string> {
    const before = held && now() < held.token.endsAt ? held : null;
    const applicant = await applicantNow().catch((error: unknown) => {
      // Who cannot be asked for a moment is who they were; a Secret that is gone is nobody.
      if (before && error instanceof SyncError && error.remedy === 'Retry') return null;
      throw error;
    });
    const kept = applicant === null || applicant.key === before?.key ? before : null;
    if (kept && (applicant === null || now() < kept.renewAt)) return kept.token.value;
    held = await renew(kept, applicant as Applicant);
    return held.token.value;
  }

  async function renew(kept: Held | null, applicant: Applicant): Promise<Held> {
    try {
      const token = await applicant.signIn();
      return { token, key: applicant.key, issuedAt: now(), renewAt: token.renewAt };
    } catch (error) {
      if (!kept) throw error;
      return { ...kept, renewAt: now() + renewalPauseMs };
    }
  }

  return {
    async getToken(scopes: string | string[], { claims }: GetTokenOptions = {}): Promise<AccessToken> {
      // A vault may name any resource in its challenge; a token for another one is none of its business.
      if ([scopes].flat().join() !== scopeOf(settings)) {
        throw signInError('SlowRetry', {
          reason: 'ChallengeRefused',
          text: `the vault asks for a token of another resource than ${settings.dnsSuffix}; check stores.azure.dnsSuffix and the vault's address`,
        });
      }
      if (claims !== undefined) held = null;
      return { token: await currentToken(), expiresOnTimestamp: 0 };
    },
    confirm() {
      taken = held?.token ?? null;
    },
    forget() {
      if (held && held.token !== taken && now() < held.issuedAt + renewalPauseMs) return;
      held = null;
    },
  };
}
