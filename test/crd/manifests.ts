import { apiVersion, kind } from '../../src/crd/vault-secret-sync.ts';

/** A manifest that must be refused. */
export interface WrongManifest {
  readonly title: string;
  readonly manifest: unknown;
  readonly path: string;
  /** What the API server says of `path`. */
  readonly sentence: string;
  /** What is said of a file, where that is not the same: the rule is JSON Schema's, and its words are the checker's. */
  readonly inFiles?: string;
}

type Fields = Readonly<Record<string, unknown>>;

export function manifestWith(spec: Fields, metadata: Fields = {}): Record<string, unknown> {
  const least = { source: { path: 'secret/app/db' }, dest: [{ aws: {} }] };
  return {
    apiVersion,
    kind,
    metadata: { name: 'app', namespace: 'default', ...metadata },
    spec: { ...least, ...spec },
  };
}

const source = (fields: Fields) => manifestWith({ source: fields });
const destination = (...dest: unknown[]) => manifestWith({ dest });
const aws = (fields: Fields) => destination({ aws: fields });
const azure = (fields: Fields) => destination({ azure: { vaultName: 'team-a', ...fields } });
const gcp = (fields: Fields) => destination({ gcp: fields });
const many = (count: number, value: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, value]));

const oneStore = 'each entry of dest names exactly one store: aws, azure or gcp';
const oneVault = 'name the vault by exactly one of vaultUrl and vaultName';
const interval = 'refreshInterval is a duration such as 30s, 15m or 1h30m, at least 10s, or 0 for never';
const noSlash = (what: string, example: string) => `write the ${what} without a slash at either end, e.g. ${example}`;
const slashInPath = noSlash('path', 'secret/app/db');
const slashInMount = noSlash('mount', 'infra/kv-main');
const awsTags = 'tag keys have 1 to 128 characters and begin neither with vss- (our marks) nor with aws: (reserved)';
const azureTags = 'tag names have 1 to 512 characters and do not begin with vss- (our marks)';
const gcpLabels =
  'label keys have 1 to 63 lower-case letters, digits, _ and -, begin with a letter and not with vss- (our mark); values have the same characters';
const awsName = 'AWS Secrets Manager names have letters, digits and /_+=.@- only: change the other characters';
const azureName = 'Azure Key Vault names have 1 to 127 letters, digits and hyphens: change the other characters';
const gcpName = 'GCP secret ids have 1 to 255 letters, digits, _ and - (a / becomes -): change the other characters';

/** Refused by a rule that is written twice: both sides say the same of the same field. */
const againstRules: readonly (readonly [string, unknown, string, string])[] = [
  ['two stores in one destination', destination({ aws: {}, gcp: {} }), 'spec.dest[0]', oneStore],
  ['no store in a destination', destination({ aws: {} }, {}), 'spec.dest[1]', oneStore],
  ['a store that is null', destination({ aws: null }), 'spec.dest[0]', oneStore],
  ['an Azure vault named twice', azure({ vaultUrl: 'https://a.vault.azure.net' }), 'spec.dest[0].azure', oneVault],
  ['an Azure vault not named', destination({ azure: {} }), 'spec.dest[0].azure', oneVault],
  [
    'a vaultUrl without TLS',
    destination({ azure: { vaultUrl: 'http://a.example.com' } }),
    'spec.dest[0].azure.vaultUrl',
    'a vaultUrl begins with https://',
  ],
  [
    'an Azure vault name with a dot',
    azure({ vaultName: 'team.a' }),
    'spec.dest[0].azure.vaultName',
    'an Azure vault name has letters, digits and hyphens and begins with a letter',
  ],
  ['a slash at the end of the path', source({ path: 'secret/app/' }), 'spec.source.path', slashInPath],
  ['a slash before the path', source({ path: '/secret/app' }), 'spec.source.path', slashInPath],
  ['a slash at the end of the mount', source({ mount: 'infra/', path: 'app' }), 'spec.source.mount', slashInMount],
  [
    'a path without its mount',
    source({ path: 'app' }),
    'spec.source',
    'a path begins with its mount, e.g. secret/app/db; or name the mount in source.mount',
  ],
  ['an interval below ten seconds', manifestWith({ refreshInterval: '5s' }), 'spec.refreshInterval', interval],
  ['an interval without a unit', manifestWith({ refreshInterval: '60' }), 'spec.refreshInterval', interval],
  ['an interval in milliseconds', manifestWith({ refreshInterval: '20000ms' }), 'spec.refreshInterval', interval],
  ['an interval in days', manifestWith({ refreshInterval: '1d' }), 'spec.refreshInterval', interval],
  ['an interval with a sign', manifestWith({ refreshInterval: '-1h' }), 'spec.refreshInterval', interval],
  ['an interval with a fraction', manifestWith({ refreshInterval: '1.5h' }), 'spec.refreshInterval', interval],
  ['an empty interval', manifestWith({ refreshInterval: '' }), 'spec.refreshInterval', interval],
  ['an interval of centuries', manifestWith({ refreshInterval: '9999999h' }), 'spec.refreshInterval', interval],
  ['an interval with a line break', manifestWith({ refreshInterval: '1h\n' }), 'spec.refreshInterval', interval],
  ['an AWS name with a space', aws({ name: 'app db' }), 'spec.dest[0].aws.name', awsName],
  ['an AWS name with an umlaut', aws({ name: 'größe' }), 'spec.dest[0].aws.name', awsName],
  ['an AWS name with a line break', aws({ name: 'app\n' }), 'spec.dest[0].aws.name', awsName],
  [
    'an AWS region that is none',
    aws({ region: 'Ireland' }),
    'spec.dest[0].aws.region',
    'an AWS region looks like eu-west-1',
  ],
  [
    'a role that is no ARN',
    aws({ roleArn: 'arn:aws:iam::123:role/deployer' }),
    'spec.dest[0].aws.roleArn',
    'a role ARN looks like arn:aws:iam::123456789012:role/name',
  ],
  ['an AWS tag of ours', aws({ tags: { 'vss-owner': 'me' } }), 'spec.dest[0].aws.tags', awsTags],
  ["an AWS tag of Amazon's", aws({ tags: { 'aws:x': 'me' } }), 'spec.dest[0].aws.tags', awsTags],
  ['an AWS tag without a key', aws({ tags: { '': 'me' } }), 'spec.dest[0].aws.tags', awsTags],
  [
    'an AWS tag with a key of 129 characters',
    aws({ tags: { ['k'.repeat(129)]: 'v' } }),
    'spec.dest[0].aws.tags',
    awsTags,
  ],
  ['an Azure name with a slash', azure({ name: 'app/db' }), 'spec.dest[0].azure.name', azureName],
  ['an Azure name of 128 characters', azure({ name: 'n'.repeat(128) }), 'spec.dest[0].azure.name', azureName],
  ['an Azure tag of ours', azure({ tags: { 'vss-state': 'me' } }), 'spec.dest[0].azure.tags', azureTags],
  [
    'a GCP project in capitals',
    gcp({ project: 'Team-A' }),
    'spec.dest[0].gcp.project',
    'a GCP project is named by its id (my-project-1) or its number',
  ],
  ['a GCP name with a dot', gcp({ name: 'app.db' }), 'spec.dest[0].gcp.name', gcpName],
  ['a GCP name of 256 characters', gcp({ name: 'n'.repeat(256) }), 'spec.dest[0].gcp.name', gcpName],
  ['a GCP label of ours', gcp({ labels: { 'vss-owner': 'me' } }), 'spec.dest[0].gcp.labels', gcpLabels],
  ['a GCP label in capitals', gcp({ labels: { Team: 'a' } }), 'spec.dest[0].gcp.labels', gcpLabels],
  ['a GCP label whose value has capitals', gcp({ labels: { team: 'A' } }), 'spec.dest[0].gcp.labels', gcpLabels],
  [
    'a GCP label with a key of 64 characters',
    gcp({ labels: { ['k'.repeat(64)]: 'v' } }),
    'spec.dest[0].gcp.labels',
    gcpLabels,
  ],
];

/** Refused by what a schema can say; each side has words of its own. */
const againstTypes: readonly WrongManifest[] = [
  {
    title: 'no destination',
    manifest: destination(),
    path: 'spec.dest',
    sentence: 'should have at least 1 items',
    inFiles: 'must not have fewer than 1 items',
  },
  {
    title: 'no source',
    manifest: manifestWith({ source: null }),
    path: 'spec.source',
    sentence: 'Required value',
    inFiles: 'must have required properties source',
  },
  {
    title: 'an empty path',
    manifest: source({ path: '' }),
    path: 'spec.source.path',
    sentence: 'should be at least 1 chars long',
    inFiles: 'must not have fewer than 1 characters',
  },
  {
    title: 'a path of 513 characters',
    manifest: source({ path: `secret/${'a'.repeat(506)}` }),
    path: 'spec.source.path',
    sentence: 'may not be more than 512 bytes',
    inFiles: 'must not have more than 512 characters',
  },
  {
    title: 'a path that is a number',
    manifest: source({ path: 7 }),
    path: 'spec.source.path',
    sentence: 'must be of type string',
    inFiles: 'must be string',
  },
  {
    title: 'a policy in small letters',
    manifest: manifestWith({ deletionPolicy: 'delete' }),
    path: 'spec.deletionPolicy',
    sentence: 'supported values: "Delete", "Retain"',
    inFiles: 'must be one of "Delete", "Retain"',
  },
  {
    title: 'a switch that is a word',
    manifest: manifestWith({ suspend: 'yes' }),
    path: 'spec.suspend',
    sentence: 'must be of type boolean',
    inFiles: 'must be boolean',
  },
  {
    title: 'a tag that is a number',
    manifest: aws({ tags: { floor: 7 } }),
    path: 'spec.dest[0].aws.tags.floor',
    sentence: 'must be of type string',
    inFiles: 'must be string',
  },
  {
    title: 'a tag that is too long for Azure',
    manifest: azure({ tags: { note: 'n'.repeat(513) } }),
    path: 'spec.dest[0].azure.tags.note',
    sentence: 'may not be more than 512 bytes',
    inFiles: 'must not have more than 512 characters',
  },
  {
    title: 'more tags than Azure has room for',
    manifest: azure({ tags: many(13, 'v') }),
    path: 'spec.dest[0].azure.tags',
    sentence: 'must have at most 12 items',
    inFiles: 'must not have more than 12 properties',
  },
  {
    title: 'a destination that is null',
    manifest: destination(null),
    path: 'spec.dest[0]',
    sentence: 'must be of type object',
    inFiles: 'must be object',
  },
  {
    title: 'a name in capitals',
    manifest: manifestWith({}, { name: 'App' }),
    path: 'metadata.name',
    sentence: 'must consist of lower case alphanumeric characters',
    inFiles: 'a name has lower-case letters, digits, - and ., and begins and ends with a letter or digit',
  },
  {
    title: 'a name that ends with a hyphen',
    manifest: manifestWith({}, { name: 'app-' }),
    path: 'metadata.name',
    sentence: 'must start and end with an alphanumeric character',
    inFiles: 'a name has lower-case letters, digits, - and ., and begins and ends with a letter or digit',
  },
];

/** Every manifest that both the API server and the check of files refuse. */
export const wrongManifests: readonly WrongManifest[] = [
  ...againstRules.map(([title, manifest, path, sentence]) => ({ title, manifest, path, sentence })),
  ...againstTypes,
];

/** Fields that do not exist, which the API server reports under strict validation. */
export const unknownFields: readonly { manifest: unknown; path: string; nearest: string }[] = [
  { manifest: manifestWith({ dest: [{ azur: {} }] }), path: 'spec.dest[0].azur', nearest: 'azure' },
  { manifest: manifestWith({ dryrun: true }), path: 'spec.dryrun', nearest: 'dryRun' },
  { manifest: source({ path: 'a/b', moutn: 'a' }), path: 'spec.source.moutn', nearest: 'mount' },
  { manifest: aws({ roleARN: 'x' }), path: 'spec.dest[0].aws.roleARN', nearest: 'roleArn' },
];

/** Manifests that are taken. */
export const rightManifests: readonly { title: string; manifest: unknown }[] = [
  { title: 'the least there is', manifest: manifestWith({}) },
  { title: 'a mount with slashes', manifest: source({ mount: 'infra/kv-main', path: 'app' }) },
  { title: 'a pattern', manifest: source({ path: 'secret/team-(?P<team>[a-z]+)/db' }) },
  { title: 'a Vault namespace', manifest: source({ namespace: 'team-a/prod', path: 'secret/app' }) },
  { title: 'no interval', manifest: manifestWith({ refreshInterval: '0' }) },
  { title: 'the shortest interval', manifest: manifestWith({ refreshInterval: '10s' }) },
  { title: 'an interval of several parts', manifest: manifestWith({ refreshInterval: '1h30m15s' }) },
  { title: 'a long interval', manifest: manifestWith({ refreshInterval: '999999h999999h9h' }) },
  {
    title: 'policies',
    manifest: manifestWith({ deletionPolicy: 'Retain', removalPolicy: 'Delete', adoptionPolicy: 'IfUnowned' }),
  },
  { title: 'fields that are null', manifest: manifestWith({ suspend: null, dest: [{ aws: {}, gcp: null }] }) },
  { title: 'a tag that is null', manifest: aws({ tags: { team: null } }) },
  {
    title: 'all of AWS',
    manifest: aws({
      name: 'app/$1_+=.@-',
      region: 'us-gov-west-1',
      roleArn: 'arn:aws-us-gov:iam::123456789012:role/path/to/deployer',
      encryptionKey: 'alias/app',
      tags: { Team: 'a', 'cost:centre': 'größe' },
    }),
  },
  { title: 'an AWS tag whose key has 128 code points', manifest: aws({ tags: { ['🔑'.repeat(128)]: 'v' } }) },
  { title: 'the most tags that AWS takes', manifest: aws({ tags: many(47, 'v'.repeat(256)) }) },
  { title: 'an Azure vault by address', manifest: destination({ azure: { vaultUrl: 'https://a.vault.azure.cn' } }) },
  { title: 'a derived Azure name', manifest: azure({ name: '${team}/x', tags: { 'Any Key': '' } }) },
  {
    title: 'all of GCP',
    manifest: gcp({ project: 'example.com:team-a', name: 'a/b_c-D', labels: { team: 'a-1', empty: '' } }),
  },
  { title: 'a GCP project by number', manifest: gcp({ project: '123456789012' }) },
  { title: 'three stores', manifest: destination({ aws: {} }, { azure: { vaultName: 'abc' } }, { gcp: {} }) },
];
