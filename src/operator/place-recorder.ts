import { setTimeout as sleep } from 'node:timers/promises';
import type { DestinationStatus } from '../crd/status.ts';
import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { SyncError } from '../errors.ts';
import type { WrittenPlace } from '../sync/ports.ts';
import { isPlace, isReachedAnew } from '../sync/written-places.ts';
import type { Manifests } from './manifests/contract.ts';
import { bounded, mostPlaceBytes, mostPlaces, placeBytes } from './status-bounds.ts';

/** Milliseconds in which copies that are written side by side gather for one write of the status. */
const gatherMs = 10;
/** Tries when others change the same status, and the milliseconds between them. */
const tries = 50;
const betweenTriesMs = 100;

/** Places of one sync that are about to be recorded. */
interface Round {
  readonly places: Map<string, WrittenPlace>;
  readonly written: Promise<void>;
}

/** Records in the status of a sync where its copies are, before the first of them is written there. */
export class PlaceRecorder {
  readonly #manifests: Manifests;
  /** By sync: the round that places may still join, until its write begins. */
  readonly #rounds = new Map<string, Round>();
  /** By sync: the write of the round before. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor(manifests: Manifests) {
    this.#manifests = manifests;
  }

  /**
   * Resolves once the places stand in the sync's status; at once where they stand there already.
   * @throws SyncError when the status has no room for them, or could not be written: no copy may be written there then
   */
  async record(sync: VaultSecretSync, places: readonly WrittenPlace[]): Promise<void> {
    const recorded = this.#recorded(sync);
    const missing = missingFrom(sync, recorded, places);
    if (missing.length === 0) return;
    const key = syncKeyOf(sync);
    const open = this.#rounds.get(key);
    const all = withPlaces(sync, recorded, [...(open?.places.values() ?? []), ...missing]);
    if (all.length > mostPlaces || placeBytes(all) > mostPlaceBytes) throw tooManyPlaces(recorded.length);
    const round = open ?? this.#open(key, sync);
    for (const place of missing) round.places.set(place.destination, place);
    await round.written;
  }

  #recorded(sync: VaultSecretSync): DestinationStatus[] {
    return (this.#manifests.statusOf(sync)?.destinations ?? []).filter(({ destination }) => isPlace(destination));
  }

  #open(key: string, sync: VaultSecretSync): Round {
    const places = new Map<string, WrittenPlace>();
    const written = this.#write(key, { sync, places });
    const round = { places, written };
    this.#rounds.set(key, round);
    return round;
  }

  async #write(
    key: string,
    round: { sync: VaultSecretSync; places: ReadonlyMap<string, WrittenPlace> },
  ): Promise<void> {
    await sleep(gatherMs);
    // Two writes at once would only refuse each other.
    await this.#writing.get(key)?.catch(() => undefined);
    this.#rounds.delete(key);
    const writing = this.#writeAll(round);
    this.#writing.set(key, writing);
    try {
      await writing;
    } finally {
      if (this.#writing.get(key) === writing) this.#writing.delete(key);
    }
  }

  async #writeAll({
    sync,
    places,
  }: {
    sync: VaultSecretSync;
    places: ReadonlyMap<string, WrittenPlace>;
  }): Promise<void> {
    for (let attempt = 0; attempt < tries; attempt++) {
      const before = this.#manifests.statusOf(sync);
      const destinations = withPlaces(sync, before?.destinations ?? [], [...places.values()]);
      const after = bounded({ ...before, destinations });
      const outcome = await this.#manifests.writeStatus(sync, { before, after });
      if (outcome !== 'outdated') return;
      await sleep(betweenTriesMs);
    }
    throw new SyncError({
      remedy: 'Retry',
      reason: 'KeepsChanging',
      message: `the status of ${syncKeyOf(sync)} changed under our hands ${tries} times in a row; it is tried again`,
    });
  }
}

/** Places that are not listed yet, or under whoever wrote there before. Pure. */
function missingFrom(
  { spec }: VaultSecretSync,
  listed: readonly DestinationStatus[],
  places: readonly WrittenPlace[],
): WrittenPlace[] {
  const known = new Map(listed.map((one) => [one.destination, one]));
  return places.filter((place) => {
    const found = known.get(place.destination);
    return !found || isReachedAnew(found, place, spec.dest);
  });
}

/** What a status says of a place besides how it is reached. Pure. */
function withoutAccess(known: DestinationStatus): Omit<DestinationStatus, 'roleArn' | 'externalId' | 'auth'> {
  const { roleArn: _role, externalId: _id, auth: _auth, ...rest } = known;
  return rest;
}

/** The list with these places in it, what else it says of them unchanged. Pure. */
function withPlaces(
  sync: VaultSecretSync,
  listed: readonly DestinationStatus[],
  places: readonly WrittenPlace[],
): DestinationStatus[] {
  const all = new Map(listed.map((one) => [one.destination, one]));
  for (const place of missingFrom(sync, listed, places)) {
    const before = all.get(place.destination);
    all.set(place.destination, { ...(before ? withoutAccess(before) : {}), ...place });
  }
  return [...all.values()];
}

function tooManyPlaces(count: number): SyncError {
  return new SyncError({
    remedy: 'SlowRetry',
    reason: 'TooManyPlaces',
    message:
      `copies of this sync are, or were, in ${count} places, and its status has no room for more: nothing is written to ` +
      'a place that could not be found again. Split it into several syncs, or let what is left in earlier places be ' +
      'swept (status.destinations says what hinders)',
  });
}
