import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type LogLine, type Program, startProgram, sumOf } from '../../test/program/start-program.ts';
import { awsCredentials } from '../loopback-settings.ts';
import type { Role } from './plan.ts';

/** What the program itself counted. */
const counted = {
  'reconciles of a whole Vault or mount': { name: 'vss_jobs_total', labels: { kind: 'mount', outcome: 'done' } },
  'reconciles of a sync': { name: 'vss_jobs_total', labels: { kind: 'sync', outcome: 'done' } },
  'runs put off': { name: 'vss_jobs_total', labels: { outcome: 'retry' } },
  'runs given up': { name: 'vss_jobs_total', labels: { outcome: 'dead' } },
  'losses of Redis noticed': { name: 'vss_state_losses_total', labels: {} },
  'versions without an entry': { name: 'vss_missed_versions_total', labels: {} },
} as const;
export type Counted = Record<keyof typeof counted, number>;

const skewedClock = fileURLToPath(new URL('./skewed-clock.ts', import.meta.url));

/** One of the three webhooks or operators: a process that is started again each time that it ended. */
export class Replica {
  readonly role: Role;
  readonly name: string;
  readonly #settings: Readonly<Record<string, unknown>>;
  readonly #env: Readonly<Record<string, string>>;
  #program: Program | null = null;
  #isPaused = false;
  /** Of the processes before this one. */
  readonly #before: string[] = [];
  readonly #logs: LogLine[][] = [];
  #metrics = '';

  constructor(options: {
    readonly role: Role;
    readonly index: number;
    /** How far its clock is off, in milliseconds. */
    readonly offMs: number;
    readonly settings: Readonly<Record<string, unknown>>;
  }) {
    this.role = options.role;
    this.name = `${options.role} ${options.index}`;
    this.#settings = { ...options.settings, roles: [options.role] };
    this.#env = {
      ...(options.role === 'operator' ? awsCredentials : {}),
      ...(options.offMs === 0
        ? {}
        : {
            NODE_OPTIONS: `--disable-warning=ExperimentalWarning --import=${skewedClock}`,
            CHAOS_CLOCK_OFF_MS: String(options.offMs),
          }),
    };
  }

  /** Where it takes events; null while it is down. */
  get url(): string | null {
    return this.#program?.eventsUrl ?? null;
  }

  get isUp(): boolean {
    return this.#program !== null;
  }

  /** Starts it, and once more where that fails, as Kubernetes does. */
  async start(): Promise<void> {
    for (let left = 20; this.#program === null; left--) {
      this.#program = await startProgram({ settings: this.#settings, env: this.#env }).catch((error: unknown) => {
        if (left === 0) throw error;
        return null;
      });
      if (this.#program === null) await sleep(500);
      else this.#logs.push(this.#program.log as LogLine[]);
    }
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const program = this.#program;
    if (!program) return;
    await this.scrape();
    this.#program = null;
    this.#resumeProcess(program);
    await program.stop(signal);
    this.#before.push(this.#metrics);
    this.#metrics = '';
  }

  pause(): void {
    if (!this.#program) return;
    this.#isPaused = true;
    process.kill(this.#program.pid, 'SIGSTOP');
  }

  resume(): void {
    if (this.#program) this.#resumeProcess(this.#program);
  }

  /** Reads what it counts, unless it does not answer at once. */
  async scrape(): Promise<void> {
    if (!this.#program || this.#isPaused) return;
    const text = await Promise.race([this.#program.metrics(), sleep(500, null)]).catch(() => null);
    if (text !== null) this.#metrics = text;
  }

  counts(): Counted {
    const texts = [...this.#before, this.#metrics];
    const entries = Object.entries(counted).map(([what, { name, labels }]) => [
      what,
      texts.reduce((sum, text) => sum + sumOf(text, name, labels), 0),
    ]);
    return Object.fromEntries(entries) as Counted;
  }

  /** Everything that its processes logged, one line each. */
  log(): string {
    return this.#logs
      .flat()
      .map((line) => JSON.stringify(line))
      .join('\n');
  }

  #resumeProcess({ pid }: Program): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    process.kill(pid, 'SIGCONT');
  }
}
