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
const awsTags =
  'tag keys have 1 to 128 characters and begin neither with vss- (our marks) nor with aws: (reserved); keys and values have letters, digits, blanks and _.:/=+-@ only';
const awsWorlds =
  'AWS does not replicate between China, GovCloud, its other clouds and the rest: leave those regions out';
const ownRegion = "a replica is in another region than the copy: leave the copy's own region out";
const awsPolicy = 'a resource policy is a JSON object, e.g. {"Version": "2012-10-17", "Statement": […]}';
const roleArn = 'arn:aws:iam::123456789012:role/deployer';
const azureTags = 'tag names have 1 to 512 characters and do not begin with vss- (our marks)';
const azureTime = 'a time looks like 2027-01-31T00:00:00Z, and is not after 2038-01-19';
const azureAfter = 'expiresAfter is a number of days or hours, such as 90d or 12h';
const gcpLabels =
  'label keys have 1 to 63 lower-case letters, digits, _ and -, begin with a letter and not with vss- (our mark); values have up to 63 of the same characters';
const gcpProvider = 'projects/123456789012/locations/global/workloadIdentityPools/pool/providers/cluster';
const inGcp = 'spec.dest[0].gcp';
const gcpKey = (location: string) => `projects/kms/locations/${location}/keyRings/ring/cryptoKeys/key`;
const gcpAnnotations =
  'annotation keys have 1 to 63 letters, digits, _ . and -, begin and end with a letter or digit, and do not begin with vss- (our marks)';
const gcpLocation = 'a GCP location looks like europe-west3';
const gcpReplication = 'replication is exactly one of automatic and userManaged';
const gcpKeyAlone =
  'kmsKeyName is for a regional copy, and in its location; the keys of other copies are named in replication';
const gcpTopic = 'a topic looks like projects/my-project/topics/my-topic';
const gcpAlias = 'aliases have 1 to 63 letters, digits, _ and -, begin with a letter, and are neither latest nor NEW';
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
  [
    'AWS replicas written in two ways',
    aws({ replicas: [{ region: 'us-east-1' }], replicaRegions: ['us-east-1'] }),
    'spec.dest[0].aws',
    'replicaRegions is another way to write replicas: keep one of them',
  ],
  [
    'an AWS replica named twice',
    aws({ replicas: [{ region: 'us-east-1' }, { region: 'us-east-1', encryptionKey: 'alias/app' }] }),
    'spec.dest[0].aws',
    'name each region of replicas once',
  ],
  [
    'an AWS replica region named twice',
    aws({ replicaRegions: ['us-east-1', 'us-east-1'] }),
    'spec.dest[0].aws',
    'name each region of replicaRegions once',
  ],
  [
    'an AWS replica beside the copy',
    aws({ region: 'eu-west-1', replicas: [{ region: 'eu-west-1' }] }),
    'spec.dest[0].aws',
    ownRegion,
  ],
  [
    'an AWS replica region beside the copy',
    aws({ region: 'eu-west-1', replicaRegions: ['us-east-1', 'eu-west-1'] }),
    'spec.dest[0].aws',
    ownRegion,
  ],
  [
    'an AWS replica in no region',
    aws({ replicas: [{ region: 'Ireland' }] }),
    'spec.dest[0].aws.replicas[0].region',
    'an AWS region looks like eu-west-1',
  ],
  [
    'an AWS recovery window for what is deleted at once',
    aws({ forceDelete: true, recoveryWindowDays: 7 }),
    'spec.dest[0].aws',
    'forceDelete leaves nothing to recover: leave recoveryWindowDays out, or forceDelete',
  ],
  [
    'an external id without a role',
    aws({ externalId: 'team-a' }),
    'spec.dest[0].aws',
    'an externalId is told when a role is assumed: name the role in roleArn',
  ],
  [
    'an external id with a blank',
    aws({ roleArn, externalId: 'team a' }),
    'spec.dest[0].aws.externalId',
    'an external id has letters, digits and _+=,.@:/- only',
  ],
  [
    'an AWS identity that is two',
    aws({ roleArn, auth: { serviceAccountRef: { name: 'writer' }, secretRef: { name: 'keys' } } }),
    'spec.dest[0].aws.auth',
    'auth names one identity: either serviceAccountRef or secretRef',
  ],
  [
    'an AWS identity that is none',
    aws({ auth: {} }),
    'spec.dest[0].aws.auth',
    'auth names one identity: either serviceAccountRef or secretRef',
  ],
  [
    'an AWS identity of another namespace',
    aws({ auth: { secretRef: { name: 'team-b/keys' } } }),
    'spec.dest[0].aws.auth.secretRef.name',
    'a name has lower-case letters, digits, - and ., and begins and ends with a letter or digit',
  ],
  [
    'a ServiceAccount without an AWS role',
    aws({ auth: { serviceAccountRef: { name: 'writer' } } }),
    'spec.dest[0].aws',
    'a ServiceAccount is known to AWS by the role that it assumes: name the role in roleArn',
  ],
  [
    'a ServiceAccount with an external id',
    aws({ roleArn, externalId: 'team-a', auth: { serviceAccountRef: { name: 'writer' } } }),
    'spec.dest[0].aws',
    'AWS takes no externalId with the token of a ServiceAccount, whose name the trust policy of the role asks for instead: leave externalId out',
  ],
  ['an AWS policy that is a word', aws({ resourcePolicy: 'deny' }), 'spec.dest[0].aws.resourcePolicy', awsPolicy],
  ['an AWS policy that is a list', aws({ resourcePolicy: '[{}]' }), 'spec.dest[0].aws.resourcePolicy', awsPolicy],
  ['an AWS tag of ours', aws({ tags: { 'vss-owner': 'me' } }), 'spec.dest[0].aws.tags', awsTags],
  ["an AWS tag of Amazon's", aws({ tags: { 'aws:x': 'me' } }), 'spec.dest[0].aws.tags', awsTags],
  ['an AWS tag of Amazon in capitals', aws({ tags: { 'AWS:x': 'me' } }), 'spec.dest[0].aws.tags', awsTags],
  ['an AWS tag with a comma', aws({ tags: { 'a,b': 'me' } }), 'spec.dest[0].aws.tags', awsTags],
  ['an AWS tag whose value has a bracket', aws({ tags: { team: 'a[1]' } }), 'spec.dest[0].aws.tags', awsTags],
  [
    'an AWS replica in China of a copy in Ireland',
    aws({ region: 'eu-west-1', replicas: [{ region: 'us-east-1' }, { region: 'cn-north-1' }] }),
    'spec.dest[0].aws',
    awsWorlds,
  ],
  [
    'an AWS replica in Ireland of a copy in GovCloud',
    aws({ region: 'us-gov-west-1', replicaRegions: ['us-gov-east-1', 'eu-west-1'] }),
    'spec.dest[0].aws',
    awsWorlds,
  ],
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
  ['an Azure tag of ours in capitals', azure({ tags: { 'VSS-State': 'me' } }), 'spec.dest[0].azure.tags', azureTags],
  [
    'a tag too many for a reversible name in Azure',
    azure({ naming: 'Reversible', tags: many(12, 'v') }),
    'spec.dest[0].azure',
    'with naming: Reversible one tag more is ours (vss-name): keep 11 tags at most',
  ],
  ['an Azure time with a space', azure({ expires: '2027-01-31 00:00:00Z' }), 'spec.dest[0].azure.expires', azureTime],
  [
    'an Azure time without a zone',
    azure({ notBefore: '2027-01-31T00:00:00.0' }),
    'spec.dest[0].azure.notBefore',
    azureTime,
  ],
  ['an Azure time after 2038', azure({ expires: '2038-01-19T03:14:08Z' }), 'spec.dest[0].azure.expires', azureTime],
  ['an Azure expiry without a unit', azure({ expiresAfter: '90' }), 'spec.dest[0].azure.expiresAfter', azureAfter],
  ['an Azure expiry after nothing', azure({ expiresAfter: '0d' }), 'spec.dest[0].azure.expiresAfter', azureAfter],
  [
    'an Azure ServiceAccount without an application',
    azure({ auth: { serviceAccountRef: { name: 'writer' } } }),
    'spec.dest[0].azure',
    'a ServiceAccount signs in to Azure as an application: name that one in auth.clientId',
  ],
  [
    'an Azure tenant that is an address',
    azure({ auth: { secretRef: { name: 'azure' }, tenantId: 'https://login' } }),
    'spec.dest[0].azure.auth.tenantId',
    'an id is a GUID (or a domain, of a tenant): letters, digits, - and .',
  ],
  [
    'an Azure expiry said twice',
    azure({ expires: '2027-01-31T00:00:00Z', expiresAfter: '90d' }),
    'spec.dest[0].azure',
    'a copy expires at one time: leave expires out, or expiresAfter',
  ],
  [
    'an Azure copy that expires before it is valid',
    azure({ notBefore: '2027-01-31T01:00:00+01:00', expires: '2027-01-31T00:00:00Z' }),
    'spec.dest[0].azure',
    'a copy that expires before it is valid is of no use: put notBefore before expires',
  ],
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
    'a GCP label whose value has 64 characters',
    gcp({ labels: { team: 'v'.repeat(64) } }),
    'spec.dest[0].gcp.labels',
    gcpLabels,
  ],
  [
    'a GCP label with a key of 64 characters',
    gcp({ labels: { ['k'.repeat(64)]: 'v' } }),
    'spec.dest[0].gcp.labels',
    gcpLabels,
  ],
  [
    'a GCP ServiceAccount without a provider',
    gcp({ auth: { serviceAccountRef: { name: 'writer' } } }),
    'spec.dest[0].gcp.auth',
    'serviceAccountRef and workloadIdentityProvider go together: the provider takes its token',
  ],
  [
    'a GCP key that is to become another service account',
    gcp({ auth: { secretRef: { name: 'key' }, impersonate: 'writer@team-a.iam.gserviceaccount.com' } }),
    'spec.dest[0].gcp.auth',
    'impersonate goes with serviceAccountRef: a key already is one of a service account',
  ],
  [
    'a GCP provider that is an address',
    gcp({ auth: { serviceAccountRef: { name: 'writer' }, workloadIdentityProvider: 'https://example.com' } }),
    'spec.dest[0].gcp.auth.workloadIdentityProvider',
    'a provider looks like projects/123456789012/locations/global/workloadIdentityPools/my-pool/providers/my-provider',
  ],
  [
    'a GCP service account that is none',
    gcp({
      auth: {
        serviceAccountRef: { name: 'writer' },
        workloadIdentityProvider: gcpProvider,
        impersonate: 'a@b.example',
      },
    }),
    'spec.dest[0].gcp.auth.impersonate',
    'a service account looks like writer@my-project.iam.gserviceaccount.com',
  ],
  ['a GCP annotation of ours', gcp({ annotations: { 'vss-ref': 'a' } }), `${inGcp}.annotations`, gcpAnnotations],
  ['a GCP annotation that ends with a dot', gcp({ annotations: { 'a.': '' } }), `${inGcp}.annotations`, gcpAnnotations],
  ['a GCP location that is none', gcp({ location: 'Frankfurt' }), `${inGcp}.location`, gcpLocation],
  ['replication of no kind', gcp({ replication: {} }), `${inGcp}.replication`, gcpReplication],
  [
    'replication of two kinds',
    gcp({ replication: { automatic: {}, userManaged: [{ location: 'us-east1' }] } }),
    `${inGcp}.replication`,
    gcpReplication,
  ],
  [
    'a replica named twice',
    gcp({ replication: { userManaged: [{ location: 'us-east1' }, { location: 'us-east1' }] } }),
    `${inGcp}.replication.userManaged`,
    'name each location of userManaged once',
  ],
  [
    'a replica whose key is elsewhere',
    gcp({ replication: { userManaged: [{ location: 'us-east1', kmsKeyName: gcpKey('us-east4') }] } }),
    `${inGcp}.replication.userManaged[0]`,
    'the KMS key of a replica is in the location of the replica',
  ],
  [
    'automatic replication with the key of a location',
    gcp({ replication: { automatic: { kmsKeyName: gcpKey('us-east1') } } }),
    `${inGcp}.replication.automatic`,
    'the KMS key of a copy that is replicated automatically is in the location global',
  ],
  [
    'a KMS key that is none',
    gcp({ location: 'us-east1', kmsKeyName: 'locations/us-east1/key' }),
    `${inGcp}.kmsKeyName`,
    'a KMS key looks like projects/my-project/locations/europe-west3/keyRings/ring/cryptoKeys/key',
  ],
  ['a GCP key without a location', gcp({ kmsKeyName: gcpKey('us-east1') }), inGcp, gcpKeyAlone],
  ['a GCP key elsewhere', gcp({ location: 'us-east4', kmsKeyName: gcpKey('us-east1') }), inGcp, gcpKeyAlone],
  [
    'replication written in two ways',
    gcp({ replication: { automatic: {} }, replicationLocations: ['us-east1'] }),
    inGcp,
    'replicationLocations is another way to write replication: keep one of them',
  ],
  [
    'a regional copy that is replicated',
    gcp({ location: 'us-east1', replicationLocations: ['us-east1'] }),
    inGcp,
    'a regional copy is not replicated: leave replication out, or location',
  ],
  [
    'a location of another tool named twice',
    gcp({ replicationLocations: ['us-east1', 'us-east1'] }),
    `${inGcp}.replicationLocations`,
    'name each location of replicationLocations once',
  ],
  [
    'a GCP copy that expires twice',
    gcp({ ttl: '90d', expireTime: '2027-01-31T00:00:00Z' }),
    inGcp,
    'a copy expires at one time: leave expireTime out, or ttl',
  ],
  ['a GCP ttl in minutes', gcp({ ttl: '90m' }), `${inGcp}.ttl`, 'ttl is a number of hours or days, such as 12h or 90d'],
  ['a topic by its name alone', gcp({ topics: ['changes'] }), `${inGcp}.topics[0]`, gcpTopic],
  [
    'a topic named twice',
    gcp({ topics: ['projects/a/topics/b', 'projects/a/topics/b'] }),
    `${inGcp}.topics`,
    'name each topic once',
  ],
  ['an alias that is Google’s', gcp({ versionAliases: { latest: 1 } }), `${inGcp}.versionAliases`, gcpAlias],
  ['an alias that begins with a digit', gcp({ versionAliases: { '1st': 1 } }), `${inGcp}.versionAliases`, gcpAlias],
  [
    'versions that are destroyed after seconds',
    gcp({ versions: { keepEnabled: 1, destroyAfter: '30s' } }),
    `${inGcp}.versions.destroyAfter`,
    'destroyAfter is a number of minutes, hours or days, such as 24h',
  ],
  [
    'a delay of destruction that is too short for Google',
    gcp({ versionDestroyTtl: '23h' }),
    `${inGcp}.versionDestroyTtl`,
    'versionDestroyTtl is a number of hours or days from 24h to 1000d',
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
    title: 'an AWS recovery window of 6 days',
    manifest: aws({ recoveryWindowDays: 6 }),
    path: 'spec.dest[0].aws.recoveryWindowDays',
    sentence: 'should be greater than or equal to 7',
    inFiles: 'must be >= 7',
  },
  {
    title: 'an AWS recovery window of 31 days',
    manifest: aws({ recoveryWindowDays: 31 }),
    path: 'spec.dest[0].aws.recoveryWindowDays',
    sentence: 'should be less than or equal to 30',
    inFiles: 'must be <= 30',
  },
  {
    title: 'an AWS tag policy that there is not',
    manifest: aws({ tagPolicy: 'Replace' }),
    path: 'spec.dest[0].aws.tagPolicy',
    sentence: 'supported values: "Merge", "Exact"',
    inFiles: 'must be one of "Merge", "Exact"',
  },
  {
    title: 'an AWS replica without its region',
    manifest: aws({ replicas: [{ encryptionKey: 'alias/app' }] }),
    path: 'spec.dest[0].aws.replicas[0].region',
    sentence: 'Required value',
    inFiles: 'must have required properties region',
  },
  {
    title: 'a tag that is too long for Azure',
    manifest: azure({ tags: { note: 'n'.repeat(513) } }),
    path: 'spec.dest[0].azure.tags.note',
    sentence: 'may not be more than 512 bytes',
    inFiles: 'must not have more than 512 characters',
  },
  {
    title: 'an Azure content type of 256 characters',
    manifest: azure({ contentType: 'c'.repeat(256) }),
    path: 'spec.dest[0].azure.contentType',
    sentence: 'may not be more than 255 bytes',
    inFiles: 'must not have more than 255 characters',
  },
  {
    title: 'an Azure deletion that there is not',
    manifest: azure({ deletion: 'Forever' }),
    path: 'spec.dest[0].azure.deletion',
    sentence: 'supported values: "Recoverable", "Purge"',
    inFiles: 'must be one of "Recoverable", "Purge"',
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
  {
    title: 'more of AWS',
    manifest: aws({
      region: 'eu-west-1',
      roleArn,
      externalId: 'team-a:2026/x@y',
      replicas: [{ region: 'us-east-1', encryptionKey: 'alias/app' }, { region: 'us-west-2' }],
      description: 'copy of {{ .path }}',
      tagPolicy: 'Exact',
      resourcePolicy: '\n  {"Version": "2012-10-17", "Statement": []}\n',
      valueType: 'Binary',
      recoveryWindowDays: 7,
    }),
  },
  {
    title: 'replicas of AWS as another tool writes them, deleted at once',
    manifest: aws({ replicaRegions: ['us-east-1', 'ap-southeast-2'], forceDelete: true }),
  },
  {
    title: 'an AWS copy that a ServiceAccount writes',
    manifest: aws({ roleArn, auth: { serviceAccountRef: { name: 'writer' } } }),
  },
  {
    title: 'an AWS copy that the keys of a Secret write',
    manifest: aws({ auth: { secretRef: { name: 'aws.keys' } } }),
  },
  {
    title: 'an AWS copy that a role of the keys of a Secret writes',
    manifest: aws({ roleArn, externalId: 'team-a', auth: { secretRef: { name: 'keys' } } }),
  },
  { title: 'no replicas and no policy in AWS', manifest: aws({ replicas: [], resourcePolicy: '' }) },
  {
    title: 'the longest policy and the most replicas of AWS in every destination',
    manifest: destination(
      ...Array.from({ length: 32 }, () => ({
        aws: {
          resourcePolicy: '{'.padEnd(20_480, 'x'),
          replicas: Array.from({ length: 32 }, (_, index) => ({ region: `eu-west-${index + 1}` })),
        },
      })),
    ),
  },
  { title: 'an AWS tag whose key has 128 code points', manifest: aws({ tags: { ['🔑'.repeat(128)]: 'v' } }) },
  { title: 'a template in an AWS tag', manifest: aws({ tags: { path: '{{ .path }}', key: '$1' } }) },
  {
    title: 'the European Sovereign Cloud of AWS',
    manifest: aws({ region: 'eusc-de-east-1', roleArn: 'arn:aws-eusc:iam::123456789012:role/deployer' }),
  },
  { title: 'the most tags that AWS takes', manifest: aws({ tags: many(47, 'v'.repeat(256)) }) },
  { title: 'an Azure vault by address', manifest: destination({ azure: { vaultUrl: 'https://a.vault.azure.cn' } }) },
  {
    title: 'all of Azure',
    manifest: azure({
      contentType: 'application/x-pem-file',
      notBefore: '2026-12-31T23:59:59+01:00',
      expires: '2038-01-19T03:14:07Z',
      enabled: false,
      deletion: 'Purge',
      naming: 'Reversible',
      tags: many(11, 'v'),
    }),
  },
  {
    title: 'an Azure copy that a ServiceAccount writes',
    manifest: azure({ auth: { serviceAccountRef: { name: 'writer' }, clientId: '9b8e', tenantId: 'example.com' } }),
  },
  {
    title: 'an Azure copy that the application of a Secret writes',
    manifest: azure({ auth: { secretRef: { name: 'azure' } } }),
  },
  {
    title: 'an Azure copy that expires some days later',
    manifest: azure({ notBefore: '2026-01-01T00:00:00Z', expiresAfter: '9999d' }),
  },
  { title: 'a derived Azure name', manifest: azure({ name: '${team}/x', tags: { 'Any Key': '' } }) },
  {
    title: 'all of GCP',
    manifest: gcp({ project: 'example.com:team-a', name: 'a/b_c-D', labels: { team: 'a-1', empty: '' } }),
  },
  {
    title: 'more of GCP',
    manifest: gcp({
      labels: many(63, 'v'),
      annotations: { 'Team.a_b-1': '{{ .path }}', note: 'größe' },
      replication: {
        userManaged: [{ location: 'europe-west3', kmsKeyName: gcpKey('europe-west3') }, { location: 'us-east1' }],
      },
      topics: ['projects/p/topics/a', 'projects/p/topics/b'],
      expireTime: '2099-01-31T00:00:00+01:00',
      versionAliases: { stable: 3, 'old_One-1': 1 },
      versions: { keepEnabled: 2, destroyAfter: '0' },
      versionDestroyTtl: '1000d',
    }),
  },
  {
    title: 'a GCP copy that is replicated automatically, with a key',
    manifest: gcp({ replication: { automatic: { kmsKeyName: gcpKey('global') } }, ttl: '90d', topics: [] }),
  },
  {
    title: 'locations of GCP as another tool writes them',
    manifest: gcp({ replicationLocations: ['us-east1', 'northamerica-northeast1'], versions: { keepEnabled: 1 } }),
  },
  {
    title: 'a regional copy of GCP with a key',
    manifest: gcp({ location: 'europe-west3', kmsKeyName: gcpKey('europe-west3'), versionDestroyTtl: '24h' }),
  },
  {
    title: 'the most annotations, locations and aliases of GCP in every destination',
    manifest: destination(
      ...Array.from({ length: 32 }, () => ({
        gcp: {
          annotations: many(64, 'v'.repeat(200)),
          versionAliases: Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`a${index}`, index + 1])),
          replication: {
            userManaged: Array.from({ length: 24 }, (_, index) => ({
              location: `europe-west${index}`,
              kmsKeyName: gcpKey(`europe-west${index}`),
            })),
          },
        },
      })),
    ),
  },
  { title: 'a GCP copy that the key of a Secret writes', manifest: gcp({ auth: { secretRef: { name: 'gcp-key' } } }) },
  {
    title: 'a GCP copy that a ServiceAccount writes as another',
    manifest: gcp({
      auth: {
        serviceAccountRef: { name: 'writer' },
        workloadIdentityProvider: gcpProvider,
        impersonate: 'writer@team-a.iam.gserviceaccount.com',
      },
    }),
  },
  { title: 'a GCP project by number', manifest: gcp({ project: '123456789012' }) },
  { title: 'three stores', manifest: destination({ aws: {} }, { azure: { vaultName: 'abc' } }, { gcp: {} }) },
];
