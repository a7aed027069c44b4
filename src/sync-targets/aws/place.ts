import type { AwsDestination } from '../../crd/destinations/aws.ts';
import type { Destination } from '../../crd/vault-secret-sync.ts';
import { fixSpec } from '../../errors.ts';
import type { KeptPlace } from '../contract.ts';

/** Where a target writes, and as whom. */
export interface Place {
  readonly region: string;
  /** The role that is assumed; null = the operator's own identity. */
  readonly role: Role | null;
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
export function placeOf(destination: Destination, defaultRegion: string | undefined): Place {
  const { region = defaultRegion, roleArn, externalId = null } = settingsOf(destination);
  if (region === undefined) {
    throw fixSpec('RegionMissing', 'no AWS region: name one in dest.aws.region or set stores.aws.region');
  }
  return { region, role: roleArn === undefined ? null : { arn: roleArn, externalId } };
}

/**
 * Destinations share a target (and the credentials in it) only if they name the same role and the same external id: one
 * who does not know a role's external id must not come in through another's connection.
 */
export function keyOf(destination: Destination): string {
  const { region = '', roleArn = '', externalId = '' } = settingsOf(destination);
  return `aws:${region}:${roleArn}:${externalId}`;
}

/**
 * `aws:<region>:<account>`. The account is that of the role; it is empty for the operator's own identity, whose account
 * only a call could tell.
 */
export function scopeOf({ region, role }: Place): string {
  // arn:aws:iam::123456789012:role/name
  const account = role?.arn.split(':')[4] ?? '';
  return `aws:${region}:${account}`;
}

/**
 * Where a scope leads, under the role that was assumed there. A role of another account than the scope's leads
 * elsewhere, and so does the operator's own identity where the scope names an account: null.
 */
export function destinationAt({ scope, roleArn, externalId }: KeptPlace): Destination | null {
  const region = /^aws:([a-z0-9-]+):\d*$/.exec(scope)?.[1];
  if (region === undefined) return null;
  const aws = {
    region,
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(roleArn === undefined || externalId === undefined ? {} : { externalId }),
  };
  return scopeOf(placeOf({ aws }, region)) === scope ? { aws } : null;
}

/** For messages: `AWS eu-west-1`, or `AWS eu-west-1 as arn:aws:iam::123456789012:role/name`. */
export function describePlace({ region, role }: Place): string {
  return role === null ? `AWS ${region}` : `AWS ${region} as ${role.arn}`;
}

/** Whether a scope may be this place: the account of the operator's own identity, which only a call could tell, may be any. */
export function mayBeAt(place: Place, scope: string): boolean {
  const [kind, region, account] = scope.split(':');
  const [, , own] = scopeOf(place).split(':');
  return kind === 'aws' && region === place.region && (account === own || account === '' || own === '');
}
