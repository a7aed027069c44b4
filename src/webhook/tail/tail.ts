import { SyncError } from '../../errors.ts';
import type { Metrics } from '../../metrics.ts';
import { AuditReader } from '../audit/reader.ts';
import type { Clock } from '../clock.ts';
import type { Ingest } from '../ingest.ts';
import type { Intake } from '../intake.ts';
import type { Notify } from '../notices.ts';
import type { ReconcileRequests } from '../reconcile-requests.ts';
import { type Checkpoint, checkDirectory, readCheckpoint } from './checkpoint.ts';
import { type CheckpointKeeper, createCheckpointKeeper } from './checkpoint-keeper.ts';
import { LinePosition } from './line-position.ts';
import { checkpointOf, type LogFile, openLogFile } from './log-file.ts';
import { createWake, type Wake } from './wake.ts';
import { type Found, findRotated, findSuccessor, isAt } from './whereabouts.ts';

/** Where nothing tells of a write, e.g. on a network's file system, a line is found within this time. */
const lookEveryMs = 200;
const tryAgainMs = 500;

/** A file of Vault's `file` audit device. */
export interface FileSettings {
  /** Absolute path of the file. */
  readonly path: string;
  /** Name of the one Vault that writes it. */
  readonly vault: string;
  /** Absolute path of the file that remembers how far it was read. */
  readonly checkpoint: string;
}

export interface TailOptions extends FileSettings {
  readonly maxLineBytes: number;
  readonly ingest: Ingest;
  readonly requests: ReconcileRequests;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly notify: Notify;
}

/** What may have been lost, in words that end a sentence. */
const losses = {
  damaged: 'its checkpoint cannot be read; it is read from its beginning',
  gone: 'what was being read is neither there nor beside it any more; the file that is there is read from its beginning',
  truncated: 'it was truncated, and lines written shortly before may be lost; let logrotate rename it instead',
  unreadable: 'a rotated file cannot be read',
};

/**
 * Follows the file of Vault's `file` audit device. The file is the buffer: reading goes no further than the queue has
 * taken the jobs, so a queue that is away costs time and nothing else, and a line is heard at least once whatever becomes
 * of this process. A file is left for the next only when the next one has bytes, for Vault writes to the file that it
 * has open, whatever that is called by now.
 */
export class Tail {
  readonly #options: TailOptions;
  readonly #intake: Intake;
  readonly #keeper: CheckpointKeeper;
  readonly #wake: Wake;
  #file: LogFile | null = null;
  #reader: AuditReader;
  #position = new LinePosition(0);
  /** As `#position.lineEnd`, once the queue has the jobs. */
  #offset = 0;
  /** Nothing more can be had of this file. */
  #exhausted = false;
  /** Where to go on, until that is found. */
  #sought: Checkpoint | null = null;
  /** Where to begin in a file that was never read. At its end: what stands in it is covered by the reconcile at a start. */
  #from: 'beginning' | 'end' = 'end';
  /** The file was there and could not be read: lines passed by unread. */
  #isLate = false;
  #problem: string | null = null;
  #closed = false;
  #endPause = (): void => undefined;
  #running: Promise<void> = Promise.resolve();

  private constructor(options: TailOptions) {
    const { path, vault, checkpoint, ingest, clock, notify } = options;
    this.#options = options;
    this.#intake = ingest.open(vault);
    this.#reader = this.#newReader();
    this.#wake = createWake({ log: path, everyMs: lookEveryMs, clock });
    this.#keeper = createCheckpointKeeper({
      file: checkpoint,
      clock,
      onFailure: (error) =>
        notify({
          level: 'error',
          kind: `checkpoint ${path}`,
          fields: { err: error, file: path, checkpoint },
          message: 'how far an audit file was read cannot be written down: a restart would read lines twice',
        }),
    });
  }

  /**
   * Finds its place in the file, if that is there, before it resolves, and follows it from then on.
   * @throws InputError when the checkpoint cannot be kept where the settings say
   */
  static async start(options: TailOptions): Promise<Tail> {
    await checkDirectory(options.checkpoint);
    const tail = new Tail(options);
    const known = await readCheckpoint(options.checkpoint).catch(() => 'damaged' as const);
    if (known === 'damaged') {
      tail.#from = 'beginning';
      tail.#lose('damaged');
    } else tail.#sought = known;
    while (tail.#file === null && (await tail.#tryStep()));
    tail.#running = tail.#run();
    return tail;
  }

  /** Why the file cannot be followed now; null when it can. */
  problem(): string | null {
    return this.#problem ?? this.#keeper.problem();
  }

  /** Stops where it is; what the queue has not taken is read again at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake.close();
    this.#endPause();
    await this.#running;
    await this.#keeper.close();
    await this.#file?.close();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      if (!(await this.#tryStep())) await this.#wake.next();
    }
  }

  /** False when there is nothing to do for now. */
  async #tryStep(): Promise<boolean> {
    try {
      const moved = this.#file ? await this.#step(this.#file) : await this.#begin();
      this.#problem = null;
      return moved;
    } catch (error) {
      const { path } = this.#options;
      const isMissing = codeOf(error) === 'ENOENT';
      if (!this.#file && isMissing) this.#from = 'beginning';
      if (!this.#file && !isMissing) this.#isLate = true;
      this.#problem = `the audit file ${path} ${isMissing ? 'does not exist (yet)' : 'cannot be read'}`;
      this.#options.notify({
        level: 'warn',
        kind: `file ${path}`,
        fields: { err: error, file: path },
        message: isMissing
          ? "an audit file does not exist (yet): is Vault's file audit device enabled, with this file_path?"
          : 'an audit file cannot be read: check its mode (the device has the option `mode`) and the user this runs as',
      });
      return false;
    }
  }

  /** Opens the file to go on with, or to begin with. */
  async #begin(): Promise<boolean> {
    const { path, vault, requests } = this.#options;
    if (this.#sought) {
      const found = await this.#find(this.#sought);
      if (found) await this.#enter(found);
      // An empty file held nothing that could be lost.
      else if (this.#sought.head.bytes > 0) this.#lose('gone');
      this.#from = 'beginning';
      this.#sought = null;
      return true;
    }
    const file = await openLogFile(path);
    await this.#enter({ file, offset: this.#from === 'end' ? file.size : 0 });
    if (this.#isLate) requests.ask(vault, 'file');
    return true;
  }

  async #find(sought: Checkpoint): Promise<Found | null> {
    const { path } = this.#options;
    const file = await openLogFile(path).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    });
    if (file && isAt(file, sought)) return { file, offset: sought.offset };
    await file?.close();
    return findRotated(path, sought);
  }

  async #enter({ file, offset }: Found): Promise<void> {
    this.#file = file;
    this.#reader = this.#newReader();
    this.#position = new LinePosition(offset);
    this.#offset = offset;
    this.#exhausted = false;
    this.#keep(file);
    await this.#keeper.save();
  }

  /** Takes the next bytes or, at the end, goes over to the next file. */
  async #step(file: LogFile): Promise<boolean> {
    const chunk = await this.#next(file);
    if (chunk === 'truncated') {
      await this.#goOnAfterTruncation(file);
      return true;
    }
    if (chunk.length > 0) {
      await this.#take(file, chunk);
      return true;
    }
    const { path, metrics } = this.#options;
    const { file: next, unreadable } = await findSuccessor(path, file);
    if (!next) return false;
    // What was written to this one, and then to the next, since we looked.
    const rest = await this.#next(file);
    if (rest.length > 0) {
      await next.close();
      if (rest !== 'truncated') await this.#take(file, rest);
      return true;
    }
    this.#reader.end();
    if (!(await this.#handIn(file))) {
      await next.close();
      return true;
    }
    if (unreadable > 0) this.#lose('unreadable');
    metrics.fileRotations.inc({ file: path, how: 'renamed' });
    await file.close();
    await this.#enter({ file: next, offset: 0 });
    return true;
  }

  async #take(file: LogFile, chunk: Buffer): Promise<void> {
    this.#reader.push(chunk);
    this.#position.pass(chunk);
    if (await this.#handIn(file)) this.#keep(file);
  }

  /** @throws what a plain file throws that can be read no more, after leaving it: it is looked for again */
  async #next(file: LogFile): Promise<Buffer | 'truncated'> {
    if (this.#exhausted) return Buffer.alloc(0);
    try {
      if (!(await file.refresh(this.#position.next))) return 'truncated';
      this.#measure(file);
      return await file.read(this.#position.next);
    } catch (error) {
      if (file.compression === 'none') {
        this.#sought = checkpointOf(file, this.#offset);
        this.#file = null;
        await file.close().catch(() => undefined);
        throw error;
      }
      this.#exhausted = true;
      this.#lose('unreadable');
      return Buffer.alloc(0);
    }
  }

  /** What was in it may have been copied first: the rest is read there, before the file is read from its beginning. */
  async #goOnAfterTruncation(file: LogFile): Promise<void> {
    const { path, metrics } = this.#options;
    metrics.fileRotations.inc({ file: path, how: 'truncated' });
    this.#lose('truncated');
    const copy = await findRotated(path, checkpointOf(file, this.#offset));
    this.#file = null;
    this.#from = 'beginning';
    await file.close();
    if (copy) await this.#enter(copy);
  }

  /** Waits until the queue has every job; false when this is closed before. */
  async #handIn(file: LogFile): Promise<boolean> {
    while (!this.#closed) {
      try {
        await this.#intake.commit();
        this.#offset = this.#position.lineEnd;
        this.#measure(file);
        return true;
      } catch (error) {
        if (!(error instanceof SyncError)) throw error;
        await this.#pause(tryAgainMs);
        await file.refresh(this.#offset).catch(() => undefined);
        this.#measure(file);
      }
    }
    return false;
  }

  #keep(file: LogFile): void {
    this.#keeper.keep(checkpointOf(file, this.#offset));
  }

  #measure({ size }: LogFile): void {
    const { path, metrics } = this.#options;
    metrics.fileLag.set({ file: path }, Math.max(0, size - this.#offset));
    metrics.filePosition.set({ file: path }, this.#offset);
  }

  #lose(why: keyof typeof losses): void {
    const { path, vault, requests, metrics, notify } = this.#options;
    metrics.fileLosses.inc({ file: path });
    notify({
      level: 'warn',
      kind: `loss ${why} ${path}`,
      fields: { file: path, vault },
      message: `lines of an audit file may have been missed: ${losses[why]}`,
    });
    requests.ask(vault, 'file');
  }

  #newReader(): AuditReader {
    return new AuditReader({ maxRecordBytes: this.#options.maxLineBytes, prefilter: true, sink: this.#intake });
  }

  async #pause(ms: number): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
