import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { senderToken } from '../loopback-settings.ts';
import type { History } from './history.ts';
import type { Sender } from './plan.ts';

export interface ShipperCounts {
  entries: number;
  taken: number;
  answered503: number;
  /** No connection, or one that broke or gave no answer. */
  broken: number;
  retries: number;
  /** Entries that were not sent again after a 503 or a broken connection. */
  givenUp: number;
}

interface Batch {
  readonly lines: readonly string[];
  /** Secrets whose changes are told of. */
  readonly secrets: readonly string[];
}

/** A webhook that may be asked; null = down right now. */
export interface Door {
  readonly name: string;
  readonly url: string | null;
}

const lanes = 4;
const linesOfBatch = 64;
/** Milliseconds that an answer is waited for. */
const patienceMs = 3_000;

export interface ShipperOptions {
  /** Vault's audit file. */
  readonly file: string;
  readonly sender: Sender;
  /** The webhooks as they are now. */
  readonly doors: () => readonly Door[];
  readonly random: () => number;
  readonly history: History;
}

/** Carries the lines of Vault's audit file to webhooks picked at random; several are under way at once. */
export class Shipper {
  readonly counts: ShipperCounts = { entries: 0, taken: 0, answered503: 0, broken: 0, retries: 0, givenUp: 0 };
  readonly #options: ShipperOptions;
  readonly #waiting: string[] = [];
  #underWay = 0;
  #closed = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ShipperOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const file = await open(this.#options.file, 'r');
    this.#running = Promise.all([this.#read(file), ...Array.from({ length: lanes }, () => this.#carry())]);
  }

  /** Nothing that was read waits or is under way. */
  isIdle(): boolean {
    return this.#waiting.length === 0 && this.#underWay === 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #read(file: FileHandle): Promise<void> {
    const piece = Buffer.alloc(1024 * 1024);
    let rest = Buffer.alloc(0);
    let position = 0;
    while (!this.#closed) {
      const { bytesRead } = await file.read(piece, 0, piece.length, position);
      position += bytesRead;
      rest = Buffer.concat([rest, piece.subarray(0, bytesRead)]);
      const end = rest.lastIndexOf(10) + 1;
      const lines = rest.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
      rest = rest.subarray(end);
      this.counts.entries += lines.length;
      for (const line of lines) this.#waiting.push(line);
      if (bytesRead === 0) await sleep(20);
    }
    await file.close();
  }

  async #carry(): Promise<void> {
    const size = this.#options.sender === 'again' ? linesOfBatch : 1;
    while (!this.#closed) {
      const lines = this.#waiting.splice(0, size);
      if (lines.length === 0) {
        await sleep(10);
        continue;
      }
      const batch = { lines, secrets: lines.flatMap(secretsIn) };
      this.#underWay++;
      await (this.#options.sender === 'again' ? this.#sendUntilTaken(batch) : this.#sendOnce(batch));
      this.#underWay--;
    }
  }

  async #sendUntilTaken(batch: Batch): Promise<void> {
    for (let attempt = 1; !this.#closed; attempt++) {
      const door = this.#anyDoor();
      const status = await this.#post(door, batch);
      if (status === 200) return this.#end(batch, 'taken', `by ${door.name}, attempt ${attempt}`);
      this.counts.retries++;
      await sleep(100 + this.#options.random() * 300);
    }
  }

  /** A balancer tries the next webhook where no connection can be had; whatever happens after that is the end. */
  async #sendOnce(batch: Batch): Promise<void> {
    const doors = this.#options.doors().filter(({ url }) => url !== null);
    const door = doors[Math.floor(this.#options.random() * doors.length)];
    const status = door ? await this.#post(door, batch) : null;
    if (status === 200) return this.#end(batch, 'taken', `by ${door?.name}`);
    this.counts.givenUp += batch.lines.length;
    this.#end(batch, status === 503 ? 'refused' : 'unheard', `by ${door?.name ?? 'nobody'}`);
  }

  #anyDoor(): Door {
    const doors = this.#options.doors();
    return doors[Math.floor(this.#options.random() * doors.length)] as Door;
  }

  /** The status of the answer; null = there was none. */
  async #post({ url }: Door, { lines }: Batch): Promise<number | null> {
    try {
      if (url === null) throw new Error('down');
      const answer = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${senderToken}` },
        body: `${lines.join('\n')}\n`,
        signal: AbortSignal.timeout(patienceMs),
      });
      await answer.arrayBuffer();
      if (answer.status === 503) this.counts.answered503++;
      else if (answer.status !== 200) throw new Error(`the webhook answered ${answer.status}`);
      return answer.status;
    } catch {
      this.counts.broken++;
      return null;
    }
  }

  #end({ lines, secrets }: Batch, fate: 'taken' | 'refused' | 'unheard', where: string): void {
    if (fate === 'taken') this.counts.taken += lines.length;
    for (const secret of secrets) this.#options.history.noteFate(secret, fate, where);
  }
}

/** The secret whose change a line tells of. */
function secretsIn(line: string): string[] {
  const { type, request } = JSON.parse(line) as { type: string; request?: { operation?: string; path?: string } };
  if (type !== 'response' || request?.operation === 'read') return [];
  return /^secret\/\w+\/chaos\/(.+)$/.exec(request?.path ?? '')?.slice(1) ?? [];
}
