import type { SecretPlace, SecretRead, VaultReader } from '../vault/contract.ts';
import type { JsonObject } from '../vault/json.ts';
import { isProvenAbsent } from './absence.ts';
import { endOf } from './outcome.ts';
import type { Followed, World } from './ports.ts';
import type { Unit } from './unit.ts';

/** What Vault says of a unit. */
export interface UnitReading {
  readonly places: readonly SecretPlace[];
  /** When Vault was asked, Unix time in milliseconds. */
  readonly readAt: number;
  /** Of merged secrets: all that were found, in one. */
  readonly read: SecretRead;
  /** Of merged secrets: what was read of each, in their order; null for a single one. */
  readonly parts: readonly Followed[] | null;
  /** Uuid of the mount that a single secret was read from; null = not known. */
  readonly mountUuid: string | null;
}

/** Reads secrets for one run, each once, however many copies are made of it. */
export class Readings {
  readonly #reader: VaultReader;
  readonly #signal: AbortSignal;
  readonly #reads = new Map<string, Promise<SecretRead>>();

  constructor(reader: VaultReader, signal: AbortSignal) {
    this.#reader = reader;
    this.#signal = signal;
  }

  /** @throws whatever Vault's reader throws: nothing is certain then */
  async of(world: World, unit: Unit): Promise<UnitReading> {
    const { places, resolved } = unit;
    const { version } = resolved.spec.source;
    const [place, ...others] = places;
    const readAt = world.now();
    if (others.length === 0) {
      const read = await this.#read(place, version);
      return { places, readAt, read, parts: null, mountUuid: await this.#mountUuidOf(place, read) };
    }
    const reads = await Promise.all(places.map((one) => this.#read(one, undefined)));
    for (const [index, read] of reads.entries()) {
      const { mount } = places[index] ?? place;
      const isCertain = read.found || (await isProvenAbsent(world, { read, mount, own: null, sync: resolved.key }));
      // One that is missing without proof makes the whole doubtful.
      if (!isCertain) return { places, readAt, read: { ...read, mountUuid: null }, parts: null, mountUuid: null };
    }
    return {
      places,
      readAt,
      read: merge(reads),
      parts: reads.map(followed),
      mountUuid: null,
    };
  }

  #read(place: SecretPlace, version: number | undefined): Promise<SecretRead> {
    const key = JSON.stringify([place.mount, place.name, version]);
    const known =
      this.#reads.get(key) ?? this.#reader.read(place, this.#signal, version === undefined ? {} : { version });
    this.#reads.set(key, known);
    return known;
  }

  async #mountUuidOf(place: SecretPlace, read: SecretRead): Promise<string | null> {
    if (!read.found) return read.mountUuid;
    return (await this.#reader.mount(place, { fresh: false, signal: this.#signal })).uuid;
  }
}

function followed(read: SecretRead): Followed {
  const { version, createdTime } = read;
  return { version, createdTime, ...(read.found ? {} : { gone: true, ...endOf(read) }) };
}

/** Several readings as one secret: keys of later ones win. What is gone adds nothing; gone are all, gone is the whole. Pure. */
function merge(reads: readonly SecretRead[]): SecretRead {
  const version = reads.reduce((sum, read) => sum + (read.version ?? 0), 0);
  const times = reads.flatMap(({ createdTime }) => createdTime ?? []);
  const createdTime = times.sort((one, other) => Date.parse(one) - Date.parse(other)).at(-1) ?? null;
  const found = reads.filter((read) => read.found);
  if (found.length === 0) return { found: false, because: 'deleted', version, createdTime, mountUuid: null };
  // Objects without a prototype: a key such as `__proto__` is a key like any other.
  const data = Object.assign(Object.create(null) as JsonObject, ...found.map((read) => read.data)) as JsonObject;
  const customMetadata = Object.assign({}, ...found.map((read) => read.customMetadata)) as Record<string, string>;
  return { found: true, version, createdTime, data, customMetadata };
}
