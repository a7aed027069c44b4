import { randomBytes } from 'node:crypto';

/*
 * What Google's STS and the IAM Credentials API say to workload identity federation. Pure but for the tokens it remembers:
 * a request in, a status and a body out.
 */

export interface Provider {
  /** `projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>` */
  readonly name: string;
  /** Subjects of the cluster's tokens that its attribute condition lets in. */
  readonly subjects: readonly string[];
}

export interface Rules {
  readonly providers: readonly Provider[];
  /** Subjects that may become a service account, by its e-mail. */
  readonly impersonators: Readonly<Record<string, readonly string[]>>;
  /** Seconds that a token holds; STS gives at most an hour. */
  readonly lifetimeSeconds: number;
}

export interface Answer {
  readonly status: number;
  readonly body: object;
}

interface Issued {
  readonly subject: string;
  /** Unix time in milliseconds. */
  readonly endsAt: number;
}

const cloudScope = 'https://www.googleapis.com/auth/cloud-platform';

/** generateAccessToken: "At most 3600s unless the organisation allows more." */
const longestSeconds = 3_600;

export interface Identity {
  /** `POST /v1/token` of sts.googleapis.com. */
  exchange(form: URLSearchParams): Answer;
  /** `POST /v1/projects/-/serviceAccounts/<email>:generateAccessToken` of iamcredentials.googleapis.com. */
  generateAccessToken(email: string, request: { authorization: string; body: unknown }): Answer;
}

/** `issue` hears of each token that a store should take. */
export function createIdentity(rules: () => Rules, issue: (token: string) => void): Identity {
  const federated = new Map<string, Issued>();
  const newToken = (): string => `ya29.${randomBytes(24).toString('base64url')}`;

  return {
    exchange(form) {
      const grant = form.get('grant_type');
      if (grant !== 'urn:ietf:params:oauth:grant-type:token-exchange')
        return oauthError('unsupported_grant_type', 'Invalid grant_type.');
      if (form.get('requested_token_type') !== 'urn:ietf:params:oauth:token-type:access_token')
        return oauthError('invalid_request', 'Invalid requested_token_type.');
      if (form.get('subject_token_type') !== 'urn:ietf:params:oauth:token-type:jwt')
        return oauthError('invalid_request', 'Invalid subject_token_type.');
      if (form.get('scope') !== cloudScope) return oauthError('invalid_scope', 'Invalid scope.');
      const audience = form.get('audience') ?? '';
      const provider = rules().providers.find(({ name }) => `//iam.googleapis.com/${name}` === audience);
      if (!provider)
        return oauthError('invalid_target', `The target service indicated by the "audience" parameters is invalid.`);
      const { sub, aud, exp } = claimsOf(form.get('subject_token') ?? '');
      // An OIDC provider without allowed audiences: its own full name, with or without https:.
      if (![aud].flat().some((one) => one === audience || one === `https:${audience}`))
        return oauthError('invalid_grant', 'The audience in ID Token does not match the expected audience.');
      if (!(Number(exp) * 1_000 > Date.now())) return oauthError('invalid_grant', 'The ID Token is expired.');
      if (!provider.subjects.includes(String(sub)))
        return oauthError('unauthorized_client', 'The given credential is rejected by the attribute condition.');
      const token = newToken();
      federated.set(token, { subject: String(sub), endsAt: Date.now() + rules().lifetimeSeconds * 1_000 });
      issue(token);
      const body = {
        access_token: token,
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: rules().lifetimeSeconds,
      };
      return { status: 200, body };
    },

    generateAccessToken(email, { authorization, body }) {
      const caller = federated.get(authorization.replace(/^Bearer /, ''));
      if (!caller || caller.endsAt <= Date.now())
        return apiError(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.');
      const { scope, lifetime } = (body ?? {}) as { scope?: unknown; lifetime?: unknown };
      if (!Array.isArray(scope) || scope.length === 0)
        return apiError(400, 'INVALID_ARGUMENT', 'Invalid scope(s) provided.');
      const seconds = Number(/^([0-9]+)s$/.exec(String(lifetime ?? '3600s'))?.[1] ?? Number.NaN);
      if (!(seconds >= 1 && seconds <= longestSeconds))
        return apiError(400, 'INVALID_ARGUMENT', 'The access token lifetime cannot exceed 3600s.');
      const impersonators = rules().impersonators[email];
      if (!impersonators?.includes(caller.subject))
        return apiError(
          403,
          'PERMISSION_DENIED',
          "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
        );
      const token = newToken();
      issue(token);
      const lasts = Math.min(seconds, rules().lifetimeSeconds);
      return {
        status: 200,
        body: { accessToken: token, expireTime: new Date(Date.now() + lasts * 1_000).toISOString() },
      };
    },
  };
}

function claimsOf(token: string): { sub?: unknown; aud?: unknown; exp?: unknown } {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object;
  } catch {
    return {};
  }
}

// RFC 6749, section 5.2, which RFC 8693 (token exchange) refers to.
function oauthError(error: string, description: string): Answer {
  return { status: 400, body: { error, error_description: description } };
}

function apiError(status: number, word: string, message: string): Answer {
  return { status, body: { error: { code: status, message, status: word } } };
}
