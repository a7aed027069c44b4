import { InputError } from '../errors.ts';
import { createLogger } from '../logging.ts';
import { nearestName } from '../schema.ts';
import type { DeadLetter, Jobs } from '../state/contract.ts';
import type { Arguments } from './arguments.ts';
import { composeState } from './compose/state.ts';
import { printable, wordsFor } from './job-words.ts';
import { exitCodes, type Output, paint } from './output.ts';
import { readSettings, withoutServer } from './read-settings.ts';

const listedByDefault = 100;

/** Thousands of letters take Redis longer than the jobs of a running operator may wait, in milliseconds. */
const deadlineMs = 10_000;

type Wish =
  | { readonly verb: 'list'; readonly limit: number }
  | { readonly verb: 'replay'; readonly ids: readonly string[] }
  | { readonly verb: 'replay all' };

/** Shows the jobs that were given up, or has them run again. */
export async function deadLetters(given: Arguments, output: Output): Promise<number> {
  const wish = wishOf(given);
  const settings = await readSettings(given, withoutServer);
  const { redis, sentinel, cluster } = settings.state;
  if (redis === undefined && sentinel === undefined && cluster === undefined) {
    throw new InputError(
      'state.redis is not set: without Redis the dead letters are in the memory of the running process, and nobody else sees them. Give the settings of the operator: --settings FILE, or --state-redis URL',
    );
  }
  const logger = createLogger({ level: settings.log.level === 'info' ? 'error' : settings.log.level });
  const states = await composeState({ ...settings, roles: ['operator'] }, logger, { deadlineMs });
  try {
    if (!states.operator) throw new Error('the operator role has no state');
    const json = given.own['json'] === true;
    return await serve(wish, { jobs: states.operator.jobs, output, json });
  } finally {
    await states.close();
  }
}

function wishOf({ positional: [verb, ...ids], own }: Arguments): Wish {
  const all = own['all'] === true;
  if (verb === undefined) {
    if (all) throw new InputError('--all belongs to replay: vault-secret-sync dead-letters replay --all');
    return { verb: 'list', limit: limitFrom(own['limit']) };
  }
  if (verb !== 'replay') {
    const nearest = nearestName(verb, ['replay']);
    const hint = nearest ? `; did you mean ${nearest}?` : '. Try vault-secret-sync dead-letters --help';
    throw new InputError(`dead-letters does not know ${printable(verb)}${hint}`);
  }
  if (own['limit'] !== undefined) throw new InputError('--limit belongs to the list; name the letters, or say --all');
  if (all === ids.length > 0) throw new InputError('say which to replay: either their ids, or --all');
  return all ? { verb: 'replay all' } : { verb: 'replay', ids };
}

function limitFrom(given: string | true | undefined): number {
  if (given === undefined) return listedByDefault;
  const limit = Number(given);
  if (!/^\d+$/.test(String(given)) || limit < 1) throw new InputError('--limit must be a whole number, 1 or more');
  return limit;
}

interface Parts {
  readonly jobs: Jobs;
  readonly output: Output;
  readonly json: boolean;
}

async function serve(wish: Wish, parts: Parts): Promise<number> {
  switch (wish.verb) {
    case 'list':
      return list(wish.limit, parts);
    case 'replay':
      return replay(wish.ids, parts);
    case 'replay all': {
      const letters = await parts.jobs.deadLetters(await parts.jobs.countDeadLetters());
      // The oldest first, as they came.
      return replay(letters.map(({ id }) => id).reverse(), parts);
    }
    default: {
      const never: never = wish;
      return never;
    }
  }
}

async function list(limit: number, { jobs, output, json }: Parts): Promise<number> {
  const [letters, count] = [await jobs.deadLetters(limit), await jobs.countDeadLetters()];
  if (json) {
    for (const { id, job, reason, at, attempts } of letters) {
      output.out(JSON.stringify({ id, job, reason, attempts, at: new Date(at).toISOString() }));
    }
  } else {
    for (const line of tableOf(letters, Date.now())) output.out(line);
  }
  if (letters.length === 0) output.err('no dead letters');
  else if (count > letters.length) output.err(`the newest ${letters.length} of ${count}; --limit N shows more`);
  return exitCodes.ok;
}

async function replay(ids: readonly string[], { jobs, output, json }: Parts): Promise<number> {
  let unknown = 0;
  for (const id of new Set(ids)) {
    const replayed = await jobs.replay(id);
    if (!replayed) unknown += 1;
    if (json) output.out(JSON.stringify({ id, replayed }));
    else if (replayed) output.out(`${paint(output, 'green', 'replayed')} ${printable(id)}`);
    else output.err(`${paint(output, 'red', 'error')}: no dead letter has the id ${printable(id)}`);
  }
  if (ids.length === 0) output.err('no dead letters');
  return unknown === 0 ? exitCodes.ok : exitCodes.failed;
}

/** Its columns are as wide as what they hold; the job, which may be long, comes last but one, and the reason last. */
function tableOf(letters: readonly DeadLetter[], now: number): string[] {
  if (letters.length === 0) return [];
  const rows = letters.map(({ id, job, reason, at, attempts }) => [
    printable(id),
    ageOf(now - at),
    String(attempts),
    wordsFor(job),
    printable(reason),
  ]);
  const all = [['ID', 'AGE', 'ATTEMPTS', 'JOB', 'REASON'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** `45s`, `12m`, `3h`, `5d`. */
function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
