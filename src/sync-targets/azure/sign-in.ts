import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:https';
import type { AzureDestination } from '../../crd/destinations/azure.ts';
import { fixSpec, type SyncError } from '../../errors.ts';
import type { ResourceIdentity } from '../contract.ts';
import { askManagedIdentity } from './managed-identity.ts';
import type { AzureSettings } from './settings.ts';
import { askForToken, codeOf, isPassing, passingError, signInError, type Token, tokenIn } from './token-endpoint.ts';

/** How long the same proof is not tried again after it was refused, in milliseconds. */
const refusalPauseMs = 30_000;

/** Entra ID: audience of a token that another issuer gave and that is exchanged for one of its own. */
const exchangeAudience = 'api://AzureADTokenExchange';

export interface SignInOptions {
  readonly settings: AzureSettings;
  readonly agent: Agent;
  /** What the manifest says of the identity, and that identity; without it the operator's own counts. */
  readonly auth?: AzureDestination['auth'];
  readonly identity?: ResourceIdentity | undefined;
  /** Unix time in milliseconds. */
  now(): number;
}

/** Who asks, as it is now. */
export interface Applicant {
  /** Another text = somebody else, or another secret: no token that was given before counts. Holds no secret. */
  readonly key: string;
  signIn(): Promise<Token>;
}

/** The application that signs in, and what proves it. */
interface Client {
  readonly tenantId: string;
  readonly clientId: string;
  readonly who: string;
  /** Part of the key: a digest of what is kept until somebody changes it; empty for what is replaced all the time. */
  readonly secret: string;
  proof(): Promise<Readonly<Record<string, string>>>;
}

/** The scope of every token we ask for. */
export function scopeOf({ dnsSuffix }: AzureSettings): string {
  return `https://${dnsSuffix}/.default`;
}

/** For messages: whose rights count. */
export function whoAsks({ identity }: Pick<SignInOptions, 'identity'>): string {
  return identity?.label ?? 'the operator';
}

/**
 * Tells who signs in to Microsoft Entra ID, each time it is asked: the identity that a manifest names and nobody else,
 * or the operator itself by the first of a federated token, a client secret and a managed identity that the settings have.
 */
export function createSignIn(options: SignInOptions): () => Promise<Applicant> {
  const { settings, agent, auth, identity, now } = options;
  let refused: { readonly digest: string; readonly until: number; readonly error: SyncError } | null = null;

  async function signIn(client: Client): Promise<Token> {
    const form = {
      grant_type: 'client_credentials',
      scope: scopeOf(settings),
      client_id: client.clientId,
      ...(await client.proof()),
    };
    const digest = digestOf([client.tenantId, JSON.stringify(form)]);
    if (refused?.digest === digest && now() < refused.until) throw refused.error;
    refused = null;
    const askedAt = now();
    const answer = await askForToken({
      url: new URL(`/${encodeURIComponent(client.tenantId)}/oauth2/v2.0/token`, settings.authorityHost).href,
      form,
      agent,
      limitMs: settings.signInTimeoutMs,
      check: 'stores.azure.authorityHost and the network',
    });
    const token = tokenIn(answer, askedAt);
    if (token) return token;
    const { clientId, tenantId, who } = client;
    const where = `signing in at ${new URL(settings.authorityHost).host} as client ${clientId} of tenant ${tenantId}${who}`;
    if (isPassing(answer.status)) throw passingError(where, answer);
    const code = codeOf(answer);
    const error = signInError('SlowRetry', {
      reason: 'SignInRefused',
      text: `${where} was refused with ${code}: check the tenant, the client and its secret or federated credential, and that stores.azure.authorityHost and stores.azure.dnsSuffix belong to one cloud`,
      code,
    });
    refused = { digest, until: now() + refusalPauseMs, error };
    throw error;
  }

  return async () => {
    if (auth !== undefined && identity === undefined) {
      const text =
        'dest.azure.auth names an identity, which only manifests from Kubernetes can have: leave auth out here';
      throw fixSpec('IdentityMissing', text);
    }
    const client = identity ? await clientOf(identity, options) : await ownClient(settings);
    if (client === null) return { key: 'managed identity', signIn: () => askManagedIdentity(settings, now) };
    return { key: JSON.stringify([client.tenantId, client.clientId, client.secret]), signIn: () => signIn(client) };
  };
}

/** The operator's own application; null = its managed identity. */
async function ownClient(settings: AzureSettings): Promise<Client | null> {
  const { tenantId, clientId, federatedTokenFile, clientSecretFile, clientSecret, managedIdentity } = settings;
  const hasProof = (federatedTokenFile ?? clientSecretFile ?? clientSecret) !== undefined;
  if (tenantId === undefined || clientId === undefined || !hasProof) {
    if (managedIdentity) return null;
    const text =
      'there are no Azure credentials: set stores.azure.tenantId, clientId and federatedTokenFile (workload identity sets all three) or clientSecretFile, or stores.azure.managedIdentity: true';
    throw signInError('SlowRetry', { reason: 'NoCredentials', text });
  }
  if (federatedTokenFile !== undefined) {
    const proof = async () => assertionOf(await readSecretFile(federatedTokenFile, 'federatedTokenFile'));
    return { tenantId, clientId, who: '', secret: '', proof };
  }
  const secret =
    clientSecretFile === undefined ? (clientSecret ?? '') : await readSecretFile(clientSecretFile, 'clientSecretFile');
  return secretClient({ tenantId, clientId, who: '' }, secret);
}

/** The application of an identity that a manifest names. Of the settings only the tenant counts. */
async function clientOf(identity: ResourceIdentity, { settings, auth }: SignInOptions): Promise<Client> {
  const who = ` for ${identity.label}`;
  if (auth?.secretRef === undefined) {
    const tenantId = auth?.tenantId ?? settings.tenantId;
    const clientId = auth?.clientId;
    if (tenantId === undefined || clientId === undefined)
      throw incomplete(identity, tenantId ? 'clientId' : 'tenantId');
    const proof = async () => assertionOf(await identity.token(exchangeAudience));
    return { tenantId, clientId, who, secret: '', proof };
  }
  const inSecret = async (key: string) => (await identity.secretValue(key))?.trim() || undefined;
  const secret = await inSecret('clientSecret');
  const clientId = auth.clientId ?? (await inSecret('clientId'));
  const tenantId = auth.tenantId ?? (await inSecret('tenantId')) ?? settings.tenantId;
  if (secret === undefined) {
    const text = `${identity.label} has no key clientSecret, or it is empty: put the client secret there`;
    throw signInError('SlowRetry', { reason: 'NoCredentials', text });
  }
  if (tenantId === undefined || clientId === undefined) throw incomplete(identity, tenantId ? 'clientId' : 'tenantId');
  return secretClient({ tenantId, clientId, who }, secret);
}

function secretClient(client: Pick<Client, 'tenantId' | 'clientId' | 'who'>, secret: string): Client {
  return { ...client, secret: digestOf([secret]), proof: async () => ({ client_secret: secret }) };
}

function assertionOf(token: string): Readonly<Record<string, string>> {
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: token,
  };
}

function incomplete({ label }: ResourceIdentity, field: string): SyncError {
  const text = `nothing tells the ${field} with which ${label} signs in: set dest.azure.auth.${field}, or, with secretRef, put it under the key ${field} of the Secret`;
  return signInError('SlowRetry', { reason: 'NoCredentials', text });
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

/** Secrets are kept as this, so that nothing that is compared can be used. */
function digestOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
