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

export const DestinationStatus = Type.Object({
  destination: Type.String({ maxLength: 512, description: 'Place of the copies, e.g. `aws:eu-west-1`.' }),
  synced: count('Copies that are as Vault says.'),
  failed: count('Copies that could not be brought in sync.'),
  conflict: count('Copies that belong to somebody else.'),
  retained: count('Copies kept although their source is gone.'),
  dryRun: count('Copies that a dry run looked at.'),
});
export type DestinationStatus = Static<typeof DestinationStatus>;

export const Failure = Type.Object({
  destination: Type.String({ maxLength: 512, description: 'Place of the copy, e.g. `aws:eu-west-1`.' }),
  name: Type.String({ maxLength: 512, description: 'Name of the copy.' }),
  reason: Type.String({ maxLength: 128, description: 'Why, in one CamelCase word.' }),
  message: Type.String({ maxLength: 1024, description: 'Why, in a sentence, and what to do.' }),
});
export type Failure = Static<typeof Failure>;

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
  sourceMountUUID: Type.Optional(
    Type.String({
      maxLength: 128,
      description: 'Uuid of the mount when it was last read: part of a proof of absence.',
    }),
  ),
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
