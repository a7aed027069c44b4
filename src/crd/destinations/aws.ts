import { type CelRule, cel, matching, type Static, StringEnum, StringMap, Type } from '../../schema.ts';
import { type AuthWords, authWith, type CommonWords, commonFields, commonRules, hasParts } from './common.ts';

/** AWS: name 1–512 characters of `A-Za-z0-9/_+=.@-`. */
const namePattern = '^[A-Za-z0-9/_+=.@-]+$';
const nameExpression = new RegExp(namePattern);

/** More regions than AWS lets an account have by default. */
const mostReplicas = 32;

const region = {
  minLength: 1,
  maxLength: 64,
  ...matching('^[a-z]{2,4}(-[a-z]+)+-[0-9]+$', 'an AWS region looks like eu-west-1'),
};

/** Regions that begin so are worlds of their own (China, GovCloud, the European Sovereign Cloud, …), as are all others together. */
const partitions = ['cn-', 'us-gov-', 'us-iso', 'eu-iso', 'eusc-'];

/** AWS: what is in tags beside letters, digits and blanks of any script; here only what is plainly wrong is told. */
const tagPattern = '^[^!-*,;<>?[-^`{-~]*$';
const tagExpression = new RegExp(tagPattern, 'u');

const encryptionKey = { minLength: 1, maxLength: 2048 };

/** A copy of the copy that AWS keeps in another region. */
const AwsReplica = Type.Object(
  {
    region: Type.String({ ...region, description: 'Region of the replica.' }),
    encryptionKey: Type.Optional(
      Type.String({
        ...encryptionKey,
        description:
          "KMS key (id, ARN or alias) of that region that encrypts the replica. Default: the account's key for Secrets Manager there.",
      }),
    ),
  },
  { additionalProperties: false },
);

/** Rules between the fields of an AWS destination. */
const awsRules: readonly CelRule<AwsWords>[] = [
  {
    rule: '!has(self.replicas) || !has(self.replicaRegions)',
    holds: ({ replicas, replicaRegions }) => replicas === undefined || replicaRegions === undefined,
    message: 'replicaRegions is another way to write replicas: keep one of them',
  },
  {
    rule: '!has(self.replicas) || self.replicas.all(one, self.replicas.exists_one(other, other.region == one.region))',
    holds: ({ replicas = [] }) => isUnique(replicas.map((replica) => replica.region)),
    message: 'name each region of replicas once',
  },
  {
    rule: '!has(self.replicaRegions) || self.replicaRegions.all(one, self.replicaRegions.exists_one(other, other == one))',
    holds: ({ replicaRegions = [] }) => isUnique(replicaRegions),
    message: 'name each region of replicaRegions once',
  },
  {
    rule: '!has(self.region) || ((!has(self.replicas) || self.replicas.all(one, one.region != self.region)) && (!has(self.replicaRegions) || !(self.region in self.replicaRegions)))',
    holds: ({ region: own, replicas = [], replicaRegions = [] }) =>
      own === undefined || ![...replicas.map((replica) => replica.region), ...replicaRegions].includes(own),
    message: "a replica is in another region than the copy: leave the copy's own region out",
  },
  {
    rule: `!has(self.region) || [${partitions.map((beginning) => `'${beginning}'`).join(', ')}].all(world, (!has(self.replicas) || self.replicas.all(one, one.region.startsWith(world) == self.region.startsWith(world))) && (!has(self.replicaRegions) || self.replicaRegions.all(one, one.startsWith(world) == self.region.startsWith(world))))`,
    holds: ({ region: own, replicas = [], replicaRegions = [] }) =>
      own === undefined ||
      [...replicas.map((replica) => replica.region), ...replicaRegions].every((one) => isSamePartition(own, one)),
    message: 'AWS does not replicate between China, GovCloud, its other clouds and the rest: leave those regions out',
  },
  {
    rule: '!has(self.forceDelete) || !self.forceDelete || !has(self.recoveryWindowDays)',
    holds: ({ forceDelete, recoveryWindowDays }) => !forceDelete || recoveryWindowDays === undefined,
    message: 'forceDelete leaves nothing to recover: leave recoveryWindowDays out, or forceDelete',
  },
  {
    rule: '!has(self.externalId) || has(self.roleArn)',
    holds: ({ externalId, roleArn }) => externalId === undefined || roleArn !== undefined,
    message: 'an externalId is told when a role is assumed: name the role in roleArn',
  },
  {
    rule: '!has(self.auth) || !has(self.auth.serviceAccountRef) || has(self.roleArn)',
    holds: ({ auth, roleArn }) => auth?.serviceAccountRef === undefined || roleArn !== undefined,
    message: 'a ServiceAccount is known to AWS by the role that it assumes: name the role in roleArn',
  },
  {
    rule: '!has(self.auth) || !has(self.auth.serviceAccountRef) || !has(self.externalId)',
    holds: ({ auth, externalId }) => auth?.serviceAccountRef === undefined || externalId === undefined,
    message:
      'AWS takes no externalId with the token of a ServiceAccount, whose name the trust policy of the role asks for instead: leave externalId out',
  },
];

interface AwsWords extends CommonWords {
  readonly region?: string;
  readonly roleArn?: string;
  readonly externalId?: string;
  readonly auth?: AuthWords;
  readonly replicas?: readonly { readonly region: string }[];
  readonly replicaRegions?: readonly string[];
  readonly forceDelete?: boolean;
  readonly recoveryWindowDays?: number;
}

/** Whether AWS replicates from one region to the other. */
export function isSamePartition(one: string, other: string): boolean {
  return partitions.every((beginning) => one.startsWith(beginning) === other.startsWith(beginning));
}

function isUnique(words: readonly string[]): boolean {
  return new Set(words).size === words.length;
}

/** A copy in AWS Secrets Manager. */
export const AwsDestination = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          'Name of the secret. May hold captures of the path (`$1`, `${1}`, `${name}`) and templates (`{{ .metadata.team }}`, see `docs/reference/names.md`). Default: the name of the secret within its mount.',
        ...cel<string>({
          rule: `self.contains('$') || self.contains('{{') || self.matches('${namePattern}')`,
          holds: (name) => hasParts(name) || nameExpression.test(name),
          message: 'AWS Secrets Manager names have letters, digits and /_+=.@- only: change the other characters',
        }),
      }),
    ),
    region: Type.Optional(
      Type.String({ ...region, description: "AWS region. Default: the operator's setting `stores.aws.region`." }),
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
    externalId: Type.Optional(
      Type.String({
        minLength: 2,
        maxLength: 1224,
        description: 'External id that the trust policy of `roleArn` asks for. It is no secret.',
        ...matching('^[A-Za-z0-9_+=,.@:/-]+$', 'an external id has letters, digits and _+=,.@:/- only'),
      }),
    ),
    auth: authWith({}, { secretKeys: '`accessKeyId`, `secretAccessKey` and, for keys that end, `sessionToken`' }),
    encryptionKey: Type.Optional(
      Type.String({
        ...encryptionKey,
        description:
          "KMS key (id, ARN or alias) that encrypts the copy. Default: the account's key for Secrets Manager. Where it is taken out, the copy keeps the key that it has.",
      }),
    ),
    replicas: Type.Optional(
      Type.Array(AwsReplica, {
        maxItems: mostReplicas,
        description:
          'Regions that AWS replicates the copy to; replicas elsewhere are removed, so `[]` removes all. Where it is left out, replicas are left as they are.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    replicaRegions: Type.Optional(
      Type.Array(Type.String(region), {
        maxItems: mostReplicas,
        description: 'The regions of `replicas` alone.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    description: Type.Optional(
      Type.String({
        maxLength: 2048,
        description: 'Description of the copy; may hold captures and templates, like `name`.',
      }),
    ),
    tags: Type.Optional(
      StringMap({
        maxProperties: 47,
        values: { maxLength: 256 },
        description:
          'Tags of the copy; values may hold captures and templates, like `name`. AWS allows 50, three of which are ours.',
        ...cel<Record<string, string>>({
          rule: `self.all(key, key.size() >= 1 && key.size() <= 128 && !key.startsWith('vss-') && !key.matches('^[Aa][Ww][Ss]:') && key.matches('${tagPattern}') && (self[key].contains('{{') || self[key].contains('$') || self[key].matches('${tagPattern}')))`,
          holds: (tags) =>
            Object.entries(tags).every(
              ([key, value]) =>
                /^(?!vss-|[Aa][Ww][Ss]:).{1,128}$/su.test(key) &&
                tagExpression.test(key) &&
                (hasParts(value) || tagExpression.test(value)),
            ),
          message:
            'tag keys have 1 to 128 characters and begin neither with vss- (our marks) nor with aws: (reserved); keys and values have letters, digits, blanks and _.:/=+-@ only',
        }),
      }),
    ),
    tagPolicy: Type.Optional(
      StringEnum(['Merge', 'Exact'], {
        description:
          'What happens to tags that the manifest does not have: `Merge` (the default) removes those that it once had and leaves the tags of others; `Exact` removes them all, but never those of AWS (`aws:`).',
      }),
    ),
    resourcePolicy: Type.Optional(
      Type.String({
        maxLength: 20_480,
        description:
          'Resource policy of the copy, as JSON; one that opens it to everybody is refused. An empty text removes the policy. Where it is left out, the policy is left as it is.',
        ...cel<string>({
          rule: "self == '' || self.matches('^[ \\t\\r\\n]*[{]')",
          holds: (policy) => policy === '' || /^[ \t\r\n]*[{]/.test(policy),
          message: 'a resource policy is a JSON object, e.g. {"Version": "2012-10-17", "Statement": […]}',
        }),
      }),
    ),
    valueType: Type.Optional(
      StringEnum(['String', 'Binary', 'Base64'], {
        description:
          'How AWS holds the value: as `SecretString` (the default); as `SecretBinary`, the bytes of the text (`Binary`) or the bytes that the text is Base64 of (`Base64`).',
      }),
    ),
    recoveryWindowDays: Type.Optional(
      Type.Integer({
        minimum: 7,
        maximum: 30,
        description: 'Days for which a deleted copy can be restored. Default: 30, as AWS has it.',
      }),
    ),
    forceDelete: Type.Optional(
      Type.Boolean({ description: 'True: copies are deleted at once and cannot be restored by anybody.' }),
    ),
    ...commonFields,
  },
  { additionalProperties: false, ...cel(...commonRules, ...awsRules), description: 'A copy in AWS Secrets Manager.' },
);
export type AwsDestination = Static<typeof AwsDestination>;
