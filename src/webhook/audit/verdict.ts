/** What an audit entry means to us. */
export type VerdictKind = 'changed' | 'reconcile' | 'ignored' | 'malformed';

/** Why: a stable word for each way to a verdict. */
export type Reason =
  // changed
  | 'SecretChanged'
  | 'MetadataChanged'
  // reconcile
  | 'MountEnabled'
  | 'MountDisabled'
  | 'MountTuned'
  | 'MountConfigured'
  | 'MountMoved'
  | 'NamespaceDeleted'
  | 'SnapshotRestored'
  // ignored
  | 'NotAResponse'
  | 'Failed'
  | 'ReadOnly'
  | 'NotKv'
  | 'NoSecretNamed'
  // malformed
  | 'NotJson'
  | 'NotAnEntry'
  | 'TooLong'
  | 'TooComplex'
  | 'PathTooLong'
  | 'BadEncoding'
  | 'Msgpack'
  | 'Jsonx'
  | 'Form'
  | 'Protobuf';

const mayHide: ReadonlySet<Reason> = new Set<Reason>([
  ...(['TooLong', 'TooComplex', 'BadEncoding'] as const),
  ...(['Msgpack', 'Jsonx', 'Form', 'Protobuf'] as const),
]);

/**
 * Whether what could not be read may well have been a change. Text between the entries is none, nor is JSON of another
 * kind; a line that was cut in two comes again, or its reader knows better.
 */
export function mayHideChange(reason: Reason): boolean {
  return mayHide.has(reason);
}

/** All that is kept of an entry. Places are written as `paths` writes them: no slash at either end, root is ''. */
export interface Verdict {
  readonly verdict: VerdictKind;
  readonly reason: Reason;
  /** Of the request; for `reconcile` the namespace to reconcile, with all below it when `mount` is ''. */
  readonly namespace: string | null;
  /** Without its namespace; null when the entry does not tell (Vault before 1.14); '' = every mount (`reconcile`). */
  readonly mount: string | null;
  /** As in the entry: with the mount, without the namespace, decoded once by Vault and never again. */
  readonly path: string | null;
  readonly operation: string | null;
  /** The KV v2 version that the write made, where the entry tells. */
  readonly version: number | null;
  readonly requestId: string | null;
  /** When Vault wrote the entry, Unix time in milliseconds; null where the shipper removed it. */
  readonly time: number | null;
  /** Carries the header of our own writes. Any client can send it, so it only marks; nothing is dropped for it. */
  readonly ownWrite: boolean;
  /** Only settings and custom metadata changed, if the mount is KV v2. */
  readonly metadataOnly: boolean;
}

/** The verdict on what cannot be read. */
export function malformed(reason: Reason): Verdict {
  return { ...nothingKnown, verdict: 'malformed', reason };
}

/** The verdict on what may have been a change of a secret and is not there to be read any more. */
export function unreadChange(namespace: string, path: string): Verdict {
  return { ...nothingKnown, verdict: 'changed', reason: 'SecretChanged', namespace, path };
}

const nothingKnown: Omit<Verdict, 'verdict' | 'reason'> = {
  namespace: null,
  mount: null,
  path: null,
  operation: null,
  version: null,
  requestId: null,
  time: null,
  ownWrite: false,
  metadataOnly: false,
};
