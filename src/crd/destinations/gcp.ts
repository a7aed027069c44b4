import { type CelRule, cel, matching, type Static, StringMap, Type } from '../../schema.ts';
import { type AuthWords, authWith, type CommonWords, commonFields, commonRules, hasParts } from './common.ts';

/** GCP: label keys have 1–63 characters; ours begin with `vss-`. */
const keyExpression = /^(?!vss-)[a-z][a-z0-9_-]{0,62}$/;

/** GCP: annotation keys have 1–63 characters, alphanumeric at both ends. */
const annotationPattern = '^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$';
const annotationExpression = new RegExp(annotationPattern);

/** GCP: aliases have 1–63 characters and begin with a letter; two words are Google's own. */
const aliasPattern = '^[A-Za-z][A-Za-z0-9_-]{0,62}$';
const aliasExpression = new RegExp(aliasPattern);

/** Locations of one copy: Google has more, and the API server has only so much time for our rules. */
const mostReplicas = 24;

const timePattern = '^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](Z|[+-][0-2][0-9]:[0-5][0-9])$';

const location = {
  minLength: 1,
  maxLength: 40,
  ...matching('^[a-z]+(-[a-z]+)+[0-9]+$', 'a GCP location looks like europe-west3'),
};

const kmsKey = {
  minLength: 1,
  maxLength: 256,
  ...matching(
    '^projects/[^/]+/locations/[a-z0-9-]+/keyRings/[^/]+/cryptoKeys/[^/]+$',
    'a KMS key looks like projects/my-project/locations/europe-west3/keyRings/ring/cryptoKeys/key',
  ),
};

const GcpReplica = Type.Object(
  {
    location: Type.String({ ...location, description: 'Location of the replica.' }),
    kmsKeyName: Type.Optional(
      Type.String({ ...kmsKey, description: "KMS key of that location that encrypts the replica. Default: Google's." }),
    ),
  },
  {
    additionalProperties: false,
    ...cel<{ location: string; kmsKeyName?: string }>({
      rule: "!has(self.kmsKeyName) || self.kmsKeyName.contains('/locations/' + self.location + '/')",
      holds: (replica) => isKeyIn(replica.location, replica.kmsKeyName),
      message: 'the KMS key of a replica is in the location of the replica',
    }),
  },
);

const GcpReplication = Type.Object(
  {
    automatic: Type.Optional(
      Type.Object(
        {
          kmsKeyName: Type.Optional(
            Type.String({
              ...kmsKey,
              description: "KMS key in the location `global` that encrypts the copy. Default: Google's.",
            }),
          ),
        },
        {
          additionalProperties: false,
          description: 'Google chooses the locations.',
          ...cel<{ kmsKeyName?: string }>({
            rule: "!has(self.kmsKeyName) || self.kmsKeyName.contains('/locations/global/')",
            holds: ({ kmsKeyName }) => isKeyIn('global', kmsKeyName),
            message: 'the KMS key of a copy that is replicated automatically is in the location global',
          }),
        },
      ),
    ),
    userManaged: Type.Optional(
      Type.Array(GcpReplica, {
        minItems: 1,
        maxItems: mostReplicas,
        description: 'The copy is kept in these locations.',
        'x-kubernetes-list-type': 'atomic',
        ...cel<{ location: string }[]>({
          rule: 'self.all(one, self.exists_one(other, other.location == one.location))',
          holds: (replicas) => isUnique(replicas.map((replica) => replica.location)),
          message: 'name each location of userManaged once',
        }),
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Where Google keeps the copy. GCP cannot change it once the copy is there, except for KMS keys. Default: automatic; a copy that is there already is left as it is.',
    ...cel<{ automatic?: object; userManaged?: object }>({
      rule: 'has(self.automatic) != has(self.userManaged)',
      holds: ({ automatic, userManaged }) => (automatic === undefined) !== (userManaged === undefined),
      message: 'replication is exactly one of automatic and userManaged',
    }),
  },
);

const GcpVersions = Type.Object(
  {
    keepEnabled: Type.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'Enabled versions to keep, the current one among them.',
    }),
    destroyAfter: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 6,
        description:
          'How long a version that is not kept any more still stays, in minutes, hours or days; `0` for not at all. Default: 24h.',
        ...matching('^(0|[1-9][0-9]{0,4}[mhd])$', 'destroyAfter is a number of minutes, hours or days, such as 24h'),
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Which versions of the copy stay: older ones are destroyed some time after a write, never the current one and none that has an alias. Where it is left out, versions are left alone, and Google charges for each.',
  },
);

interface GcpAuthWords extends AuthWords {
  readonly workloadIdentityProvider?: string;
  readonly impersonate?: string;
}

const GcpAuth = authWith(
  {
    workloadIdentityProvider: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description:
          'With `serviceAccountRef`: the provider of a workload identity pool that takes tokens of the cluster.',
        ...matching(
          '^projects/[0-9]+/locations/global/workloadIdentityPools/[a-z0-9-]{4,32}/providers/[a-z0-9-]{4,32}$',
          'a provider looks like projects/123456789012/locations/global/workloadIdentityPools/my-pool/providers/my-provider',
        ),
      }),
    ),
    impersonate: Type.Optional(
      Type.String({
        minLength: 6,
        maxLength: 128,
        description:
          'With `serviceAccountRef`: service account of Google as which the copy is written. Default: the ServiceAccount itself, as the pool knows it.',
        ...matching(
          '^[a-z0-9-]+@[a-z0-9.-]+[.]gserviceaccount[.]com$',
          'a service account looks like writer@my-project.iam.gserviceaccount.com',
        ),
      }),
    ),
  },
  {
    secretKeys: '`credentials.json` (the JSON key of a service account)',
    rules: [
      {
        rule: 'has(self.serviceAccountRef) == has(self.workloadIdentityProvider)',
        holds: (self: GcpAuthWords) =>
          (self.serviceAccountRef === undefined) === (self.workloadIdentityProvider === undefined),
        message: 'serviceAccountRef and workloadIdentityProvider go together: the provider takes its token',
      },
      {
        rule: '!has(self.impersonate) || has(self.serviceAccountRef)',
        holds: (self: GcpAuthWords) => self.impersonate === undefined || self.serviceAccountRef !== undefined,
        message: 'impersonate goes with serviceAccountRef: a key already is one of a service account',
      },
    ],
  },
);

/** Rules between the fields of a GCP destination. */
const gcpRules: readonly CelRule<GcpWords>[] = [
  {
    rule: '!has(self.replication) || !has(self.replicationLocations)',
    holds: ({ replication, replicationLocations }) => replication === undefined || replicationLocations === undefined,
    message: 'replicationLocations is another way to write replication: keep one of them',
  },
  {
    rule: '!has(self.location) || (!has(self.replication) && !has(self.replicationLocations))',
    holds: (self) =>
      self.location === undefined || (self.replication === undefined && self.replicationLocations === undefined),
    message: 'a regional copy is not replicated: leave replication out, or location',
  },
  {
    rule: "!has(self.kmsKeyName) || (has(self.location) && self.kmsKeyName.contains('/locations/' + self.location + '/'))",
    holds: (self) =>
      self.kmsKeyName === undefined || (self.location !== undefined && isKeyIn(self.location, self.kmsKeyName)),
    message:
      'kmsKeyName is for a regional copy, and in its location; the keys of other copies are named in replication',
  },
  {
    rule: '!has(self.expireTime) || !has(self.ttl)',
    holds: ({ expireTime, ttl }) => expireTime === undefined || ttl === undefined,
    message: 'a copy expires at one time: leave expireTime out, or ttl',
  },
];

interface GcpWords extends CommonWords {
  readonly location?: string;
  readonly replication?: object;
  readonly replicationLocations?: readonly string[];
  readonly kmsKeyName?: string;
  readonly expireTime?: string;
  readonly ttl?: string;
}

function isUnique(words: readonly string[]): boolean {
  return new Set(words).size === words.length;
}

function isKeyIn(place: string, kmsKeyName: string | undefined): boolean {
  return kmsKeyName === undefined || kmsKeyName.includes(`/locations/${place}/`);
}

/** A copy in GCP Secret Manager. */
export const GcpDestination = Type.Object(
  {
    project: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: "Project, by id or number. Default: the operator's setting `stores.gcp.project`.",
        ...matching(
          '^([0-9]+|([a-z0-9.-]+:)?[a-z][a-z0-9-]*[a-z0-9])$',
          'a GCP project is named by its id (my-project-1) or its number',
        ),
      }),
    ),
    location: Type.Optional(
      Type.String({
        ...location,
        description:
          'Location of a regional secret, which never leaves it. Another location, or none, is another copy. Default: a global secret.',
      }),
    ),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          'Name of the secret; a `/` becomes `-`. May hold captures of the path (`$1`, `${1}`, `${name}`) and templates (`{{ .metadata.team }}`, see `docs/reference/names.md`). Default: the name of the secret within its mount, with `-` for what GCP lacks.',
        ...cel<string>({
          rule: "self.contains('$') || self.contains('{{') || (self.size() <= 255 && self.matches('^[A-Za-z0-9_/-]+$'))",
          holds: (name) => hasParts(name) || /^[A-Za-z0-9_/-]{1,255}$/.test(name),
          message: 'GCP secret ids have 1 to 255 letters, digits, _ and - (a / becomes -): change the other characters',
        }),
      }),
    ),
    labels: Type.Optional(
      StringMap({
        maxProperties: 63,
        values: { maxLength: 256 },
        description:
          'Labels of the copy; values may hold captures and templates, like `name`. GCP allows 64 of at most 63 characters, one of which is ours.',
        ...cel<Record<string, string>>({
          rule: "self.all(key, key.matches('^[a-z][a-z0-9_-]{0,62}$') && !key.startsWith('vss-') && (self[key].contains('{{') || self[key].contains('$') || self[key].matches('^[a-z0-9_-]{0,63}$')))",
          holds: (labels) =>
            Object.entries(labels).every(
              ([key, value]) => keyExpression.test(key) && (hasParts(value) || /^[a-z0-9_-]{0,63}$/.test(value)),
            ),
          message:
            'label keys have 1 to 63 lower-case letters, digits, _ and -, begin with a letter and not with vss- (our mark); values have up to 63 of the same characters',
        }),
      }),
    ),
    annotations: Type.Optional(
      StringMap({
        maxProperties: 64,
        values: { maxLength: 1024 },
        description:
          'Annotations of the copy; values may hold captures and templates, like `name`. All together have less than 16 KiB in GCP.',
        ...cel<Record<string, string>>({
          rule: `self.all(key, key.matches('${annotationPattern}') && !key.startsWith('vss-'))`,
          holds: (annotations) =>
            Object.keys(annotations).every((key) => annotationExpression.test(key) && !key.startsWith('vss-')),
          message:
            'annotation keys have 1 to 63 letters, digits, _ . and -, begin and end with a letter or digit, and do not begin with vss- (our marks)',
        }),
      }),
    ),
    replication: Type.Optional(GcpReplication),
    replicationLocations: Type.Optional(
      Type.Array(Type.String(location), {
        minItems: 1,
        maxItems: mostReplicas,
        description: 'The locations of `replication.userManaged` alone.',
        'x-kubernetes-list-type': 'atomic',
        ...cel<string[]>({
          rule: 'self.all(one, self.exists_one(other, other == one))',
          holds: isUnique,
          message: 'name each location of replicationLocations once',
        }),
      }),
    ),
    kmsKeyName: Type.Optional(
      Type.String({
        ...kmsKey,
        description: "With `location`: KMS key of that location that encrypts the copy. Default: Google's.",
      }),
    ),
    topics: Type.Optional(
      Type.Array(
        Type.String({
          maxLength: 512,
          ...matching('^projects/[^/]+/topics/[^/]+$', 'a topic looks like projects/my-project/topics/my-topic'),
        }),
        {
          maxItems: 10,
          description:
            'Pub/Sub topics that Google tells of changes to the copy; `[]` takes all away. Where it is left out, topics are left as they are.',
          'x-kubernetes-list-type': 'atomic',
          ...cel<string[]>({
            rule: 'self.all(one, self.exists_one(other, other == one))',
            holds: isUnique,
            message: 'name each topic once',
          }),
        },
      ),
    ),
    expireTime: Type.Optional(
      Type.String({
        minLength: 20,
        maxLength: 25,
        description:
          'When Google deletes the copy, for good and with all versions, e.g. `2027-01-31T00:00:00Z`. Where it is left out, an expiry is left as it is.',
        ...cel<string>({
          rule: `self.matches('${timePattern}') && timestamp(self) > timestamp('2000-01-01T00:00:00Z')`,
          holds: (self) => new RegExp(timePattern).test(self) && Date.parse(self) > 0,
          message: 'a time looks like 2027-01-31T00:00:00Z',
        }),
      }),
    ),
    ttl: Type.Optional(
      Type.String({
        minLength: 2,
        maxLength: 6,
        description: 'The same as a time after the copy was made, or first got it, in hours or days, e.g. `90d`.',
        ...matching('^[1-9][0-9]{0,4}[hd]$', 'ttl is a number of hours or days, such as 12h or 90d'),
      }),
    ),
    versionAliases: Type.Optional(
      Type.Unsafe<Record<string, number>>({
        type: 'object',
        additionalProperties: { type: 'integer', minimum: 1 },
        maxProperties: 50,
        description: 'Names for versions of the copy, by number; aliases that others gave are left alone.',
        ...cel<Record<string, number>>({
          rule: `self.all(key, key.matches('${aliasPattern}') && key != 'latest' && key != 'NEW')`,
          holds: (aliases) =>
            Object.keys(aliases).every((key) => aliasExpression.test(key) && key !== 'latest' && key !== 'NEW'),
          message: 'aliases have 1 to 63 letters, digits, _ and -, begin with a letter, and are neither latest nor NEW',
        }),
      }),
    ),
    versions: Type.Optional(GcpVersions),
    versionDestroyTtl: Type.Optional(
      Type.String({
        minLength: 2,
        maxLength: 6,
        description:
          'How long Google itself keeps a version that somebody destroys, disabled, so that it can be had back: 24h to 1000d. Where it is left out, it is left as it is.',
        ...matching(
          '^([1-9][0-9]{0,2}d|1000d|(2[4-9]|[3-9][0-9]|[1-9][0-9]{2,3})h)$',
          'versionDestroyTtl is a number of hours or days from 24h to 1000d',
        ),
      }),
    ),
    auth: GcpAuth,
    ...commonFields,
  },
  { additionalProperties: false, ...cel(...commonRules, ...gcpRules), description: 'A copy in GCP Secret Manager.' },
);
export type GcpDestination = Static<typeof GcpDestination>;
