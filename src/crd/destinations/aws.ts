import { cel, matching, type Static, StringMap, Type } from '../../schema.ts';

/** AWS: name 1–512 characters of `A-Za-z0-9/_+=.@-`. */
const namePattern = '^[A-Za-z0-9/_+=.@-]+$';
const nameExpression = new RegExp(namePattern);

/** A copy in AWS Secrets Manager. */
export const AwsDestination = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          'Name of the secret. May hold captures of `source.path`: `$1`, `${1}`, `${name}`. Default: the name of the secret within its mount.',
        ...cel<string>({
          rule: `self.contains('$') || self.matches('${namePattern}')`,
          holds: (name) => name.includes('$') || nameExpression.test(name),
          message: 'AWS Secrets Manager names have letters, digits and /_+=.@- only: change the other characters',
        }),
      }),
    ),
    region: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: "AWS region. Default: the operator's setting `stores.aws.region`.",
        ...matching('^[a-z]{2}(-[a-z]+)+-[0-9]+$', 'an AWS region looks like eu-west-1'),
      }),
    ),
    roleArn: Type.Optional(
      Type.String({
        minLength: 20,
        maxLength: 2048,
        description: 'Role that is assumed to write the copy, e.g. in another account.',
        ...matching(
          '^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$',
          'a role ARN looks like arn:aws:iam::123456789012:role/name',
        ),
      }),
    ),
    encryptionKey: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2048,
        description:
          "KMS key (id, ARN or alias) that encrypts the copy. Default: the account's key for Secrets Manager.",
      }),
    ),
    tags: Type.Optional(
      StringMap({
        maxProperties: 47,
        values: { maxLength: 256 },
        description: 'Tags of the copy. AWS allows 50, three of which are ours.',
        ...cel<Record<string, string>>({
          rule: "self.all(key, key.size() >= 1 && key.size() <= 128 && !key.startsWith('vss-') && !key.startsWith('aws:'))",
          holds: (tags) => Object.keys(tags).every((key) => /^(?!vss-|aws:).{1,128}$/su.test(key)),
          message: 'tag keys have 1 to 128 characters and begin neither with vss- (our marks) nor with aws: (reserved)',
        }),
      }),
    ),
  },
  { additionalProperties: false, description: 'A copy in AWS Secrets Manager.' },
);
export type AwsDestination = Static<typeof AwsDestination>;
