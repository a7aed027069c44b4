import { manifestWith, type WrongManifest } from './manifests.ts';

type Fields = Readonly<Record<string, unknown>>;

const source = (fields: Fields) => manifestWith({ source: fields });
const selector = (fields: Fields) => source({ path: 'secret/app/*', selector: fields });
const expression = (fields: Fields) => selector({ matchExpressions: [fields] });
const aws = (fields: Fields, more: Fields = {}) => manifestWith({ dest: [{ aws: fields }], ...more });
const azure = (fields: Fields) => manifestWith({ dest: [{ azure: { vaultName: 'team-a', ...fields } }] });
const gcp = (fields: Fields) => manifestWith({ dest: [{ gcp: fields }] });
const two = ['secret/app/a', 'secret/app/b'];
const template = { transforms: { template: '{{ .user }}' } };

const pathOrPaths = 'say what is selected by exactly one of path and paths';
const withoutMount = 'a path begins with its mount, e.g. secret/app/db; or name the mount in source.mount';
const slash = 'write the path without a slash at either end, e.g. secret/app/db';
const mergePaths = 'merge makes one copy of several secrets: list them in source.paths';
const mergeVersion = 'a version is that of one secret: leave it out where several are merged';
const mergeName = 'merged secrets have no name in common: give each destination a name';
const operands = 'In and NotIn need values; Exists and DoesNotExist have none';
const deletions = 'maxDeletions is a number such as 20, or a share such as 25%';
const grace = 'deletionGracePeriod is a duration such as 30m or 24h, or 0 for none';
const raw = 'format: raw and property go together: property names the key whose value is the copy';
const keyShape = 'with granularity: key each copy is the value of one key: leave format out';
const whole = 'a template makes the whole value: leave format and granularity: key out, or the template';

const againstRules: readonly (readonly [string, unknown, string, string])[] = [
  ['neither a path nor paths', source({}), 'spec.source', pathOrPaths],
  ['a path and paths', source({ path: 'secret/a', paths: two }), 'spec.source', pathOrPaths],
  ['one of several paths without its mount', source({ paths: ['secret/a', 'b'] }), 'spec.source', withoutMount],
  [
    'one of several paths with a slash at its end',
    source({ paths: ['secret/a', 'secret/b/'] }),
    'spec.source.paths[1]',
    slash,
  ],
  [
    'an excluded path with a slash before it',
    source({ path: 'secret/*', exclude: ['/secret/a'] }),
    'spec.source.exclude[0]',
    slash,
  ],
  ['one path to be merged', source({ path: 'secret/a', merge: true }), 'spec.source', mergePaths],
  ['merged secrets at one version', source({ paths: two, merge: true, version: 3 }), 'spec.source', mergeVersion],
  ['merged secrets without a name', source({ paths: two, merge: true }), 'spec', mergeName],
  [
    'merged secrets of which one copy has a name',
    manifestWith({ source: { paths: two, merge: true }, dest: [{ aws: { name: 'app' } }, { gcp: {} }] }),
    'spec',
    mergeName,
  ],
  [
    'In without values',
    expression({ key: 'env', operator: 'In' }),
    'spec.source.selector.matchExpressions[0]',
    operands,
  ],
  [
    'NotIn with no value',
    expression({ key: 'env', operator: 'NotIn', values: [] }),
    'spec.source.selector.matchExpressions[0]',
    operands,
  ],
  [
    'Exists with a value',
    expression({ key: 'env', operator: 'Exists', values: ['a'] }),
    'spec.source.selector.matchExpressions[0]',
    operands,
  ],
  ...['-1', '101%', '025%', '2.5%', '%', '10 %', '25', 'many', '10%\n'].map(
    (text) =>
      [
        `deletions limited to ${JSON.stringify(text)}`,
        manifestWith({ maxDeletions: text }),
        'spec.maxDeletions',
        deletions,
      ] as const,
  ),
  ['deletions limited to less than none', manifestWith({ maxDeletions: -1 }), 'spec.maxDeletions', deletions],
  [
    'deletions limited to more than a million',
    manifestWith({ maxDeletions: 1_000_001 }),
    'spec.maxDeletions',
    deletions,
  ],
  ...['1d', '24', '-1h', '1.5h', '', '1h\n'].map(
    (text) =>
      [
        `a grace period of ${JSON.stringify(text)}`,
        manifestWith({ deletionGracePeriod: text }),
        'spec.deletionGracePeriod',
        grace,
      ] as const,
  ),
  ['a raw value of no key', aws({ format: 'raw' }), 'spec.dest[0].aws', raw],
  ['a raw value of no key in Azure', azure({ format: 'raw' }), 'spec.dest[0].azure', raw],
  ['a property of JSON', gcp({ format: 'json', property: 'user' }), 'spec.dest[0].gcp', raw],
  ['a property without a format', aws({ property: 'user' }), 'spec.dest[0].aws', raw],
  ['keys in a format', aws({ granularity: 'key', format: 'yaml' }), 'spec.dest[0].aws', keyShape],
  ['keys in a format in GCP', gcp({ granularity: 'key', format: 'json' }), 'spec.dest[0].gcp', keyShape],
  ['a template beside a format', aws({ format: 'dotenv' }, template), 'spec', whole],
  ['a template for keys', aws({ granularity: 'key' }, template), 'spec', whole],
  [
    'a template beside a format in another destination',
    manifestWith({ dest: [{ aws: {} }, { gcp: { format: 'json' } }], ...template }),
    'spec',
    whole,
  ],
];

const againstTypes: readonly WrongManifest[] = [
  {
    title: 'no paths at all',
    manifest: source({ paths: [] }),
    path: 'spec.source.paths',
    sentence: 'should have at least 1 items',
    inFiles: 'must not have fewer than 1 items',
  },
  {
    title: '65 paths',
    manifest: source({ paths: Array.from({ length: 65 }, (_, index) => `secret/${index}`) }),
    path: 'spec.source.paths',
    sentence: 'must have at most 64 items',
    inFiles: 'must not have more than 64 items',
  },
  {
    title: 'version 0',
    manifest: source({ path: 'secret/a', version: 0 }),
    path: 'spec.source.version',
    sentence: 'should be greater than or equal to 1',
    inFiles: 'must be >= 1',
  },
  {
    title: 'a version that is a word',
    manifest: source({ path: 'secret/a', version: 'latest' }),
    path: 'spec.source.version',
    sentence: 'must be of type integer',
    inFiles: 'must be integer',
  },
  {
    title: 'metadata selected by a number',
    manifest: selector({ matchLabels: { tier: 1 } }),
    path: 'spec.source.selector.matchLabels.tier',
    sentence: 'must be of type string',
    inFiles: 'must be string',
  },
  {
    title: 'an operator that Kubernetes does not have',
    manifest: expression({ key: 'env', operator: 'Equals', values: ['prod'] }),
    path: 'spec.source.selector.matchExpressions[0].operator',
    sentence: 'supported values: "In", "NotIn", "Exists", "DoesNotExist"',
    inFiles: 'must be one of "In", "NotIn", "Exists", "DoesNotExist"',
  },
  {
    title: 'a limit of deletions that is neither a number nor a word',
    manifest: manifestWith({ maxDeletions: true }),
    path: 'spec.maxDeletions',
    sentence: 'must be of type integer,string',
    inFiles: deletions,
  },
  {
    title: 'half a deletion',
    manifest: manifestWith({ maxDeletions: 2.5 }),
    path: 'spec.maxDeletions',
    sentence: 'must be of type integer,string',
    inFiles: deletions,
  },
  {
    title: 'a format that is none',
    manifest: aws({ format: 'toml' }),
    path: 'spec.dest[0].aws.format',
    sentence: 'supported values: "json", "dotenv", "yaml", "raw"',
    inFiles: 'must be one of "json", "dotenv", "yaml", "raw"',
  },
  {
    title: 'a granularity that is none',
    manifest: aws({ granularity: 'keys' }),
    path: 'spec.dest[0].aws.granularity',
    sentence: 'supported values: "secret", "key"',
    inFiles: 'must be one of "secret", "key"',
  },
  {
    title: 'a drift policy that is none',
    manifest: manifestWith({ driftPolicy: 'Fix' }),
    path: 'spec.driftPolicy',
    sentence: 'supported values: "Ignore", "Report", "Repair"',
    inFiles: 'must be one of "Ignore", "Report", "Repair"',
  },
];

/** What selects, shapes and behaves, and must be refused by the API server and in files. */
export const wrongSpecs: readonly WrongManifest[] = [
  ...againstRules.map(([title, manifest, path, sentence]) => ({ title, manifest, path, sentence })),
  ...againstTypes,
];

const longest = (start: string) => start.padEnd(512, 'a');

/** What selects, shapes and behaves, and is taken. */
export const rightSpecs: readonly { title: string; manifest: unknown }[] = [
  { title: 'several paths of every kind', manifest: source({ paths: ['secret/a', 'kv/team-*/**', 'secret/(.*)/db'] }) },
  { title: 'paths within a mount', manifest: source({ mount: 'infra/kv', paths: ['a', 'b/*'], exclude: ['b/c'] }) },
  {
    title: 'the most that can be selected and excluded',
    manifest: source({
      paths: Array.from({ length: 64 }, (_, index) => longest(`secret/${index}/`)),
      exclude: Array.from({ length: 64 }, (_, index) => longest(`secret/${index}/`)),
    }),
  },
  { title: 'nothing excluded', manifest: source({ path: 'secret/*', exclude: [] }) },
  { title: 'a version', manifest: source({ path: 'secret/a', version: 2_147_483_647 }) },
  { title: 'a mount and a path without a slash', manifest: source({ mount: 'kv', path: 'app' }) },
  {
    title: 'merged secrets',
    manifest: manifestWith({
      source: { paths: two, merge: true },
      dest: [{ aws: { name: 'a' } }, { gcp: { name: 'a' } }],
    }),
  },
  { title: 'merging turned off, without a name', manifest: source({ path: 'secret/a', version: 1, merge: false }) },
  {
    title: 'metadata of every kind',
    manifest: selector({
      matchLabels: { env: 'prod', empty: '' },
      matchExpressions: [
        { key: 'team', operator: 'In', values: ['a', ''] },
        { key: 'tier', operator: 'NotIn', values: ['low'] },
        { key: 'owner', operator: 'Exists' },
        { key: 'legacy', operator: 'DoesNotExist', values: [] },
      ],
    }),
  },
  { title: 'an empty selector', manifest: selector({}) },
  ...[0, 20, 1_000_000, '0%', '7%', '25%', '100%'].map((given) => ({
    title: `deletions limited to ${JSON.stringify(given)}`,
    manifest: manifestWith({ maxDeletions: given }),
  })),
  ...['0', '0s', '30m', '24h', '1h30m15s', '999999h'].map((text) => ({
    title: `a grace period of ${text}`,
    manifest: manifestWith({ deletionGracePeriod: text }),
  })),
  {
    title: 'a shape for each destination',
    manifest: manifestWith({
      dest: [
        { aws: { format: 'raw', property: 'user', naming: 'Reversible' } },
        { azure: { vaultName: 'team-a', granularity: 'key' } },
        { gcp: { format: 'dotenv', granularity: 'secret' } },
      ],
    }),
  },
  { title: 'a template where nothing else shapes', manifest: aws({ granularity: 'secret' }, template) },
  { title: 'an empty template beside a format', manifest: aws({ format: 'yaml' }, { transforms: { template: '' } }) },
  {
    title: 'every policy',
    manifest: manifestWith({
      driftPolicy: 'Report',
      updatePolicy: 'IfNotExists',
      adoptionPolicy: 'Always',
      removalPolicy: 'Delete',
    }),
  },
];
