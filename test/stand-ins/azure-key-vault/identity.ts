import { randomBytes } from 'node:crypto';
import { ServiceError } from './service-error.ts';

/** The one application that may sign in. */
export interface Application {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** What tokens are issued for: `https://vault.azure.net` in the public cloud. */
  readonly resource: string;
  /** `sub` that a client assertion must have; any when undefined. Signatures are not checked. */
  readonly assertionSubject: string | undefined;
  readonly tokenLifetimeSeconds: number;
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const assertionAudience = 'api://AzureADTokenExchange';

/** An answer of the token endpoint. */
export interface TokenAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Microsoft Entra ID as far as a vault needs it: issues tokens to one application and knows its own again. */
export class Identity {
  readonly #application: Application;
  readonly #now: () => number;
  /** Token to the Unix time in milliseconds at which it ends. */
  readonly #tokens = new Map<string, number>();

  constructor(application: Application, now: () => number) {
    this.#application = application;
    this.#now = now;
  }

  /** Answers `POST /{tenant}/oauth2/v2.0/token` with a form of the client credentials grant. */
  issueToken(tenantId: string, form: URLSearchParams): TokenAnswer {
    const refusal = this.#refusal(tenantId, form);
    if (refusal) return refusal;
    const lifetime = this.#application.tokenLifetimeSeconds;
    const token = randomBytes(24).toString('base64url');
    this.#tokens.set(token, this.#now() + lifetime * 1000);
    return {
      status: 200,
      body: { token_type: 'Bearer', expires_in: lifetime, ext_expires_in: lifetime, access_token: token },
    };
  }

  /** Makes every token worthless, as a change of the application's credentials may. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  /** @throws ServiceError 401 with the challenge, unless the header bears a token that still holds */
  authorize(header: string | undefined, base: string): void {
    const token = /^Bearer (.+)$/.exec(header ?? '')?.[1];
    const endsAt = token === undefined ? undefined : this.#tokens.get(token);
    if (endsAt !== undefined && endsAt > this.#now()) return;
    const challenge = `Bearer authorization="${base}/${this.#application.tenantId}", resource="${this.#application.resource}"`;
    throw new ServiceError({
      status: 401,
      code: 'Unauthorized',
      message:
        token === undefined
          ? 'AKV10000: Request is missing a Bearer or PoP token.'
          : 'AKV10032: Invalid or expired token.',
      headers: { 'www-authenticate': challenge },
    });
  }

  #refusal(tenantId: string, form: URLSearchParams): TokenAnswer | undefined {
    const application = this.#application;
    if (tenantId !== application.tenantId) {
      return refuse(400, 'invalid_request', `AADSTS90002: Tenant '${tenantId}' not found.`);
    }
    if (form.get('grant_type') !== 'client_credentials') {
      return refuse(400, 'unsupported_grant_type', 'AADSTS70003: The app requested an unsupported grant type.');
    }
    if (form.get('scope') !== `${application.resource}/.default`) {
      return refuse(
        400,
        'invalid_scope',
        'AADSTS70011: The provided value for the input parameter scope is not valid.',
      );
    }
    if (form.get('client_id') !== application.clientId) {
      return refuse(400, 'unauthorized_client', 'AADSTS700016: Application was not found in the directory.');
    }
    if (form.get('client_assertion_type') === assertionType) return this.#assertionRefusal(form);
    if (form.get('client_secret') === application.clientSecret) return undefined;
    return refuse(401, 'invalid_client', 'AADSTS7000215: Invalid client secret provided.');
  }

  #assertionRefusal(form: URLSearchParams): TokenAnswer | undefined {
    const claims = readClaims(form.get('client_assertion') ?? '');
    if (!claims) return refuse(401, 'invalid_client', 'AADSTS50027: JWT token is invalid or malformed.');
    const audience = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']];
    if (!audience.includes(assertionAudience)) {
      return refuse(401, 'invalid_client', 'AADSTS700212: No matching federated identity record for the audience.');
    }
    if (typeof claims['exp'] !== 'number' || claims['exp'] * 1000 <= this.#now()) {
      return refuse(401, 'invalid_client', 'AADSTS700024: Client assertion is not within its valid time range.');
    }
    const wanted = this.#application.assertionSubject;
    if (wanted !== undefined && claims['sub'] !== wanted) {
      return refuse(401, 'invalid_client', 'AADSTS700213: No matching federated identity record for the subject.');
    }
    return undefined;
  }
}

function refuse(status: number, error: string, description: string): TokenAnswer {
  const code = Number(/AADSTS(\d+)/.exec(description)?.[1]);
  return { status, body: { error, error_description: description, error_codes: [code] } };
}

function readClaims(assertion: string): Record<string, unknown> | undefined {
  const parts = assertion.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString());
    return typeof claims === 'object' && claims !== null ? { ...claims } : undefined;
  } catch {
    return undefined;
  }
}
