import { createHash } from 'node:crypto';
import type { SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import { fixSpec, SyncError } from '../../errors.ts';
import type { ResourceIdentity } from '../contract.ts';
import type { Role } from './place.ts';
import type { AwsSettings } from './settings.ts';

/** What tokens for AWS are made for, and nothing else takes them: above all not Kubernetes itself. */
const audience = 'sts.amazonaws.com';

/** In CloudTrail, who assumed a role. */
const sessionName = 'vault-secret-sync';

/** As whom AWS is asked, before any role is assumed by access keys. */
export type Identity =
  | { readonly kind: 'operator' }
  /** Its token is what a role is assumed by. */
  | { readonly kind: 'serviceAccount'; readonly identity: ResourceIdentity }
  /** Access keys. */
  | { readonly kind: 'secret'; readonly identity: ResourceIdentity };

/**
 * Whom a destination names. One that names somebody never falls back to the operator's own identity.
 * @throws SyncError `FixSpec` when nobody handed in whom it names
 */
export function identityOf(
  { serviceAccountRef }: { readonly serviceAccountRef?: object },
  identity: ResourceIdentity | undefined,
): Identity {
  if (!identity) throw fixSpec('IdentityMissing', 'the identity that dest.aws.auth names cannot be had here');
  return { kind: serviceAccountRef ? 'serviceAccount' : 'secret', identity };
}

type Credentials = NonNullable<SecretsManagerClientConfig['credentials']>;

interface CredentialOptions {
  readonly identity: Identity;
  readonly role: Role | null;
  readonly settings: AwsSettings;
  /** For clients of STS: region, endpoint, connections. */
  readonly clientConfig: Record<string, unknown>;
}

/** Credentials that are fetched when they are first needed, and again before they end. */
export async function credentialsFor(options: CredentialOptions): Promise<Credentials> {
  const { fromNodeProviderChain, fromTemporaryCredentials, fromWebToken } = await import(
    '@aws-sdk/credential-providers'
  );
  const { identity, role, settings, clientConfig } = options;
  if (identity.kind === 'serviceAccount') {
    if (role === null) throw fixSpec('RoleMissing', 'a ServiceAccount is known to AWS by a role: name it in roleArn');
    return async (caller) => {
      const webIdentityToken = await identity.identity.token(audience);
      return fromWebToken({ roleArn: role.arn, roleSessionName: sessionName, webIdentityToken, clientConfig })(caller);
    };
  }
  const { endpoint: _ofSts, ...withoutEndpoint } = clientConfig;
  const own =
    identity.kind === 'secret'
      ? () => keysIn(identity.identity)
      : (settings.credentials ?? fromNodeProviderChain({ clientConfig: withoutEndpoint }));
  if (role === null) return own;
  return fromTemporaryCredentials({
    masterCredentials: own,
    params: assumeRole(role, settings.sessionTags ?? []),
    clientConfig,
  });
}

/** The access keys that a Secret has now. @throws SyncError `SlowRetry` when it lacks one of them */
async function keysIn(identity: ResourceIdentity) {
  // Asked at once, so that they are of one reading, and of one rotation.
  const [accessKeyId, secretAccessKey, sessionToken] = await Promise.all([
    identity.secretValue('accessKeyId'),
    identity.secretValue('secretAccessKey'),
    identity.secretValue('sessionToken'),
  ]);
  const token = sessionToken?.trim() ?? '';
  return {
    accessKeyId: present(identity, 'accessKeyId', accessKeyId),
    secretAccessKey: present(identity, 'secretAccessKey', secretAccessKey),
    ...(token === '' ? {} : { sessionToken: token }),
  };
}

/** Tells whether a Secret still holds the same keys, without keeping them. @throws SyncError as `keysIn` */
export async function digestOfKeys(identity: ResourceIdentity): Promise<string> {
  const keys = await keysIn(identity);
  return createHash('sha256').update(JSON.stringify(keys)).digest('hex');
}

function present({ label }: ResourceIdentity, key: string, value: string | null): string {
  const text = value?.trim() ?? '';
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new SyncError({
    remedy: 'SlowRetry',
    reason: 'CredentialsMissing',
    message: `${label} has no AWS access key under ${key}: it takes accessKeyId and secretAccessKey, and sessionToken for keys that end`,
  });
}

function assumeRole({ arn, externalId }: Role, sessionTags: readonly string[]) {
  const tags = sessionTags.map((tag) => {
    const [Key = '', ...value] = tag.split('=');
    return { Key, Value: value.join('=') };
  });
  return {
    RoleArn: arn,
    RoleSessionName: sessionName,
    ...(externalId === null ? {} : { ExternalId: externalId }),
    ...(tags.length === 0 ? {} : { Tags: tags }),
  };
}
