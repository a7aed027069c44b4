import { randomBytes } from 'node:crypto';
import { ServiceError } from './service-error.ts';

/** An application that may sign in. */
export interface Application {
  readonly clientId: string;
  readonly clientSecret: string;
  /** `sub` that a client assertion must have; any when undefined. Signatures are not checked. */
  readonly assertionSubject: string | undefined;
}

/** The tenant that it signs in to. */
export interface Tenant {
  readonly tenantId: string;
  /** What tokens are issued for: `https://vault.azure.net` in the public cloud. */
  readonly resource: string;
  readonly tokenLifetimeSeconds: number;
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const assertionAudience = 'api://AzureADTokenExchange';

/** An answer of the token endpoint. */
export interface TokenAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Microsoft Entra ID as far as a vault needs it: issues tokens to applications of one tenant and knows its own again. */
export class Identity {
  readonly #tenant: Tenant;
  readonly #now: () => number;
  readonly #applications = new Map<string, Application>();
  /** Ends are Unix times in milliseconds. */
  readonly #tokens = new Map<string, { readonly endsAt: number; readonly clientId: string }>();

  constructor(tenant: Tenant, now: () => number) {
    this.#tenant = tenant;
    this.#now = now;
  }

  /** Registers an application, or changes its proof; tokens that it has stay good, as in Entra ID. */
  register(application: Application): void {
    this.#applications.set(application.clientId, application);
  }

  /** Answers `POST /{tenant}/oauth2/v2.0/token` with a form of the client credentials grant. */
  issueToken(tenantId: string, form: URLSearchParams): TokenAnswer {
    const refusal = this.#refusal(tenantId, form);
    if (refusal) return refusal;
    const { token, lifetime } = this.#issue(form.get('client_id') ?? '');
    return {
      status: 200,
      body: { token_type: 'Bearer', expires_in: lifetime, ext_expires_in: lifetime, access_token: token },
    };
  }

  /** A token of a managed identity: of the application named, or of the first one. Null = there is no such identity. */
  issueManagedToken(
    clientId: string | null,
    resource: string,
  ): { readonly token: string; readonly lifetime: number; readonly now: number } | null {
    const [first] = this.#applications.keys();
    const wanted = clientId ?? first ?? '';
    if (!this.#applications.has(wanted) || resource !== this.#tenant.resource) return null;
    return { ...this.#issue(wanted), now: Math.floor(this.#now() / 1000) };
  }

  /** Makes every token worthless, as a change of the application's credentials may. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  /** The application that asks. @throws ServiceError 401 with the challenge, unless the header bears a token that still holds */
  authorize(header: string | undefined, base: string): string {
    const token = /^Bearer (.+)$/.exec(header ?? '')?.[1];
    const known = token === undefined ? undefined : this.#tokens.get(token);
    if (known !== undefined && known.endsAt > this.#now()) return known.clientId;
    const challenge = `Bearer authorization="${base}/${this.#tenant.tenantId}", resource="${this.#tenant.resource}"`;
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

  #issue(clientId: string): { token: string; lifetime: number } {
    const lifetime = this.#tenant.tokenLifetimeSeconds;
    const token = randomBytes(24).toString('base64url');
    this.#tokens.set(token, { endsAt: this.#now() + lifetime * 1000, clientId });
    return { token, lifetime };
  }

  #refusal(tenantId: string, form: URLSearchParams): TokenAnswer | undefined {
    if (tenantId !== this.#tenant.tenantId) {
      return refuse(400, 'invalid_request', `AADSTS90002: Tenant '${tenantId}' not found.`);
    }
    if (form.get('grant_type') !== 'client_credentials') {
      return refuse(400, 'unsupported_grant_type', 'AADSTS70003: The app requested an unsupported grant type.');
    }
    if (form.get('scope') !== `${this.#tenant.resource}/.default`) {
      return refuse(
        400,
        'invalid_scope',
        'AADSTS70011: The provided value for the input parameter scope is not valid.',
      );
    }
    const application = this.#applications.get(form.get('client_id') ?? '');
    if (!application) {
      return refuse(400, 'unauthorized_client', 'AADSTS700016: Application was not found in the directory.');
    }
    if (form.get('client_assertion_type') === assertionType) return this.#assertionRefusal(form, application);
    if (form.get('client_secret') === application.clientSecret) return undefined;
    return refuse(401, 'invalid_client', 'AADSTS7000215: Invalid client secret provided.');
  }

  #assertionRefusal(form: URLSearchParams, application: Application): TokenAnswer | undefined {
    const claims = readClaims(form.get('client_assertion') ?? '');
    if (!claims) return refuse(401, 'invalid_client', 'AADSTS50027: JWT token is invalid or malformed.');
    const audience = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']];
    if (!audience.includes(assertionAudience)) {
      return refuse(401, 'invalid_client', 'AADSTS700212: No matching federated identity record for the audience.');
    }
    if (typeof claims['exp'] !== 'number' || claims['exp'] * 1000 <= this.#now()) {
      return refuse(401, 'invalid_client', 'AADSTS700024: Client assertion is not within its valid time range.');
    }
    const wanted = application.assertionSubject;
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
