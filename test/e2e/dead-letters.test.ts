import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import type { Job, JobOutcome, State } from '../../src/state/contract.ts';
import { type CommandResult, eventually, findFreePort, runCommand } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { programFile, startProgram } from '../program/start-program.ts';
import { freshPrefix, redisState } from '../state/redis-world.ts';
import { pathJob } from '../state/runs.ts';

let redis: RedisPeer;
let folder: string;
let prefix: string;
let state: State;
/** As an operator has them. */
let settings: Record<string, unknown>;

beforeAll(async () => {
  [redis, folder] = await Promise.all([startRedis(), mkdtemp(join(tmpdir(), 'vss-dead-letters-'))]);
});
afterAll(async () => {
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  prefix = freshPrefix();
  state = redisState({ url: redis.url, prefix });
  settings = {
    installation: 'end-to-end',
    fingerprintKey: 'a fingerprint key that only these tests know',
    // Nobody listens there: who shows dead letters has no business with Vault.
    vaults: [{ name: 'main', address: `http://127.0.0.1:${await findFreePort()}`, auth: { token: 'hush-vault' } }],
    state: { redis: redis.url, prefix },
    roles: ['operator'],
    manifests: { directory: folder },
    ops: { host: '127.0.0.1', port: 0 },
    log: { level: 'info' },
  };
});
afterEach(() => state.close());

async function run(...args: string[]): Promise<CommandResult> {
  const file = join(folder, 'settings.yml.txt');
  await writeFile(file, stringify(settings));
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder };
  return runCommand(process.execPath, [programFile, 'dead-letters', ...args, '--settings', file], { cwd: folder, env });
}

/** Gives up jobs, one after the other. */
async function giveUp(jobs: readonly Job[], reason = 'PermissionDenied'): Promise<void> {
  const before = await state.jobs.countDeadLetters();
  const dead: JobOutcome = { outcome: 'dead', reason };
  const consumer = state.jobs.consume({ concurrency: 1, run: async () => dead });
  for (const [index, job] of jobs.entries()) {
    await state.jobs.add([{ job }]);
    await eventually(async () => (await state.jobs.countDeadLetters()) === before + index + 1, { what: 'the letter' });
  }
  await consumer.close(1000);
}

function linesOf(text: string): string[] {
  return text.trim().split('\n');
}

describe('vault-secret-sync dead-letters', () => {
  test('shows what was given up, newest first, in words', async () => {
    await giveUp([
      pathJob('team-a/db'),
      { kind: 'mount', vault: 'main', namespace: 'ns1', mount: 'secret' },
      { kind: 'sync', sync: 'team-a/app' },
      { kind: 'copy', sync: 'team-a/app', copy: 'gcp:prod/app', source: '["main","","secret","team-a/app"]' },
    ]);

    const { code, stdout, stderr } = await run();

    const [head, ...rows] = linesOf(stdout);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(head).toMatch(/^ID +AGE +ATTEMPTS +JOB +REASON$/);
    expect(rows.map((row) => row.split(/ {2,}/).slice(2))).toEqual([
      ['1', 'copy gcp:prod/app of secret/team-a/app for team-a/app', 'PermissionDenied'],
      ['1', 'sync team-a/app', 'PermissionDenied'],
      ['1', 'mount secret in namespace ns1 of Vault main', 'PermissionDenied'],
      ['1', 'path secret/team-a/db in Vault main', 'PermissionDenied'],
    ]);
    for (const row of rows) expect(row).toMatch(/^\d+ +\d+s /);
  });

  test('names from Vault cannot write to the terminal as they like', async () => {
    await giveUp([
      pathJob('\u001b[2Jgone\r\n\u202edesrever'),
      { kind: 'copy', sync: 'team-a/app', copy: 'c', source: '\u001b]0;no source\u0007' },
    ]);

    const { stdout } = await run();

    expect(stdout).toContain('path secret/\\u{1b}[2Jgone\\u{d}\\u{a}\\u{202e}desrever in Vault main');
    expect(stdout).toContain('copy c of \\u{1b}]0;no source\\u{7} for team-a/app');
    expect(linesOf(stdout)).toHaveLength(3);
  });

  test('with --json shows them for scripts', async () => {
    await giveUp([pathJob('a')]);

    const { code, stdout } = await run('--json');

    const letter = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(letter).toEqual({
      id: expect.any(String),
      job: pathJob('a'),
      reason: 'PermissionDenied',
      attempts: 1,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
  });

  test('shows as many as --limit says, and that there are more', async () => {
    await giveUp([pathJob('a'), pathJob('b'), pathJob('c')]);

    const { code, stdout, stderr } = await run('--limit', '2');

    expect(code).toBe(0);
    expect(linesOf(stdout).map((line) => /secret\/(\w)/.exec(line)?.[1])).toEqual([undefined, 'c', 'b']);
    expect(stderr).toContain('the newest 2 of 3; --limit N shows more');
  });

  test('says so when there are none', async () => {
    const listed = await run();
    const replayed = await run('replay', '--all');

    expect(listed).toMatchObject({ code: 0, stdout: '', stderr: 'no dead letters\n' });
    expect(replayed).toMatchObject({ code: 0, stdout: '', stderr: 'no dead letters\n' });
  });

  test('replays those that are named, and exits 1 for one that is not there', async () => {
    await giveUp([pathJob('a'), pathJob('b'), pathJob('c')]);
    const [newest, second] = await state.jobs.deadLetters(10);

    const { code, stdout, stderr } = await run(
      'replay',
      newest?.id ?? '',
      'nonsense',
      second?.id ?? '',
      second?.id ?? '',
    );

    expect(code).toBe(1);
    expect(linesOf(stdout)).toEqual([`replayed ${newest?.id}`, `replayed ${second?.id}`]);
    expect(linesOf(stderr)).toEqual(['error: no dead letter has the id nonsense']);
    expect((await state.jobs.deadLetters(10)).map(({ job }) => job)).toEqual([pathJob('a')]);
    expect(await state.jobs.pending()).toBe(2);
  });

  test('replays all, oldest first', async () => {
    await giveUp([pathJob('a'), pathJob('b')]);
    const [newest, oldest] = await state.jobs.deadLetters(10);

    const { code, stdout } = await run('replay', '--all', '--json');

    expect(code).toBe(0);
    expect(linesOf(stdout).map((line) => JSON.parse(line))).toEqual([
      { id: oldest?.id, replayed: true },
      { id: newest?.id, replayed: true },
    ]);
    expect([await state.jobs.countDeadLetters(), await state.jobs.pending()]).toEqual([0, 2]);
  });

  test('an operator that runs counts them in a metric, and takes up what is replayed', async () => {
    await giveUp([pathJob('nobody wants it')]);
    const operator = await startProgram({ settings });

    const before = await operator.metric('vss_dead_letters');
    const { code } = await run('replay', '--all');

    expect([before, code]).toEqual([1, 0]);
    await eventually(async () => (await operator.metric('vss_jobs_total', { kind: 'path', outcome: 'done' })) === 1, {
      what: 'the operator to run it',
    });
    expect(await operator.metric('vss_dead_letters')).toBe(0);
    await operator.stop();
  });

  test('exits 2 without Redis: the letters of another process’ memory cannot be seen', async () => {
    settings['state'] = {};
    settings['roles'] = ['webhook', 'operator'];

    const { code, stdout, stderr } = await run();

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/state\.redis is not set.*--state-redis URL/);
  });

  test.each([
    { args: ['reply', '17'], says: 'dead-letters does not know reply; did you mean replay?' },
    { args: ['replay'], says: 'either their ids, or --all' },
    { args: ['replay', '17', '--all'], says: 'either their ids, or --all' },
    { args: ['replay', '17', '--limit', '3'], says: '--limit belongs to the list' },
    { args: ['--all'], says: 'dead-letters replay --all' },
    { args: ['--limit', 'many'], says: '--limit must be a whole number' },
    { args: ['--limit', '0'], says: '--limit must be a whole number' },
    { args: ['--limt', '3'], says: 'did you mean --limit?' },
  ])('exits 2 for $args', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(...args);

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });

  test('exits 1 when Redis is away, names where it looked, and tells no password', async () => {
    settings['state'] = { redis: `redis://somebody:hush-redis@127.0.0.1:${await findFreePort()}`, prefix };

    const { code, stdout, stderr } = await run();

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: Redis at 127\.0\.0\.1:\d+ did not list dead letters/);
    expect(stderr).not.toContain('hush');
  });
});
