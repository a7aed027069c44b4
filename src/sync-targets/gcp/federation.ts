import { SyncError } from '../../errors.ts';
import type { ResourceIdentity } from '../contract.ts';
import type { HttpAnswer, Network } from './network.ts';
import { callTimeoutOf, type GcpSettings } from './settings.ts';
import { cloudScope, createTokenCache, type Token, type TokenSource } from './tokens.ts';

const lifetimeSeconds = 3_600;

export interface Federation {
  readonly identity: ResourceIdentity;
  /** `projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>` */
  readonly provider: string;
  /** E-mail of the service account to become; null = none. */
  readonly impersonate: string | null;
}

interface World {
  readonly network: Network;
  readonly settings: GcpSettings;
  /** Unix time in milliseconds. */
  now(): number;
}

/**
 * Workload identity federation: Google's STS takes a token of the cluster for one of its own
 * (https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token), and with that, where wanted, a service account
 * gives one of its own
 * (https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken). Made
 * here and not by Google's library: that one knows no time limit for it, repeats by itself, trusts and goes through what
 * it likes, and prints tokens when the environment asks it to.
 */
export function createFederatedTokens(federation: Federation, world: World): TokenSource {
  return createTokenCache({
    now: world.now,
    source: async () => null,
    async tokenFrom() {
      const federated = await exchange(federation, world);
      return federation.impersonate === null ? federated : impersonate(federated, federation, world);
    },
  });
}

async function exchange({ identity, provider }: Federation, world: World): Promise<Token> {
  const audience = `//iam.googleapis.com/${provider}`;
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    subject_token: await identity.token(audience),
    audience,
    scope: cloudScope,
  };
  const what = `the exchange of a token of the ${identity.label} at ${provider}`;
  const begunAt = world.now();
  const answer = await post(world, {
    what,
    url: `${world.settings.stsEndpoint ?? 'https://sts.googleapis.com'}/v1/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
  const { access_token: value, expires_in: seconds, error } = parse(answer);
  if (answer.status === 200 && typeof value === 'string' && value !== '')
    return { value, endsAt: begunAt + Number(seconds ?? lifetimeSeconds) * 1_000 };
  throw refusal(answer, {
    what,
    code: typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? error : `HTTP ${answer.status}`,
    reason: 'SignInRefused',
    advice:
      "check that the provider is there, that it trusts the cluster's issuer, and that its attribute condition lets this ServiceAccount in",
  });
}

async function impersonate(
  federated: Token,
  { identity, impersonate: email }: Federation,
  world: World,
): Promise<Token> {
  const what = `becoming ${email} as the ${identity.label}`;
  const base = world.settings.iamCredentialsEndpoint ?? 'https://iamcredentials.googleapis.com';
  const answer = await post(world, {
    what,
    url: `${base}/v1/projects/-/serviceAccounts/${email}:generateAccessToken`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${federated.value}` },
    body: JSON.stringify({ scope: [cloudScope], lifetime: `${lifetimeSeconds}s` }),
  });
  const { accessToken: value, expireTime, error } = parse(answer);
  const endsAt = Date.parse(String(expireTime));
  if (answer.status === 200 && typeof value === 'string' && endsAt > 0) return { value, endsAt };
  const { status } = (error ?? {}) as { status?: unknown };
  throw refusal(answer, {
    what,
    code: typeof status === 'string' && /^[A-Z_]{1,40}$/.test(status) ? status : `HTTP ${answer.status}`,
    reason: 'ImpersonationRefused',
    advice:
      'grant roles/iam.workloadIdentityUser (iam.serviceAccounts.getAccessToken) on that service account to it, and enable iamcredentials.googleapis.com in its project',
  });
}

interface Post {
  readonly what: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function post({ network, settings }: World, { what, url, headers, body }: Post): Promise<HttpAnswer> {
  const signal = AbortSignal.timeout(callTimeoutOf(settings));
  try {
    return await network.send({ url, method: 'POST', headers, body, signal });
  } catch (error) {
    const code = signal.aborted ? 'no answer came in time' : (error as Error).message;
    const message = `GCP: ${what} failed (${code}): check that ${new URL(url).host} can be reached`;
    throw new SyncError({ remedy: 'Retry', reason: 'SignInUnreachable', message });
  }
}

/** Never with the answer's own text, which may repeat a token. */
function refusal(
  { status, retryAfterMs }: HttpAnswer,
  { what, code, reason, advice }: { what: string; code: string; reason: string; advice: string },
): SyncError {
  if (status === 429 || status >= 500 || status === 200) {
    const message = `GCP: ${what} failed with ${code}; it is tried again`;
    const remedy = status === 429 ? 'RateLimited' : 'Retry';
    const wait = retryAfterMs === null ? {} : { retryAfterMs };
    return new SyncError({ remedy, reason: 'SignInFailed', message, code, ...wait });
  }
  return new SyncError({
    remedy: 'SlowRetry',
    reason,
    message: `GCP: ${what} was refused with ${code}: ${advice}`,
    code,
  });
}

function parse({ body }: HttpAnswer): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body.toString());
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
