import { releaseDeletionsAnnotation, type VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { recallMounts, restoreMounts } from '../../src/sync/absence.ts';
import { stoppedDeletions } from '../../src/sync/deletion-guard.ts';
import { syncInRef } from '../../src/sync/marks.ts';
import type { CopyResult } from '../../src/sync/ports.ts';
import { removeCopies } from '../../src/sync/removal.ts';
import { answerLost, type FakeStore, type StoredCopy } from './fake-store.ts';
import { FakeWorld } from './fake-world.ts';
import { differencesIn, placeOf } from './model-differences.ts';
import { VaultHistory } from './model-history.ts';
import { keyOf, manifests, type Resource, withStatus, writeManifest } from './model-manifests.ts';
import { type Heard, PathQueue } from './model-queue.ts';
import { Watch } from './model-watch.ts';

/** How far a standby may be behind, in milliseconds: less than the minute after which Vault is believed. */
const longestLagMs = 30_000;

/** A small installation with a queue, in which everything can happen at any time. */
export class Installation {
  readonly world = new FakeWorld();
  readonly #secrets: readonly string[];
  readonly #resources = new Map<string, Resource>();
  readonly #history = new VaultHistory();
  readonly #watch: Watch;
  readonly #queue = new PathQueue(() => this.world.clock.now);
  /** Syncs that have been removed, some of which were created anew. */
  readonly #removed = new Set<string>();
  readonly #crashed = new Set<string>();
  readonly #everCrashed = new Set<string>();
  readonly #reborn = new Set<string>();
  readonly #parked: Pick<CopyResult, 'sync' | 'copy' | 'source'>[] = [];
  /** Copies that others put there, which nobody of ours may touch. */
  readonly #foreign = new Map<string, StoredCopy>();
  /** Grows with every put, so that of two contents the greater is newer. */
  #content = 0;
  #isReleasing = false;
  #ledgerWasLost = false;
  /** A standby knows of a new mount before it answers from it. */
  #remountedAt = 0;

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
    const { world } = this;
    world.recordPlaces = async ({ name }, places) => {
      for (const { destination } of places) this.#resources.get(name)?.places.add(destination);
    };
    this.#watch = new Watch({
      world,
      history: this.#history,
      secrets,
      crashed: this.#crashed,
      isForgotten: (secret) => this.#everCrashed.has(secret) && this.#reborn.has(secret),
      isReleasing: () => this.#isReleasing,
      heardAt: (secret) => this.#queue.heardAt(secret),
      manifestsOf: (name) => {
        const { manifest = null, previous = null } = this.#resources.get(name) ?? {};
        return manifest ? [manifest, ...(previous ? [previous] : [])] : [];
      },
    });
  }

  /** What must never happen, and did. */
  get violations(): readonly string[] {
    return this.#watch.violations;
  }

  put(secret: string, keys: readonly string[]): void {
    const content = ++this.#content;
    this.#change(secret, () => this.world.vault.put(secret, Object.fromEntries(keys.map((key) => [key, content]))));
  }

  delete(secret: string): void {
    this.#change(secret, () => this.world.vault.delete(secret));
  }

  undelete(secret: string): void {
    this.#change(secret, () => this.world.vault.undelete(secret));
  }

  deleteMetadata(secret: string): void {
    this.#reborn.add(secret);
    this.#change(secret, () => this.world.vault.deleteMetadata(secret));
  }

  /** The mount is disabled and enabled again: empty, and with another uuid. Nobody hears of each secret. */
  remount(): void {
    this.world.clock.now += 1;
    this.world.vault.remount();
    this.#remountedAt = this.world.clock.now;
    for (const secret of this.#secrets) this.#note(secret, true);
  }

  create(name: string, wording: number): void {
    const known = this.#resources.get(name);
    if (known?.manifest || known?.removing) return;
    const createdAt = known ? this.world.clock.now : (manifests[name]?.createdAt ?? 0);
    const manifest = writeManifest(name, { wording, generation: 1, createdAt });
    this.#resources.set(name, { manifest, previous: null, removing: null, places: new Set(), mounts: {} });
    this.world.gone.delete(keyOf(name));
    this.world.generations.set(keyOf(name), 1);
  }

  edit(name: string, wording: number): void {
    const resource = this.#resources.get(name);
    if (!resource?.manifest) return;
    const { generation, createdAt } = resource.manifest.sync;
    resource.previous = resource.manifest;
    resource.manifest = writeManifest(name, { wording, generation: generation + 1, createdAt });
    this.world.generations.set(keyOf(name), generation + 1);
  }

  async remove(name: string): Promise<void> {
    const resource = this.#resources.get(name);
    if (!resource?.manifest) return;
    this.#removed.add(keyOf(name));
    Object.assign(resource, { removing: resource.manifest, manifest: null, previous: null });
    this.world.gone.add(keyOf(name));
    await this.#finishRemoval(name, resource);
  }

  /** The event of a path is lost; a full reconcile may find out. */
  loseEvent(secret: string): void {
    // What a crashed process had taken is not lost: another replica takes it up.
    if (!this.#crashed.has(secret)) this.#queue.take(secret);
  }

  /** An event comes once more, or late. */
  repeatEvent(secret: string): void {
    this.#queue.hear(secret, null);
  }

  async loseLedger(): Promise<void> {
    this.world.ledger.lose();
    this.#ledgerWasLost = true;
    for (const sync of this.#syncs()) await restoreMounts(this.world.ledger, sync);
  }

  takeOver(store: FakeStore, { name, owner }: { name: string; owner: string | null }): void {
    const place = placeOf(store, name);
    if (this.#foreign.has(place)) return;
    store.place(name, { owner, versionId: `foreign-${++this.#content}` });
    const placed = store.copies.get(name);
    if (placed) this.#foreign.set(place, placed);
  }

  removeByHand(store: FakeStore, name: string): void {
    this.#foreign.delete(placeOf(store, name));
    store.copies.delete(name);
  }

  /** Runs the job of a path: with a standby that is behind, with a crash before anything is recorded, or by a replica that has not seen the latest edits. */
  async run(
    secret: string,
    { lagMs = 0, crashes = false, isOutdated = false }: { lagMs?: number; crashes?: boolean; isOutdated?: boolean },
  ): Promise<void> {
    const job = this.#queue.take(secret);
    if (!job) return;
    const { world } = this;
    const at = Math.max(this.#remountedAt, world.clock.now - Math.min(lagMs, longestLagMs));
    const never = { ...world.vault.answer('never written'), mountUuid: world.vault.mountUuid };
    world.vault.lagging = lagMs === 0 ? null : (this.#history.answerAt(secret, at) ?? never);
    if (crashes) world.ledger.failing = new Error('crashed');
    try {
      const { outcome, results } = await this.#asReplica(isOutdated, (syncs) =>
        world.follow(secret, syncs, { heard: job }),
      );
      this.#park(results);
      world.clock.now += 1_000;
      if (outcome !== 'done') await this.#runAgain(secret, job);
      this.#crashed.delete(secret);
    } catch (error) {
      if (error !== world.ledger.failing) throw error;
      this.#crashed.add(secret);
      this.#everCrashed.add(secret);
      this.#queue.keep(secret, job);
    } finally {
      world.vault.lagging = null;
      world.ledger.failing = null;
    }
  }

  /** A copy that failed, or that somebody has given up, is tried again alone. */
  async runParked(): Promise<void> {
    const { woken } = this.world;
    const parked = this.#parked.shift() ?? woken.shift();
    const sync = this.#syncs().find(({ name }) => keyOf(name) === parked?.sync);
    if (!parked || !sync) return;
    const { results } = await this.world.follow(secretIn(parked.source), sync, { only: parked.copy, verify: true });
    this.#park(results);
  }

  async reconcile(name: string, annotations: Readonly<Record<string, string>> = {}): Promise<void> {
    const resource = this.#resources.get(name);
    const sync = this.#syncs().find((one) => one.name === name);
    if (!resource || !sync) return;
    const { results, later, whole, places } = await this.world.reconcile({ ...sync, annotations });
    this.#park(results);
    for (const { place } of later) this.#queue.hear(place.name, null);
    if (whole) resource.mounts = await recallMounts(this.world.ledger, keyOf(name));
    for (const { destination, unswept } of places ?? []) if (unswept === null) resource.places.delete(destination);
  }

  /** All is well again; what is left to do is done, and the deletions that the guard has stopped are released. */
  async settle(): Promise<void> {
    const { world } = this;
    this.#isReleasing = true;
    for (const store of world.stores) fail(store, 'not');
    for (let round = 0; round < 6; round++) {
      world.clock.now += 61_000;
      for (const [name, resource] of this.#resources) {
        if (resource.removing) await this.#finishRemoval(name, resource);
        const { digest } = await stoppedDeletions(world.ledger, keyOf(name));
        await this.reconcile(name, { [releaseDeletionsAnnotation]: digest });
      }
    }
    for (const secret of this.#crashed) await this.run(secret, {});
  }

  /** In what the copies differ from what Vault says, and what of others' was touched. */
  differences(): string[] {
    return differencesIn({
      world: this.world,
      manifests: [...this.#resources.values()].flatMap(({ manifest }) => manifest ?? []),
      secrets: this.#secrets,
      foreign: this.#foreign,
      mayDiffer: (place, of) => this.#mayDiffer(place, of),
    });
  }

  #mayDiffer(place: string, { copy, isWanted }: { copy: StoredCopy | undefined; isWanted: boolean }): boolean {
    // What only its mark tells of is kept where the mount is another one.
    if (this.#remountedAt > 0 && !isWanted) return true;
    // Whom a sync that is gone has handed its copy over to only the ledger knows; and who was edited before it took the
    // copy does not give it up any more.
    const isUntaken = this.#ledgerWasLost || Boolean(this.world.ledger.facts.get(`*handover ${place}`));
    if (isUntaken && this.#removed.has(syncInRef(copy?.ref ?? ''))) return true;
    return this.#secrets.some((secret) => this.#history.isUnclear(secret) && isOf(place, secret));
  }

  #syncs(isOutdated = false): VaultSecretSync[] {
    return [...this.#resources.values()].flatMap(({ manifest, previous, places, mounts }) => {
      const seen = isOutdated ? (previous ?? manifest) : manifest;
      return seen && manifest ? [withStatus(seen, { places, mounts })] : [];
    });
  }

  /** What a replica does that knows other generations than the others. */
  async #asReplica<T>(isOutdated: boolean, work: (syncs: VaultSecretSync[]) => Promise<T>): Promise<T> {
    const { world } = this;
    const syncs = this.#syncs(isOutdated);
    const known = world.generationOf;
    if (isOutdated) {
      world.generationOf = (key) => syncs.find(({ name }) => keyOf(name) === key)?.generation ?? null;
    }
    try {
      return await work(syncs);
    } finally {
      world.generationOf = known;
    }
  }

  async #finishRemoval(name: string, resource: Resource): Promise<void> {
    if (!resource.removing) return;
    const sync = withStatus(resource.removing, resource);
    const { results, unswept } = await removeCopies({ world: this.world, sync, signal: new AbortController().signal });
    if (unswept.length > 0 || results.some(({ change }) => change === 'failed')) return;
    await this.world.ledger.forgetSync(keyOf(name));
    resource.removing = null;
  }

  #change(secret: string, change: () => void): void {
    this.world.clock.now += 1;
    change();
    this.#note(secret, false);
    const answer = this.world.vault.answer(secret);
    this.#queue.hear(secret, answer.found ? answer.version : null);
  }

  #note(secret: string, remade: boolean): void {
    this.#history.add(secret, { since: this.world.clock.now, answer: this.world.vault.answer(secret), remade });
  }

  #park(results: readonly CopyResult[]): void {
    this.#parked.push(...results.filter(({ retry, isLeftover }) => retry !== null && !isLeftover));
  }

  /** What was put back is run again by and by, and the standby catches up. */
  async #runAgain(secret: string, job: Heard): Promise<void> {
    this.world.vault.lagging = null;
    const { outcome, results } = await this.world.follow(secret, this.#syncs(), { heard: job });
    this.#park(results);
    if (outcome !== 'done') this.#queue.keep(secret, job);
  }
}

/** Makes a store fail in one of the ways it can. */
export function fail(store: FakeStore, how: 'describe' | 'write' | 'remove' | 'list' | 'answer' | 'not'): void {
  store.failing.clear();
  store.losesNextAnswer = how === 'answer';
  if (how !== 'answer' && how !== 'not') store.failing.set(how, answerLost());
}

function secretIn(source: string): string {
  return (JSON.parse(source) as string[])[3] ?? '';
}

/** Whether a copy in a place is made of a secret, by the last letter of the secret's name. */
function isOf(place: string, secret: string): boolean {
  return place.includes(secret) || place.endsWith(secret.slice('app'.length));
}
