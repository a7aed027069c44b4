/**
 * The vocabulary of this project, each word with one meaning:
 *
 * - **sync**         a `VaultSecretSync` resource: which secrets go where
 * - **source**       a secret in Vault, and the part of a sync that selects it
 * - **destination**  an entry of `spec.dest`: a store, and how copies are named and marked there
 * - **copy**         one secret in one store that a sync keeps equal to its source
 * - **target**       the code that writes to one kind of store
 * - **job**          work in the queue: a key that says "look at this"
 * - **role**         `webhook` (hears) or `operator` (reconciles)
 */
import { cel, matching, type Static, StringEnum, StringMap, Type } from '../schema.ts';
import { AwsDestination } from './destinations/aws.ts';
import { AzureDestination } from './destinations/azure.ts';
import { GcpDestination } from './destinations/gcp.ts';
import { durationMs } from './duration.ts';
import { Source } from './source.ts';
import { SyncStatus } from './status.ts';
import { Filters, Transforms } from './transforms.ts';

export const group = 'vaultsecretsync.dev';
export const version = 'v1alpha1';
export const kind = 'VaultSecretSync';
export const plural = 'vaultsecretsyncs';
export const apiVersion = `${group}/${version}`;

/** Put on a sync whose `removalPolicy` is `Delete`, until its copies are gone. */
export const finalizer = `${group}/copies`;
/** Any new value asks for a reconcile now; answered in `status.lastHandledReconcileAt`. */
export const requestedAtAnnotation = `reconcile.${group}/requestedAt`;
/** The annotations by which users of the Go project that this one descends from ask for a reconcile. */
export const ancestorAnnotations = { forceSync: 'force-sync', operation: 'op' } as const;
/** Carries the digest of a set of deletions that the guard stopped, and so lets that very set go. */
export const releaseDeletionsAnnotation = `deletions.${group}/release`;

export const Destination = Type.Object(
  {
    aws: Type.Optional(AwsDestination),
    azure: Type.Optional(AzureDestination),
    gcp: Type.Optional(GcpDestination),
  },
  {
    additionalProperties: false,
    ...cel<object>({
      rule: '[has(self.aws), has(self.azure), has(self.gcp)].filter(named, named).size() == 1',
      holds: (destination) => Object.keys(destination).length === 1,
      message: 'each entry of dest names exactly one store: aws, azure or gcp',
    }),
  },
);
export type Destination = Static<typeof Destination>;

/** The stores that a destination can name. */
export const stores = ['aws', 'azure', 'gcp'] as const;
export type Store = (typeof stores)[number];

export const Spec = Type.Object(
  {
    source: Source,
    filters: Type.Optional(Filters),
    transforms: Type.Optional(Transforms),
    dest: Type.Array(Destination, {
      minItems: 1,
      maxItems: 32,
      description: 'Where the copies are written.',
      'x-kubernetes-list-type': 'atomic',
    }),
    suspend: Type.Boolean({ default: false, description: 'Nothing is read or written while true.' }),
    dryRun: Type.Boolean({
      default: false,
      description: 'Vault is read and the work planned, but nothing is written.',
    }),
    refreshInterval: Type.String({
      default: '1h',
      maxLength: 16,
      description: 'Time between full reconciles, e.g. `30m`, `1h30m`; at least `10s`. `0` turns them off.',
      ...cel<string>({
        // Six digits: CEL fails, instead of answering no, where a duration exceeds 292 years.
        rule: "self == '0' || (self.matches('^([0-9]{1,6}[smh])+$') && duration(self) >= duration('10s'))",
        holds: (interval) => interval === '0' || (durationMs(interval) ?? 0) >= 10_000,
        message: 'refreshInterval is a duration such as 30s, 15m or 1h30m, at least 10s, or 0 for never',
      }),
    }),
    deletionPolicy: StringEnum(['Delete', 'Retain'], {
      default: 'Delete',
      description: 'What happens to a copy when Vault proves that its source is gone.',
    }),
    removalPolicy: StringEnum(['Retain', 'Delete'], {
      default: 'Retain',
      description: 'What happens to the copies when the resource or a destination is taken away.',
    }),
    driftPolicy: StringEnum(['Ignore', 'Report', 'Repair'], {
      default: 'Repair',
      description:
        'What a full reconcile does about a copy that somebody else changed or deleted: looks away, says so in the status, or makes it right.',
    }),
    updatePolicy: StringEnum(['Always', 'IfNotExists'], {
      default: 'Always',
      description: '`IfNotExists` creates copies that are not there and leaves every other secret as it is.',
    }),
    maxDeletions: Type.Optional(
      Type.Unsafe<number | string>({
        'x-kubernetes-int-or-string': true,
        description:
          'Copies that may be deleted within any 10 minutes: a number, or a share of all copies such as `25%`. More are stopped until an annotation releases them. Default: 10 or 25 %, whichever is more.',
        ...cel<number | string>({
          rule: "type(self) == int ? self >= 0 && self <= 1000000 : self.matches('^(100|[1-9]?[0-9])%$')",
          holds: (given) =>
            typeof given === 'number'
              ? Number.isInteger(given) && given >= 0 && given <= 1_000_000
              : typeof given === 'string' && /^(100|[1-9]?[0-9])%$/.test(given),
          message: 'maxDeletions is a number such as 20, or a share such as 25%',
        }),
      }),
    ),
    deletionGracePeriod: Type.String({
      default: '0',
      maxLength: 16,
      description: 'Time between the proof that a source is gone and the deletion of its copies, e.g. `24h`.',
      ...cel<string>({
        rule: "self == '0' || (self.matches('^([0-9]{1,6}[smh])+$') && duration(self) >= duration('0s'))",
        holds: (period) => durationMs(period) !== null,
        message: 'deletionGracePeriod is a duration such as 30m or 24h, or 0 for none',
      }),
    }),
    adoptionPolicy: Type.Optional(
      StringEnum(['Never', 'IfUnowned', 'Always'], {
        description:
          "Whether a secret that is in the store already and bears no mark of this sync is taken over: `IfUnowned` takes what bears no owner's mark, `Always` takes another sync's too. Default: the operator's setting `defaults.adoptionPolicy`.",
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'What is copied, where to, and how.',
    ...cel<SpecWords>(
      {
        rule: "!has(self.transforms) || !has(self.transforms.template) || self.transforms.template == '' || self.dest.all(entry, (!has(entry.aws) || ((!has(entry.aws.granularity) || entry.aws.granularity == 'secret') && !has(entry.aws.format))) && (!has(entry.azure) || ((!has(entry.azure.granularity) || entry.azure.granularity == 'secret') && !has(entry.azure.format))) && (!has(entry.gcp) || ((!has(entry.gcp.granularity) || entry.gcp.granularity == 'secret') && !has(entry.gcp.format))))",
        holds: ({ transforms, dest }) =>
          !transforms?.template ||
          dest.every((entry) =>
            Object.values(entry).every(({ granularity, format }) => granularity !== 'key' && format === undefined),
          ),
        message: 'a template makes the whole value: leave format and granularity: key out, or the template',
      },
      {
        rule: '!has(self.source.merge) || !self.source.merge || self.dest.all(entry, (!has(entry.aws) || has(entry.aws.name)) && (!has(entry.azure) || has(entry.azure.name)) && (!has(entry.gcp) || has(entry.gcp.name)))',
        holds: ({ source, dest }) =>
          !source.merge || dest.every((entry) => Object.values(entry).every(({ name }) => name !== undefined)),
        message: 'merged secrets have no name in common: give each destination a name',
      },
    ),
  },
);

/** What the rules between the parts of a spec look at. */
interface SpecWords {
  readonly source: { readonly merge?: boolean };
  readonly transforms?: { readonly template?: string };
  readonly dest: readonly Record<string, { granularity?: string; format?: string; name?: string }>[];
}
export type Spec = Static<typeof Spec>;

/** What Kubernetes says of names, in words of ours: its API server never sees the manifests of a folder. */
export const Metadata = Type.Object({
  name: Type.String({
    minLength: 1,
    maxLength: 253,
    ...matching(
      '^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$',
      'a name has lower-case letters, digits, - and ., and begins and ends with a letter or digit',
    ),
  }),
  namespace: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 63,
      ...matching(
        '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
        'a namespace has lower-case letters, digits and -, and begins and ends with a letter or digit',
      ),
    }),
  ),
  annotations: Type.Optional(StringMap()),
});

/** A manifest as a file holds it. Unknown fields of `metadata` are Kubernetes' business, not ours. */
export const Manifest = Type.Object(
  {
    apiVersion: Type.Unsafe<typeof apiVersion>({ type: 'string', enum: [apiVersion] }),
    kind: Type.Unsafe<typeof kind>({ type: 'string', enum: [kind] }),
    metadata: Metadata,
    spec: Spec,
    status: Type.Optional(Type.Unsafe<unknown>({})),
  },
  { additionalProperties: false },
);
export type Manifest = Static<typeof Manifest>;

/** A sync as the operator knows it, wherever its manifest came from. */
export interface VaultSecretSync {
  readonly namespace: string;
  readonly name: string;
  /** Grows with each change of the spec. */
  readonly generation: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** Unix time in milliseconds; 0 for files, which have none. */
  readonly createdAt: number;
  /** True once Kubernetes was asked to delete it. */
  readonly deleting: boolean;
  readonly spec: Spec;
  readonly status: SyncStatus | null;
}

export { SyncStatus };

/** `namespace/name`: how a sync is called everywhere outside Kubernetes. */
export function syncKeyOf(sync: { readonly namespace: string; readonly name: string }): string {
  return `${sync.namespace}/${sync.name}`;
}

/** The store that a destination names. A destination that passed its schema names exactly one. */
export function storeOf(destination: Destination): Store {
  for (const store of stores) if (destination[store]) return store;
  throw new Error('a destination without a store passed validation');
}
