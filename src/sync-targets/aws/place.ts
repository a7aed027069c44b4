import type { AwsDestination } from '../../crd/destinations/aws.ts';
import type { Destination } from '../../crd/vault-secret-sync.ts';
import { fixSpec } from '../../errors.ts';
import type { KeptPlace } from '../contract.ts';

/** Where a target writes, and as whom. */
export interface Place {
  readonly region: string;
  /** The role that is assumed; null = none, whoever asks is who they are. */
  readonly role: Role | null;
  /** The Secret with keys, `<namespace>.<name>`, whose account nobody knows; null = none, or a role tells the account. */
  readonly keys: string | null;
}

export interface Role {
  readonly arn: string;
  /** What its trust policy may ask for. */
  readonly externalId: string | null;
}

export function settingsOf(destination: Destination): AwsDestination {
  if (!destination.aws) throw new Error('the AWS target was handed a destination in another store');
  return destination.aws;
}

/** @throws SyncError `FixSpec` when nobody names a region */
export function placeOf(
  destination: Destination,
  {
    region: defaultRegion,
    namespace = '',
  }: { readonly region?: string | undefined; readonly namespace?: string | undefined },
): Place {
  const { region = defaultRegion, roleArn, externalId = null, auth } = settingsOf(destination);
  if (region === undefined) {
    throw fixSpec('RegionMissing', 'no AWS region: name one in dest.aws.region or set stores.aws.region');
  }
  const keys = auth?.secretRef && roleArn === undefined ? `${namespace}.${auth.secretRef.name}` : null;
  return { region, role: roleArn === undefined ? null : { arn: roleArn, externalId }, keys };
}

/**
 * Destinations share a target (and the credentials in it) only if they name the same role and the same external id: one
 * who does not know a role's external id must not come in through another's connection. Nor do identities share one.
 */
export function keyOf(destination: Destination): string {
  const { region = '', roleArn = '', externalId = '', auth } = settingsOf(destination);
  const identity = auth && JSON.stringify([auth.serviceAccountRef?.name ?? null, auth.secretRef?.name ?? null]);
  return `aws:${region}:${roleArn}:${externalId}${identity === undefined ? '' : `:${identity}`}`;
}

/**
 * `aws:<region>:<account>`. The account is that of the role. It is empty for the operator's own identity, whose account
 * only a call could tell; for a Secret with keys, which may be of any account, it is the Secret: `<namespace>.<name>`.
 */
export function scopeOf({ region, role, keys }: Place): string {
  // arn:aws:iam::123456789012:role/name
  const account = role?.arn.split(':')[4] ?? keys ?? '';
  return `aws:${region}:${account}`;
}

/**
 * Where a scope leads, under the role that was assumed there. A role of another account than the scope's leads
 * elsewhere, and so does the operator's own identity where the scope names an account: null.
 */
export function destinationAt({ scope, roleArn, externalId, auth, namespace }: KeptPlace): Destination | null {
  const region = /^aws:([a-z0-9-]+):[a-z0-9.-]*$/.exec(scope)?.[1];
  if (region === undefined) return null;
  const identity = auth && identityIn(auth);
  if (auth && !identity) return null;
  const aws = {
    region,
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(roleArn === undefined || externalId === undefined ? {} : { externalId }),
    ...(identity ? { auth: identity } : {}),
  };
  return scopeOf(placeOf({ aws }, { namespace })) === scope ? { aws } : null;
}

/** What is kept of an `auth`, in the words of a manifest; undefined when it names no identity that AWS knows. */
function identityIn({ serviceAccountRef, secretRef }: Readonly<Record<string, unknown>>): AwsDestination['auth'] {
  if (isRef(serviceAccountRef)) return { serviceAccountRef: { name: serviceAccountRef.name } };
  return isRef(secretRef) ? { secretRef: { name: secretRef.name } } : undefined;
}

function isRef(value: unknown): value is { readonly name: string } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}

/** For messages: `AWS eu-west-1`, or `AWS eu-west-1 as arn:aws:iam::123456789012:role/name`. */
export function describePlace({ region, role }: Place): string {
  return role === null ? `AWS ${region}` : `AWS ${region} as ${role.arn}`;
}

/**
 * Whether a scope may be this place: the account of the operator's own identity, or of a Secret's keys, which only a call
 * could tell, may be any.
 */
export function mayBeAt(place: Place, scope: string): boolean {
  const [kind, region, account = ''] = scope.split(':');
  const [, , own = ''] = scopeOf(place).split(':');
  const isKnown = (one: string) => /^\d{12}$/.test(one);
  return kind === 'aws' && region === place.region && (account === own || !isKnown(account) || !isKnown(own));
}
