import type { AwsDestination } from '../../crd/destinations/aws.ts';
import type { Destination } from '../../crd/vault-secret-sync.ts';
import { fixSpec } from '../../errors.ts';

/** Where a target writes, and as whom. */
export interface Place {
  readonly region: string;
  /** The role that is assumed; null = the operator's own identity. */
  readonly roleArn: string | null;
}

export function settingsOf(destination: Destination): AwsDestination {
  if (!destination.aws) throw new Error('the AWS target was handed a destination in another store');
  return destination.aws;
}

/** @throws SyncError `FixSpec` when nobody names a region */
export function placeOf(destination: Destination, defaultRegion: string | undefined): Place {
  const { region = defaultRegion, roleArn = null } = settingsOf(destination);
  if (region === undefined) {
    throw fixSpec('RegionMissing', 'no AWS region: name one in dest.aws.region or set stores.aws.region');
  }
  return { region, roleArn };
}

/**
 * `aws:<region>:<account>`. The account is that of the role; it is empty for the operator's own identity, whose account
 * only a call could tell.
 */
export function scopeOf({ region, roleArn }: Place): string {
  // arn:aws:iam::123456789012:role/name
  const account = roleArn?.split(':')[4] ?? '';
  return `aws:${region}:${account}`;
}

/** For messages: `AWS eu-west-1`, or `AWS eu-west-1 as arn:aws:iam::123456789012:role/name`. */
export function describePlace({ region, roleArn }: Place): string {
  return roleArn === null ? `AWS ${region}` : `AWS ${region} as ${roleArn}`;
}
