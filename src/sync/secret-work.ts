import type { Observed } from '../sync-targets/contract.ts';
import type { SecretPlace } from '../vault/contract.ts';
import type { JsonObject } from '../vault/json.ts';
import type { DeletionMode } from './copy-context.ts';
import type { KnownCopy } from './known-copies.ts';
import type { Missed } from './missed.ts';
import type { HeardVersion } from './plan.ts';
import type { CopyResult, World } from './ports.ts';
import type { UnitReading } from './reading.ts';
import type { Content } from './render.ts';
import type { ResolvedSync } from './resolve.ts';
import type { Unit } from './unit.ts';

/** Milliseconds to wait for copies that another run is writing before the job is put back. */
export const leaseWaitMs = 2_000;

export interface SecretWork {
  readonly world: World;
  /** Syncs of one Vault identity that may select the secret. */
  readonly syncs: readonly ResolvedSync[];
  readonly place: SecretPlace;
  readonly heard: HeardVersion | null;
  readonly signal: AbortSignal;
  /** Compare with the store even where the ledger says that all is well. */
  readonly verify: boolean;
  /** An earlier run was cut off, perhaps between a write and its record: the ledger may be behind what we wrote ourselves. */
  readonly unsure?: boolean;
  /** Part of a full reconcile: calls that events ask for go first. */
  readonly backfill?: boolean;
  /** Only this copy, by id. */
  readonly only?: string;
  /** What a listing has just shown, by copy id. */
  readonly listed?: ReadonlyMap<string, Observed>;
  /** Copies of keys that a listing has shown, by the source that their marks tell of. */
  readonly marked?: ReadonlyMap<string, readonly KnownCopy[]>;
  /** Copies that several secrets of one sync would meet in, see `meetingsOf`. */
  readonly meetings?: ReadonlyMap<string, readonly string[]>;
  readonly deletions?: DeletionMode;
  /** Copies whose deletion somebody has released. */
  readonly released?: ReadonlySet<string>;
}

interface Found {
  readonly results: readonly CopyResult[];
  /** Copies whose deletion is due and was left to the caller. */
  readonly deferred: readonly string[];
  /** Syncs that must be reconciled as a whole: what they select has changed. */
  readonly resync: readonly string[];
  /** Versions that no audit entry told of. */
  readonly missed: readonly Missed[];
}

export type SecretOutcome = Found &
  (
    | { readonly outcome: 'done' }
    /** Nothing was decided: come back. */
    | { readonly outcome: 'later'; readonly afterMs: number; readonly reason: string }
    /** Vault gave no certain answer. */
    | { readonly outcome: 'unread'; readonly error: unknown }
  );

/** What a run gathers on its way. */
export class Gathered implements Found {
  readonly results: CopyResult[] = [];
  readonly deferred: string[] = [];
  readonly resync: string[] = [];
  readonly missed: Missed[] = [];
  isStale = false;
}

/** A unit that has been read. */
export interface UnitWork {
  readonly reading: UnitReading;
  readonly content: () => Content;
}

/** Makes the content ready once, however many copies ask for it. */
export function unitWork(unit: Unit, reading: UnitReading): UnitWork {
  let content: Content | null = null;
  return {
    reading,
    content() {
      const { read } = reading;
      if (!read.found) throw new Error('the content of a secret that is gone was asked for');
      if (content === null) {
        const { chooseKeys } = unit.resolved;
        const chosen = chooseKeys(read.data);
        const { customMetadata: metadata, version } = read;
        let origins: ReadonlyMap<string, string> | null = null;
        const originOf = (key: string): string => {
          origins ??= originsIn(read.data, chooseKeys);
          return origins.get(key) ?? key;
        };
        const { mountUuid } = reading;
        content = { chosen, keys: Object.keys(chosen), originOf, mountUuid, metadata, version };
      }
      return content;
    },
  };
}

/** What each key is called in Vault, by the name that transforms give it. */
function originsIn(data: JsonObject, chooseKeys: ResolvedSync['chooseKeys']): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(data).flatMap(([key, value]) =>
      Object.keys(chooseKeys({ [key]: value })).map((chosen) => [chosen, key] as const),
    ),
  );
}
