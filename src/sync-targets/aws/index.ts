import type { TargetKind } from '../contract.ts';
import type { AwsSettings } from './connection.ts';
import { settingsOf } from './place.ts';
import { openTarget } from './target.ts';

export type { AwsSettings } from './connection.ts';

/** AWS Secrets Manager. */
export const aws: TargetKind<AwsSettings> = {
  keyOf(destination) {
    const { region = '', roleArn = '' } = settingsOf(destination);
    return `aws:${region}:${roleArn}`;
  },
  open: openTarget,
};
