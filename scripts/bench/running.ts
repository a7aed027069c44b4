import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultPeer } from '../../test/peers/start-vault.ts';
import { type Program, startProgram } from '../../test/program/start-program.ts';

/** The compiled program, as one process or as two that meet in Redis. The same twice for one process. */
export interface Running {
  readonly mode: string;
  readonly operator: Program;
  readonly webhook: Program;
  stop(): Promise<void>;
}

export interface RunOptions {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
}

export async function startSingle({ settings, env }: RunOptions): Promise<Running> {
  const program = await startProgram({ settings, env });
  return { mode: 'one process', operator: program, webhook: program, stop: async () => void (await program.stop()) };
}

export async function startSplit({ settings, env, redis }: RunOptions & { readonly redis: string }): Promise<Running> {
  const shared = { ...settings, state: { redis } };
  const webhook = await startProgram({ settings: { ...shared, roles: ['webhook'] }, env });
  const operator = await startProgram({ settings: { ...shared, roles: ['operator'] }, env });
  return {
    mode: 'split, Redis',
    operator,
    webhook,
    async stop() {
      await webhook.stop();
      await operator.stop();
    },
  };
}

/** Points the Vault's audit device at the program until the stack ends, which is before the program does. */
export async function listenTo(vault: VaultPeer, { webhook }: Running, stack: AsyncDisposableStack): Promise<void> {
  if (webhook.tcpPort === null) throw new Error('the program has no TCP listener');
  await vault.enableAuditSocket({ host: '127.0.0.1', port: webhook.tcpPort });
  stack.defer(async () => void (await vault.api('DELETE', 'sys/audit/socket')));
}

/** Waits until this many full reconciles went through. */
export async function untilReconciled({ operator }: Pick<Running, 'operator'>, syncs = 1): Promise<void> {
  await untilCounted(operator, { metric: 'vss_jobs_total', labels: { kind: 'sync', outcome: 'done' }, least: syncs });
}

/**
 * Waits until a full reconcile went through and nothing has been done for a second and a half: a start brings more than
 * one, for the webhook cannot know what was changed before it listened.
 */
export async function untilQuiet(running: Running): Promise<void> {
  await untilReconciled(running);
  await untilIdle([running.operator]);
}

/** Waits until operators have done nothing for a second and a half. */
export async function untilIdle(operators: readonly Program[]): Promise<void> {
  const doneBy = async (operator: Program) =>
    `${await operator.metric('vss_copies_total')} ${await operator.metric('vss_jobs_total')}`;
  let last = '';
  let since = Date.now();
  while (Date.now() - since < 1_500) {
    const now = (await Promise.all(operators.map(doneBy))).join(', ');
    if (now !== last) since = Date.now();
    last = now;
    await sleep(100);
  }
}

/** Waits, for at most two minutes, until a metric is at least this high. */
export async function untilCounted(
  program: Program,
  wanted: { readonly metric: string; readonly labels: Readonly<Record<string, string>>; readonly least: number },
): Promise<void> {
  const deadline = Date.now() + 120_000;
  while ((await program.metric(wanted.metric, wanted.labels)) < wanted.least) {
    if (Date.now() > deadline) {
      const last = program.text().split('\n').slice(-5).join('\n');
      throw new Error(`waited two minutes for ${wanted.metric} to reach ${wanted.least}:\n${last}`);
    }
    await sleep(50);
  }
}

/** A copy was written: a line of the program's log, made once the store had answered. */
export interface CopyLine {
  /** Place and name, e.g. `aws:eu-west-1/bench/s-0001`. */
  readonly copy: string;
  /** Unix time in milliseconds. */
  readonly at: number;
}

const written = new Set(['copy created', 'copy updated']);

/** The lines about copies since the log had `from` lines. */
export function copyLines({ operator }: Running, from: number): CopyLine[] {
  return operator.log
    .slice(from)
    .filter(({ msg }) => msg !== undefined && written.has(msg))
    .map((line) => ({ copy: String(line['copy']), at: Date.parse(String(line['time'])) }));
}

/** Waits until each of the copies was written at least once since `from`, and returns when it first was. Those missing are left out. */
export async function untilWritten(
  { operator }: Running,
  options: { readonly from: number; readonly copies: readonly string[]; readonly withinMs: number },
): Promise<Map<string, number>> {
  const missing = new Set(options.copies);
  const times = new Map<string, number>();
  const deadline = Date.now() + options.withinMs;
  let read = options.from;
  while (missing.size > 0 && Date.now() < deadline) {
    for (; read < operator.log.length; read += 1) {
      const line = operator.log[read];
      const copy = String(line?.['copy']);
      if (line?.msg !== undefined && written.has(line.msg) && missing.delete(copy)) {
        times.set(copy, Date.parse(String(line['time'])));
      }
    }
    if (missing.size > 0) await sleep(1);
  }
  return times;
}
