import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:https';
import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth';
import { SyncError } from '../../errors.ts';
import { networkCodeOf } from './failures.ts';
import type { AzureSettings } from './settings.ts';

/** Longest time for one sign-in, in milliseconds. */
const defaultSignInTimeoutMs = 10_000;

/** A token is renewed this long before its end, or at half its life if that is shorter; in milliseconds. */
const renewalMs = 5 * 60_000;

/** How long a token that still holds is used on after a renewal failed, in milliseconds. */
const renewalPauseMs = 30_000;

interface Token {
  readonly value: string;
  /** Unix times in milliseconds. */
  readonly endsAt: number;
  renewAt: number;
}

/** A credential that signs in when it must, and not again before. */
export interface Credential extends TokenCredential {
  /** Throws the token away: the vault did not take it. */
  forget(): void;
}

export interface CredentialOptions {
  readonly settings: AzureSettings;
  readonly agent: Agent;
  /** Unix time in milliseconds. */
  now(): number;
}

/** The scope of every token we ask for. */
function scopeOf({ dnsSuffix }: AzureSettings): string {
  return `https://${dnsSuffix}/.default`;
}

/**
 * Signs in to Microsoft Entra ID by a client secret or a federated token.
 *
 * Every token is handed out as if it ended at once, because the SDK's own cache renews in the background with a promise
 * that nobody awaits: when that fails, the process ends. So the SDK asks each time, and the cache is here. (Of calls at
 * the same time it asks for one only.)
 */
export function createCredential({ settings, agent, now }: CredentialOptions): Credential {
  let token: Token | null = null;

  async function currentToken(): Promise<Token> {
    if (token && now() < token.renewAt) return token;
    const held = token && now() < token.endsAt ? token : null;
    try {
      token = await signIn({ settings, agent, now });
      return token;
    } catch (error) {
      if (!held) throw error;
      held.renewAt = now() + renewalPauseMs;
      return held;
    }
  }

  return {
    async getToken(scopes: string | string[], options: GetTokenOptions = {}): Promise<AccessToken> {
      // A vault may name any resource in its challenge; a token for another one is none of its business.
      if ([scopes].flat().join() !== scopeOf(settings)) {
        throw signInError('SlowRetry', {
          reason: 'ChallengeRefused',
          text: `the vault asks for a token of another resource than ${settings.dnsSuffix}; check stores.azure.dnsSuffix and the vault's address`,
        });
      }
      if (options.claims !== undefined) token = null;
      const { value } = await currentToken();
      return { token: value, expiresOnTimestamp: 0 };
    },
    forget() {
      token = null;
    },
  };
}

async function signIn({ settings, agent, now }: CredentialOptions): Promise<Token> {
  const { tenantId, clientId } = settings;
  if (tenantId === undefined || clientId === undefined) throw missingCredentials();
  const form = {
    grant_type: 'client_credentials',
    scope: scopeOf(settings),
    client_id: clientId,
    ...(await proofOf(settings)),
  };
  const url = new URL(`/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`, settings.authorityHost).href;
  const startedAt = now();
  const { status, body, retryAfter } = await post({
    url,
    form,
    agent,
    limitMs: settings.signInTimeoutMs ?? defaultSignInTimeoutMs,
  });
  const { access_token: value, expires_in: lifetime } = body;
  if (status === 200 && typeof value === 'string') {
    const lifetimeMs = Number(lifetime ?? 3600) * 1000;
    const endsAt = startedAt + lifetimeMs;
    return { value, endsAt, renewAt: endsAt - Math.min(renewalMs, lifetimeMs / 2) };
  }
  const where = `signing in at ${new URL(settings.authorityHost).host} as client ${clientId} of tenant ${tenantId}`;
  if (status === 429 || status === 408 || status >= 500 || status === 200) {
    throw signInError(status === 429 ? 'RateLimited' : 'Retry', {
      reason: 'SignInFailed',
      text: `${where} failed with ${status}; it is tried again`,
      ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter * 1000 }),
    });
  }
  const code = codeOf(body);
  throw signInError('SlowRetry', {
    reason: 'SignInRefused',
    text: `${where} was refused with ${code}: check the tenant, the client and its secret or federated credential, and that stores.azure.authorityHost and stores.azure.dnsSuffix belong to one cloud`,
    code,
  });
}

/** What proves that we are the client. */
async function proofOf(settings: AzureSettings): Promise<Record<string, string>> {
  const { federatedTokenFile, clientSecretFile, clientSecret } = settings;
  if (federatedTokenFile !== undefined) {
    return {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await readSecretFile(federatedTokenFile, 'federatedTokenFile'),
    };
  }
  if (clientSecretFile !== undefined) {
    return { client_secret: await readSecretFile(clientSecretFile, 'clientSecretFile') };
  }
  if (clientSecret !== undefined) return { client_secret: clientSecret };
  throw missingCredentials();
}

async function readSecretFile(path: string, setting: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const text = `the file of stores.azure.${setting} cannot be read (${code}); mount it, or correct the setting`;
    throw signInError('SlowRetry', { reason: 'NoCredentials', text, code });
  }
}

interface TokenAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** Seconds. */
  readonly retryAfter: number | undefined;
}

async function post(options: {
  url: string;
  form: Record<string, string>;
  agent: Agent;
  limitMs: number;
}): Promise<TokenAnswer> {
  const { url, form, agent, limitMs } = options;
  const { createDefaultHttpClient, createHttpHeaders, createPipelineRequest } = await import(
    '@azure/core-rest-pipeline'
  );
  const request = createPipelineRequest({
    url,
    method: 'POST',
    headers: createHttpHeaders({ 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }),
    body: new URLSearchParams(form).toString(),
    abortSignal: AbortSignal.timeout(limitMs),
  });
  // Not among the options above: there the SDK overlooks it.
  request.agent = agent;
  try {
    const response = await createDefaultHttpClient().sendRequest(request);
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    const retryAfter = Number.isFinite(seconds) ? seconds : undefined;
    return { status: response.status, body: parse(response.bodyAsText), retryAfter };
  } catch (error) {
    // The error itself holds the request, and that holds the proof: only its code goes on.
    const code = networkCodeOf(error);
    const text = `${new URL(url).host} cannot be reached to sign in (${code}); check stores.azure.authorityHost and the network`;
    throw signInError('Retry', { reason: 'SignInUnreachable', text, code });
  }
}

function parse(text: string | null | undefined): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text ?? '');
    return typeof body === 'object' && body !== null ? { ...body } : {};
  } catch {
    return {};
  }
}

/** `AADSTS` and its number where Entra ID told one, else the OAuth word. */
function codeOf(body: Record<string, unknown>): string {
  const [number] = Array.isArray(body['error_codes']) ? body['error_codes'] : [];
  if (typeof number === 'number') return `AADSTS${number}`;
  const word = body['error'];
  return typeof word === 'string' && /^[a-z_]{1,40}$/.test(word) ? word : 'no code';
}

function missingCredentials(): SyncError {
  const text =
    'there are no Azure credentials: set stores.azure.tenantId, clientId and federatedTokenFile (workload identity sets all three) or clientSecretFile';
  return signInError('SlowRetry', { reason: 'NoCredentials', text });
}

function signInError(
  remedy: 'SlowRetry' | 'RateLimited' | 'Retry',
  { text, ...rest }: { reason: string; text: string; code?: string; retryAfterMs?: number },
): SyncError {
  return new SyncError({ remedy, message: `Azure: ${text}`, ...rest });
}
