import type { TargetKind } from '../contract.ts';
import { destinationAt, keyOf } from './place.ts';
import { quotaSeconds } from './rates.ts';
import type { AwsSettings } from './settings.ts';
import { openTarget } from './target.ts';

export type { AwsSettings } from './settings.ts';

/** AWS Secrets Manager. */
export const aws: TargetKind<AwsSettings> = { keyOf, open: openTarget, destinationAt, quotaSeconds };
