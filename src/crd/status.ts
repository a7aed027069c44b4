import { type Static, StringEnum, Type } from '../schema.ts';

const count = (description: string) => Type.Optional(Type.Integer({ minimum: 0, description }));

/** A condition as Kubernetes' API conventions describe it. */
export const Condition = Type.Object({
  type: StringEnum(['Ready', 'Reconciling', 'Stalled', 'SourceAvailable'], { description: 'What is said.' }),
  status: StringEnum(['True', 'False', 'Unknown'], { description: 'Whether it is so.' }),
  observedGeneration: Type.Optional(
    Type.Integer({ minimum: 0, description: 'The `metadata.generation` of which it is said.' }),
  ),
  lastTransitionTime: Type.String({ format: 'date-time', description: 'When `status` changed last.' }),
  reason: Type.String({ minLength: 1, maxLength: 128, description: 'Why, in one CamelCase word.' }),
  message: Type.String({ maxLength: 4096, description: 'Why, in a sentence, and what to do.' }),
});
export type Condition = Static<typeof Condition>;

const text = (maxLength: number, description: string) => Type.Optional(Type.String({ maxLength, description }));
const ref = (kind: string) =>
  Type.Optional(
    Type.Object({ name: Type.String({ maxLength: 253, description: 'Its name.' }) }, { description: kind }),
  );

/** What the `auth` of a destination says, of every store: names, and nothing that is secret. */
const AuthStatus = Type.Object(
  {
    serviceAccountRef: ref('ServiceAccount as which the copies were written.'),
    secretRef: ref('Secret with the credentials by which the copies were written.'),
    clientId: text(256, 'Azure: the application.'),
    tenantId: text(256, 'Azure: the tenant of the application.'),
    workloadIdentityProvider: text(256, 'GCP: the provider that took the token.'),
    impersonate: text(256, 'GCP: the service account that was impersonated.'),
  },
  { description: 'Identity of the namespace by which the copies were written, as the manifest named it.' },
);

export const DestinationStatus = Type.Object({
  destination: Type.String({ maxLength: 512, description: 'Place of the copies, e.g. `aws:eu-west-1`.' }),
  synced: count('Copies that are as Vault says.'),
  failed: count('Copies that could not be brought in sync.'),
  conflict: count('Copies that belong to somebody else.'),
  retained: count('Copies kept although their source is gone.'),
  drifted: count('Copies that somebody else changed or deleted, with `driftPolicy: Report`.'),
  waiting: count('Copies whose source is gone and whose `deletionGracePeriod` runs.'),
  guarded: count('Copies whose deletion the guard stopped.'),
  dryRun: count('Copies that a dry run looked at.'),
  roleArn: Type.Optional(Type.String({ maxLength: 2048, description: 'AWS role that was assumed to write there.' })),
  externalId: Type.Optional(Type.String({ maxLength: 1224, description: 'External id that the role asked for.' })),
  auth: Type.Optional(AuthStatus),
  unswept: Type.Optional(
    Type.String({
      maxLength: 1024,
      description:
        'Why copies that may be left in this place could not be looked for; absent when there is nothing to look for.',
    }),
  ),
});
export type DestinationStatus = Static<typeof DestinationStatus>;

export const Failure = Type.Object({
  destination: Type.String({ maxLength: 512, description: 'Place of the copy, e.g. `aws:eu-west-1`.' }),
  name: Type.String({ maxLength: 512, description: 'Name of the copy.' }),
  reason: Type.String({ maxLength: 128, description: 'Why, in one CamelCase word.' }),
  message: Type.String({ maxLength: 1024, description: 'Why, in a sentence, and what to do.' }),
});
export type Failure = Static<typeof Failure>;

export const StoppedDeletions = Type.Object({
  count: Type.Integer({ minimum: 0, description: 'How many deletions the guard stopped.' }),
  names: Type.Array(Type.String({ maxLength: 1024 }), {
    maxItems: 10,
    description: 'Some of the copies, by place and name.',
    'x-kubernetes-list-type': 'atomic',
  }),
  digest: Type.String({
    maxLength: 64,
    description:
      'Stands for this very set: the annotation `deletions.vaultsecretsync.dev/release` with it lets them be deleted.',
  }),
});
export type StoppedDeletions = Static<typeof StoppedDeletions>;

export const PlanSummary = Type.Object({
  create: count('Copies to be made.'),
  update: count('Copies whose value is to be written.'),
  metadataOnly: count('Copies of which only tags, labels and the like are to be written.'),
  adopt: count('Copies to be taken over.'),
  delete: count('Copies to be deleted.'),
  guarded: count('Deletions that the guard would stop.'),
  conflict: count('Copies that belong to somebody else.'),
  failed: count('Copies that cannot be planned.'),
  skip: count('Copies that a policy leaves as they are.'),
  unchanged: count('Copies that are as they must be.'),
});
export type PlanSummary = Static<typeof PlanSummary>;

export const SyncStatus = Type.Object({
  observedGeneration: Type.Optional(
    Type.Integer({ minimum: 0, description: 'The `metadata.generation` that the rest speaks of.' }),
  ),
  conditions: Type.Optional(
    Type.Array(Condition, {
      maxItems: 8,
      description: 'How it stands, one entry per type.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    }),
  ),
  lastHandledReconcileAt: Type.Optional(
    Type.String({ maxLength: 256, description: 'The last value of the annotation that asked for a reconcile.' }),
  ),
  lastSyncTime: Type.Optional(Type.String({ format: 'date-time', description: 'End of the last full reconcile.' })),
  nextReconcileTime: Type.Optional(
    Type.String({ format: 'date-time', description: 'When the next full reconcile is due.' }),
  ),
  copies: Type.Optional(Type.String({ maxLength: 64, description: 'Copies in sync of all, e.g. `3/3`.' })),
  sourceLagSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: 'Seconds from the last change that was heard of to the last copy made of it.',
    }),
  ),
  sourceMounts: Type.Optional(
    Type.Array(
      Type.Object({
        mount: Type.String({ maxLength: 512, description: 'The mount.' }),
        uuid: Type.String({
          maxLength: 128,
          description: 'Its uuid when it was last read: part of a proof of absence.',
        }),
      }),
      {
        maxItems: 64,
        description: 'The mounts that were read.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['mount'],
      },
    ),
  ),
  plan: Type.Optional(PlanSummary),
  stoppedDeletions: Type.Optional(StoppedDeletions),
  destinations: Type.Optional(
    Type.Array(DestinationStatus, {
      maxItems: 64,
      description: 'Every place ever written, until it was swept.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['destination'],
    }),
  ),
  failures: Type.Optional(
    Type.Array(Failure, { maxItems: 10, description: 'The worst failures.', 'x-kubernetes-list-type': 'atomic' }),
  ),
});
export type SyncStatus = Static<typeof SyncStatus>;
