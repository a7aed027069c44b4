import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { parseManifest } from '../../crd/manifest.ts';
import { type Manifest, type SyncStatus, syncKeyOf, type VaultSecretSync } from '../../crd/vault-secret-sync.ts';
import { InputError, SyncError } from '../../errors.ts';
import type { Logger } from '../../logging.ts';
import type { Announcement, ManifestHandlers, Manifests, StatusChange, StatusOutcome } from './contract.ts';
import type { Generations } from './generations.ts';

/** Milliseconds between looks at the folder, for file systems that do not tell of changes. */
const lookEveryMs = 2_000;

/** Milliseconds after which everything is read anew: what replicas agreed on may have been lost with the shared state. */
const readAnewMs = 60_000;

/**
 * Milliseconds that a manifest must stay away before it counts as gone. Editors empty a file before they write it anew, or
 * put another in its place, and a manifest that is gone may take its copies with it.
 */
const goneAfterMs = 500;

/** Manifests without a namespace are put in this one, as kubectl does. */
const defaultNamespace = 'default';

/** A document of a file that cannot be used, and why. */
export interface BadManifest {
  readonly file: string;
  readonly message: string;
}

export interface FolderContents {
  readonly manifests: readonly Manifest[];
  readonly bad: readonly BadManifest[];
}

/** Reads every manifest in a folder (`*.yaml`, `*.yml`, `*.json`; several documents in a file are fine), files in name order. */
export async function readFolder(directory: string): Promise<FolderContents> {
  const manifests: Manifest[] = [];
  const bad: BadManifest[] = [];
  const definedIn = new Map<string, string>();
  for (const file of await manifestFiles(directory)) {
    for (const { document, message } of await readDocuments(join(directory, file))) {
      if (message !== null) {
        bad.push({ file, message });
        continue;
      }
      if (document === null || document === undefined) continue;
      const parsed = parseManifest(document);
      if ('problems' in parsed) {
        for (const { path, message: problem } of parsed.problems)
          bad.push({ file, message: `${path || '(document)'}: ${problem}` });
        continue;
      }
      const key = keyOf(parsed.sync);
      const other = definedIn.get(key);
      if (other !== undefined) {
        bad.push({ file, message: `metadata.name: ${key} is already defined in ${other}` });
        continue;
      }
      definedIn.set(key, file);
      manifests.push(parsed.sync);
    }
  }
  return { manifests, bad };
}

async function manifestFiles(directory: string): Promise<string[]> {
  try {
    // Hidden files are an editor's, such as `.#app.yaml`.
    return (await readdir(directory)).filter((file) => /^[^.].*\.(ya?ml|json)$/.test(file)).sort();
  } catch (error) {
    throw new InputError(`the folder of manifests ${directory} cannot be read: does it exist?`, { cause: error });
  }
}

interface ReadDocument {
  readonly document: unknown;
  readonly message: string | null;
}

async function readDocuments(path: string): Promise<ReadDocument[]> {
  try {
    return parseDocuments(await readFile(path, 'utf8'));
  } catch (error) {
    return [{ document: null, message: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})` }];
  }
}

function parseDocuments(text: string): ReadDocument[] {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  return documents.map((parsed) => {
    const [error] = parsed.errors;
    if (error) {
      const at = error.linePos?.[0];
      return { document: null, message: `not YAML${at ? ` (line ${at.line}, column ${at.col})` : ''}: ${error.code}` };
    }
    try {
      return { document: parsed.toJS() as unknown, message: null };
    } catch {
      return { document: null, message: 'its aliases (*name) unfold to too much, or to nothing: write them out' };
    }
  });
}

function keyOf({ metadata }: Manifest): string {
  return syncKeyOf({ namespace: metadata.namespace ?? defaultNamespace, name: metadata.name });
}

/** A manifest as the operator knows it. */
export function syncOf(manifest: Manifest, generation: number): VaultSecretSync {
  return {
    namespace: manifest.metadata.namespace ?? defaultNamespace,
    name: manifest.metadata.name,
    generation,
    annotations: manifest.metadata.annotations ?? {},
    createdAt: 0,
    deleting: false,
    spec: manifest.spec,
    status: null,
  };
}

/** Manifests from a folder of files, read again whenever a file changes. Status goes to the log. */
export class FolderManifests implements Manifests {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #generations: Generations;
  readonly #now: () => number;
  readonly #known = new Map<string, { words: string; sync: VaultSecretSync }>();
  /** Manifests that were not there at the last reading; `isDue` once they have been away for long enough. */
  readonly #missing = new Map<string, { isDue: boolean; timer: NodeJS.Timeout }>();
  #reported = '';
  #signature = '';
  #readAt = 0;
  #handlers: ManifestHandlers | null = null;
  #watcher: FSWatcher | null = null;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();
  #problem: string | null = null;

  constructor(options: { directory: string; logger: Logger; generations?: Generations; now?: () => number }) {
    this.#directory = options.directory;
    this.#logger = options.logger;
    this.#generations = options.generations ?? (async (_key, manifest) => manifest.proposed);
    this.#now = options.now ?? Date.now;
  }

  /** @throws InputError when there is no such folder */
  async start(handlers: ManifestHandlers): Promise<void> {
    this.#handlers = handlers;
    await this.#readFirst();
    try {
      this.#watcher = watch(this.#directory, () => this.#lookSoon());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // The regular look finds changes all the same.
    }
    this.#timer = setInterval(() => this.#lookSoon(), lookEveryMs);
    this.#timer.unref();
  }

  statusOf(sync: VaultSecretSync): SyncStatus | null {
    return this.#known.get(syncKeyOf(sync))?.sync.status ?? null;
  }

  /** Files stay as their owner wrote them: a status is kept for as long as the process lives. */
  async writeStatus(sync: VaultSecretSync, { before, after }: StatusChange): Promise<StatusOutcome> {
    const key = syncKeyOf(sync);
    const known = this.#known.get(key);
    if (!known) return 'gone';
    if (known.sync.status !== before) return 'outdated';
    this.#known.set(key, { ...known, sync: { ...known.sync, status: after } });
    this.#handlers?.changed({ ...known.sync, status: after });
    this.#logger.debug({ sync: key, copies: after.copies }, 'status');
    return 'written';
  }

  async setFinalizer(): Promise<void> {
    // A file that is gone is gone; its copies are dealt with from what is remembered.
  }

  async removeAnnotations(): Promise<void> {
    // Files are their owner's alone.
  }

  announce(sync: VaultSecretSync, { type, reason, message }: Announcement): void {
    this.#logger[type === 'Warning' ? 'warn' : 'info']({ sync: syncKeyOf(sync), reason }, message);
  }

  problem(): string | null {
    return this.#problem;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#watcher?.close();
    await this.#reading;
    for (const key of [...this.#missing.keys()]) this.#isBack(key);
  }

  /** Waits for the shared state, as others wait for the API server. */
  async #readFirst(): Promise<void> {
    for (;;) {
      try {
        return await this.#read();
      } catch (error) {
        if (!(error instanceof SyncError)) throw error;
        this.#logger.warn({ err: error }, 'manifests not taken up yet; it is tried again soon');
        await sleep(lookEveryMs);
      }
    }
  }

  #lookSoon(): void {
    this.#reading = this.#reading
      .then(() => this.#read())
      .catch((error: unknown) => {
        this.#problem =
          error instanceof SyncError ? error.message : `the folder of manifests ${this.#directory} cannot be read`;
        this.#logger.error({ err: error }, this.#problem);
      });
  }

  async #read(): Promise<void> {
    const signature = await signatureOf(this.#directory);
    this.#problem = null;
    if (signature === this.#signature && this.#now() - this.#readAt < readAnewMs) return;
    const { manifests, bad } = await readFolder(this.#directory);
    this.#report(bad);
    const badFiles = new Set(bad.map(({ file }) => file));
    const seen = new Set<string>();
    for (const manifest of manifests) {
      const key = keyOf(manifest);
      seen.add(key);
      this.#isBack(key);
      const words = JSON.stringify([manifest.spec, manifest.metadata.annotations ?? {}]);
      const known = this.#known.get(key);
      const isNew = known?.words !== words;
      // Grows over restarts too, and when a file goes and comes back: the ledger refuses what is older than it knows.
      const proposed = isNew ? Math.max(this.#now(), (known?.sync.generation ?? 0) + 1) : known.sync.generation;
      const generation = await this.#generations(key, { words, isNew, proposed });
      if (generation === known?.sync.generation) continue;
      const sync = { ...syncOf(manifest, generation), status: this.#known.get(key)?.sync.status ?? null };
      this.#known.set(key, { words, sync });
      this.#handlers?.changed(sync);
    }
    // While a file cannot be understood, nothing counts as taken away: it may stand in that file.
    if (badFiles.size === 0) {
      for (const [key, { sync }] of this.#known) {
        if (!seen.has(key) && this.#hasStayedAway(key)) {
          this.#known.delete(key);
          this.#handlers?.gone(sync);
        }
      }
    }
    this.#signature = signature;
    this.#readAt = this.#now();
  }

  #hasStayedAway(key: string): boolean {
    const missing = this.#missing.get(key);
    if (missing?.isDue) this.#missing.delete(key);
    if (missing) return missing.isDue;
    const timer = setTimeout(() => {
      this.#missing.set(key, { isDue: true, timer });
      this.#signature = '';
      this.#lookSoon();
    }, goneAfterMs);
    this.#missing.set(key, { isDue: false, timer });
    return false;
  }

  #isBack(key: string): void {
    clearTimeout(this.#missing.get(key)?.timer);
    this.#missing.delete(key);
  }

  #report(bad: readonly BadManifest[]): void {
    const words = JSON.stringify(bad);
    if (words === this.#reported) return;
    this.#reported = words;
    for (const { file, message } of bad)
      this.#logger.error({ file, problem: message }, 'manifest refused; the others run');
  }
}

/** Changes whenever a file of the folder does. */
async function signatureOf(directory: string): Promise<string> {
  const files = await manifestFiles(directory);
  const stats = await Promise.all(
    files.map(async (file) => {
      const found = await stat(join(directory, file)).catch(() => null);
      return [file, found?.mtimeMs, found?.ctimeMs, found?.size, found?.ino];
    }),
  );
  return JSON.stringify(stats);
}
