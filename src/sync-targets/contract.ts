import type { Destination } from '../crd/vault-secret-sync.ts';
import type { SyncError } from '../errors.ts';

/**
 * What one destination can do. A target holds only what is true of its store: retries, budgets, metrics and leases
 * wrap it from outside, and decisions (ownership, policies, what is due) are taken in `sync`.
 *
 * Rules for every target:
 * - `null` means *certainly absent*: a positive not-found. Denied, throttled or unreachable throws.
 * - It never reads a value back.
 * - It throws `SyncError` with a remedy and the store's own code, or `PremiseChanged`; never a value in any text.
 * - It has no retry loop of its own, and every call ends when its `signal` aborts.
 */
export interface Target {
  /** Canonical place of all copies behind this target, e.g. `aws:eu-west-1:`, lower case where the store ignores case. */
  readonly scope: string;
  /**
   * The copy's name as the store will show it, from a name written out (`derived: false`, used as it is or refused)
   * or derived from a path (`derived: true`): what the store lacks becomes `-`, or, with `naming: 'Reversible'`, is
   * written so that the name can be read back. Pure.
   * @throws SyncError `FixSpec` when the store cannot hold that name
   */
  nameOf(name: string, options: NameOptions): string;
  /** What a `Reversible` name was made of; null = no such name. `name` as `nameOf` gave it. Pure. */
  originalOf?(name: string): string | null;
  /** The name that tells copies apart, e.g. in lower case where the store ignores letter case. Pure. */
  identityOf(name: string): string;
  /** What can be refused before any call: value size, alphabet, tag rules. Pure. @throws SyncError `FixSpec` */
  preflight(desired: Desired): void;
  /**
   * Metadata of one copy; `null` = certainly absent. With `destination` it also looks at what only some manifests ask
   * for and costs a call of its own (AWS: the resource policy).
   */
  describe(name: string, signal: AbortSignal, destination?: Destination): Promise<Observed | null>;
  /** Every copy in this scope that bears the owner's mark, page by page. May lack version ids (`versionId: null`). */
  list?(owner: string, signal: AbortSignal): AsyncIterable<Observed>;
  /**
   * Whether a listing shows too little to compare a copy of this destination by it, so that it must be described, with
   * `destination` (AWS: replicas, resource policy). None does unless said. Pure.
   */
  needsLook?(destination: Destination): boolean;
  /**
   * In what an observed copy differs from the desired one, through metadata alone; empty = in sync. Pure.
   * `written` is what the ledger remembers of our last write, handed in only if that write had the desired fingerprint
   * (the same value, name, tags, keys); null otherwise, and when nothing is remembered.
   */
  compare(desired: Desired, observed: Observed, written: Written | null): readonly Difference[];
  /**
   * Makes the copy what it must be: creates it, writes a new version, changes its metadata, or restores it first.
   * `premise` is what the caller believes is there.
   * @throws PremiseChanged when the store contradicts the premise; nothing was written then
   */
  write(desired: Desired, premise: Premise, signal: AbortSignal): Promise<Written>;
  /**
   * Deletes the copy, in the store's recoverable way where it has one. The caller has proved that it is ours.
   * `destination`, where a manifest still has it, says how (AWS: recovery window, at once).
   */
  remove(observed: Observed, signal: AbortSignal, destination?: Destination): Promise<void>;
  /**
   * Whether a removal has still something to do with a copy that is pending deletion (Azure: purge it). It has not unless
   * said: such a copy counts as gone. Pure.
   */
  hasMoreToRemove?(observed: Observed, destination: Destination): boolean;
  /**
   * Whether another scope may be this very place under another name (AWS: the account of the operator's own identity; GCP:
   * a project's number): then what is there is not left over from a move. Pure.
   */
  mayBeAt?(scope: string): boolean;
  /** False where a value that somebody else wrote shows in a description only, not in a listing (GCP). */
  readonly listsVersions?: boolean;
  /** What the store allows this place, by kind of call. */
  readonly rates?: Readonly<Record<CallKind, Rate>>;
  /** Whether something is due that `close` would forget (GCP: old versions); it has nothing unless said. */
  hasDue?(): boolean;
  /** Flushes what is still due and ends connections. */
  close?(): Promise<void>;
}

export interface NameOptions {
  readonly derived: boolean;
  /** For derived names; `Readable` unless said. */
  readonly naming?: 'Readable' | 'Reversible' | undefined;
}

/** `read` is `describe`, `list` one whole listing, `write` is `write` and `remove`. */
export type CallKind = 'read' | 'list' | 'write';

export interface Rate {
  /** Calls a second in the long run. */
  readonly perSecond: number;
  /** Calls that may be made at once. */
  readonly burst: number;
}

/**
 * The rate that uses a quota up to 95.5 % and does not exceed it, however calls fall into the seconds over which the
 * store counts, but by one at most: what may come at once is 4 % of it, or 3 calls, so that who is woken a little late has
 * missed nothing. Pure.
 * @param perSecond what the store gives
 */
export function rateWithin(perSecond: number, quotaSeconds: number): Rate {
  const quota = perSecond * quotaSeconds;
  const burst = Math.max(1, Math.min(3, Math.floor(quota * 0.06)), Math.floor(quota * 0.04));
  return { perSecond: perSecond * 0.955, burst };
}

/** What a copy must be. The only place outside `vault` where a secret value lives. */
export interface Desired {
  /** As `nameOf` gave it. */
  readonly name: string;
  readonly value: string;
  readonly marks: Marks;
  /** The destination as the manifest has it: tags, labels, keys. */
  readonly destination: Destination;
  /**
   * The version id that this writing must get in a store whose version ids are ours to choose (AWS):
   * `vss1-<version, 10 digits>-<40 hex of HMAC(owner, source, version, fingerprint, id of the version it replaces)>`.
   */
  versionIdAfter(replaced: string | null): string;
}

/** The marks that say whose a copy is and what it holds. They are for ever. */
export interface Marks {
  /** `vss-owner`: 32 hex of SHA-256(installation, namespace, name). Searchable (tag, label). */
  readonly owner: string;
  /** `vss-ref`: readable, whose the copy is and what it was made of, at most 256 characters; only `sync/marks.ts` reads it. */
  readonly ref: string;
  /** `vss-state`: `<version>.<source hash>.<fingerprint>`. */
  readonly state: string;
}

/**
 * Whether two state marks speak of the same source and the same rendering. The version may differ: a new version of the
 * secret with the content of the one before needs no write.
 */
export function isSameRendering(observed: string | null, desired: string): boolean {
  return observed !== null && withoutVersion(observed) === withoutVersion(desired);
}

function withoutVersion(state: string): string {
  return state.slice(state.indexOf('.') + 1);
}

/** Names of the marks in every store. */
export const markNames = { owner: 'vss-owner', ref: 'vss-ref', state: 'vss-state' } as const;

/** What a store says of one copy: metadata only. */
export interface Observed {
  readonly name: string;
  /** `pendingDeletion`: the store still holds the name of a deleted secret and can bring it back. */
  readonly existence: 'live' | 'pendingDeletion';
  /** The owner mark; null when it bears none. */
  readonly owner: string | null;
  /** The reference mark; null when it bears none. */
  readonly ref: string | null;
  /** The state mark, where the store keeps one. */
  readonly state: string | null;
  /** The store's id of the current version; null = unknown (a listing) or no version yet. */
  readonly versionId: string | null;
  /** The service or feature that owns the secret (RDS, a certificate): never ours to write. */
  readonly managedBy: string | null;
  /** Whatever else the target wants to see again in `compare`, `write` and `remove`; opaque to everyone else. */
  readonly details: unknown;
}

/** What the caller of `write` believes about the store. */
export type Premise =
  /** Described just now: absent. */
  | { readonly kind: 'absent' }
  /**
   * Described just now: this. `differences` is what `compare` found in it; without them the value counts as different,
   * since a write cannot see alone what only the ledger tells (GCP).
   */
  | { readonly kind: 'observed'; readonly observed: Observed; readonly differences?: readonly Difference[] }
  /** Remembered from our own last write; nothing but the value (and the state mark) differs. */
  | { readonly kind: 'remembered'; readonly written: Written };

/** What a write left behind; the ledger keeps it. */
export interface Written {
  /** The store's id of the version that now is current. */
  readonly versionId: string;
  /** Unix time in milliseconds. */
  readonly at: number;
}

/** A field of a copy that is not as it must be. */
export type Difference =
  | 'value'
  | 'tags'
  | 'description'
  | 'encryptionKey'
  | 'replicas'
  | 'resourcePolicy'
  | 'contentType'
  | 'enabled'
  | 'notBefore'
  | 'expires'
  | 'annotations'
  | 'topics'
  | 'versionAliases'
  | 'versionDestroyTtl'
  | 'pendingDeletion';

/**
 * The store contradicts what the caller believed, or a listing showed too little to write by; nothing was written. The
 * caller describes and plans again.
 */
export class PremiseChanged extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PremiseChanged';
  }
}

/** What every target is opened with; secrets of its own come from its settings. */
export interface TargetContext<Settings> {
  readonly settings: Settings;
  /** Unix time in milliseconds. */
  now(): number;
  /** Runs `due` once after `delayMs`; the handle's `cancel` drops it. Must not keep the process alive. */
  schedule(due: () => void, delayMs: number): { cancel(): void };
  /** A failure of something the target does on its own time (a coalesced write), for the log. */
  onBackgroundError(error: SyncError): void;
  /** The identity that the destination's `auth` names; absent where it names none, and the operator's own counts. */
  readonly identity?: ResourceIdentity | undefined;
  /** The namespace that the identity is of; there where `identity` is. */
  readonly namespace?: string | undefined;
}

/** An identity of the namespace of a sync, that a manifest brings instead of the operator's own. */
export interface ResourceIdentity {
  /** For messages, e.g. `ServiceAccount team-a/writer`. */
  readonly label: string;
  /**
   * A token of the ServiceAccount for one audience, kept and renewed before it ends.
   * @throws SyncError when there is none to be had, or the identity is a Secret
   */
  token(audience: string): Promise<string>;
  /**
   * What the Secret has under a key now; null = the key is not there. May be a few seconds old.
   * @throws SyncError when the Secret cannot be read, is missing, or the identity is a ServiceAccount
   */
  secretValue(key: string): Promise<string | null>;
}

/** One registered kind of destination. */
export interface TargetKind<Settings = unknown> {
  /**
   * A key of the target that serves this destination: destinations with one key share one target (and its
   * connections). Pure. @throws SyncError `FixSpec`
   */
  keyOf(destination: Destination): string;
  open(destination: Destination, context: TargetContext<Settings>): Target;
  /**
   * A destination that leads to a place again, from its scope and what else was kept of it: for copies that no manifest
   * asks for any more. Null when the scope is not one of this kind. Pure.
   */
  destinationAt(place: KeptPlace): Destination | null;
  /** Seconds over which the store counts calls. */
  readonly quotaSeconds: number;
}

/** What is kept of a place once copies were written there. */
export interface KeptPlace {
  /** As the target had it. */
  readonly scope: string;
  /** AWS: the role that was assumed. */
  readonly roleArn?: string | undefined;
  /** AWS: the external id that the role asked for. */
  readonly externalId?: string | undefined;
  /** The identity that the destination named, as its `auth` had it. */
  readonly auth?: Readonly<Record<string, unknown>> | undefined;
  /** The namespace of the sync, where `auth` names an identity of it. */
  readonly namespace?: string | undefined;
}
