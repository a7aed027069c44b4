import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLogger } from '../../src/logging.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { createRedisState, createRedisWebhookState } from '../../src/state/redis/state.ts';
import { startWebhook, systemClock, type Webhook } from '../../src/webhook/index.ts';
import { testEvents } from '../../src/webhook/test-event.ts';
import { runCommand } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { readAll } from './entries.ts';
import { eventually, interestIn } from './fakes.ts';

const canary = 'CANARY-of-a-value';
const token = 'a-token-of-a-sender';
const log = createLogger({ level: 'silent' });
const logged: string[] = [];

let redis: RedisPeer;
let vault: VaultPeer;
let webhook: Webhook;
let metrics: Metrics;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  redis = await startRedis();
  vault = await startVault({ mounts: { old: 1 } });
  metrics = createMetrics({ withProcess: false });
  const operator = createRedisState({ url: redis.url, prefix: 'vss', log, deadlineMs: 10_000 });
  await operator.interest.publish(interestIn([{}, { mount: 'old' }], {}));
  const state = createRedisWebhookState({ url: redis.url, prefix: 'vss', log });
  webhook = await startWebhook({
    settings: {
      http: { host: '127.0.0.1', port: 0 },
      tcp: [],
      tokens: [{ token }],
      allowUnauthenticated: false,
      limits: {},
      vaults: [{ name: 'main', address: vault.address, aliases: [] }],
    },
    state,
    metrics,
    logger: createLogger({ level: 'debug', destination: { write: (line: string) => logged.push(line) } }),
    clock: systemClock,
  });
  closers.push(
    () => webhook.close(1_000),
    () => state.close(),
    () => operator.close(),
  );
}, 600_000);

afterAll(async () => {
  for (const close of closers) await close();
  await vault.stop();
  await redis.stop();
});

/** Enables a file device of Vault's with these options for the time of some requests, and returns what it wrote. */
async function writtenBy(options: Record<string, string>, requests: () => Promise<unknown>): Promise<string> {
  const file = join(vault.auditFile, '..', `device-${Math.random().toString(36).slice(2)}.log`);
  const { status } = await vault.api('PUT', 'sys/audit/tried', {
    type: 'file',
    options: { file_path: file, ...options },
  });
  expect(status).toBe(204);
  await requests();
  await vault.api('DELETE', 'sys/audit/tried');
  return readFile(file, 'utf8');
}

/** Everything that is in Redis, values too. */
async function dumpRedis(): Promise<string> {
  const cli = (...args: string[]) =>
    runCommand('redis-cli', ['-u', redis.url, ...args], { cwd: '/', env: { PATH: process.env['PATH'] ?? '' } });
  const types: Record<string, string[]> = {
    string: ['GET'],
    hash: ['HGETALL'],
    list: ['LRANGE', '0', '-1'],
    set: ['SMEMBERS'],
    zset: ['ZRANGE', '0', '-1'],
    stream: ['XRANGE', '-', '+'],
  };
  const keys = (await cli('KEYS', '*')).stdout.split('\n').filter((key) => key !== '');
  const texts = keys.map(async (key) => {
    const type = (await cli('TYPE', key)).stdout.trim();
    const [command = 'GET', ...rest] = types[type] ?? [];
    return `${key}\n${(await cli(command, key, ...rest)).stdout}`;
  });
  return (await Promise.all(texts)).join('\n');
}

async function write(): Promise<void> {
  await vault.api('POST', 'secret/data/app', { data: { password: canary, [`${canary}-key`]: [canary] } });
  await vault.api('POST', 'secret/metadata/app', { custom_metadata: { owner: canary } });
  await vault.api(
    'PATCH',
    'secret/data/app',
    { data: { more: canary } },
    { 'Content-Type': 'application/merge-patch+json' },
  );
  await vault.api('GET', 'secret/data/app');
  await vault.api('POST', 'secret/data/app', { data: { password: canary } }, { 'X-Vault-Wrap-TTL': '60s' });
  await vault.api('POST', 'secret/data/app', { data: { password: canary }, options: { cas: 99 } });
  await vault.api('POST', 'old/app', { password: canary });
  await vault.api('GET', 'old/app');
  await vault.api('POST', 'auth/token/create', { id: `hvs.${canary}`, policies: ['default'] });
  await vault.api('POST', 'secret/data/last', { data: { password: canary } });
}

function post(body: string): Promise<Response> {
  const headers = { Authorization: `Bearer ${token}` };
  return fetch(`http://127.0.0.1:${webhook.httpAddress?.port}/events`, { method: 'POST', headers, body });
}

describe('an audit device of Vault with log_raw=true', () => {
  test('writes values in clear, and none of them gets further than the body', async () => {
    const text = await writtenBy({ log_raw: 'true', hmac_accessor: 'false' }, write);
    const wrapping = [...text.matchAll(/"token":\s*"(hvs\.[\w-]+)"/g)].map(([, found = '']) => found);
    const hidden = [canary, vault.token === 'root' ? canary : vault.token, ...wrapping];
    const lines = text.split('\n').filter((line) => line !== '');

    const answered = [
      await post(text),
      // Cut in the midst of values, as half a line, as something else altogether.
      await post(lines.map((line) => line.slice(0, line.indexOf(canary) + 8)).join('\n')),
      await post(lines.map((line) => line.slice(line.lastIndexOf(canary))).join('\n')),
      await post(JSON.stringify({ password: canary })),
      await post(`\x92${text}`),
    ];
    await redis.pause();
    answered.push(await post(text.replaceAll('"id":"', '"id":"again-')));
    redis.resume();
    const shown: unknown[] = [];
    for await (const result of testEvents(stream(text))) shown.push(result);
    await eventually(async () => (await dumpRedis()).includes('last'), 'the last job');
    const redisHolds = await dumpRedis();
    const told = [logged.join(''), await metrics.registry.metrics(), JSON.stringify(shown), await texts(answered)].join(
      '\n',
    );

    expect(text).toContain(canary);
    expect(wrapping.length).toBeGreaterThan(0);
    expect(answered.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 503]);
    expect(redisHolds).toContain('app');
    expect(logged.length).toBeGreaterThan(0);
    for (const secret of hidden) {
      expect(redisHolds).not.toContain(secret);
      expect(told).not.toContain(secret);
    }
  });

  test('is judged as without it', async () => {
    const raw = readAll([await writtenBy({ log_raw: 'true' }, write)], { prefilter: true });
    const hashed = readAll([await writtenBy({}, write)], { prefilter: true });
    const changes = ({ verdicts }: typeof raw) =>
      verdicts.filter(({ verdict }) => verdict === 'changed').map(({ path, operation }) => `${operation} ${path}`);

    expect(changes(raw)).toEqual(changes(hashed));
    expect(changes(raw)).toHaveLength(6);
  });
});

describe('an audit device of Vault', () => {
  test.each([
    { what: 'elide_list_responses=true', options: { elide_list_responses: 'true' } },
    { what: 'hmac_accessor=false', options: { hmac_accessor: 'false' } },
  ])('with $what is read', async ({ options }) => {
    const text = await writtenBy(options, async () => {
      await vault.api('LIST', 'secret/metadata');
      await vault.api('POST', 'secret/data/app', { data: { user: 'ada' } });
      await vault.api('LIST', 'secret/metadata');
    });

    const { verdicts } = readAll([text], { prefilter: false });

    expect(verdicts.filter(({ verdict }) => verdict === 'changed')).toMatchObject([{ path: 'secret/data/app' }]);
    expect(verdicts.filter(({ verdict }) => verdict === 'malformed')).toEqual([]);
  });

  test('with format=jsonx is not read: each line counts as what may hold a change', async () => {
    const text = await writtenBy({ format: 'jsonx' }, () =>
      vault.api('POST', 'secret/data/app', { data: { user: 'ada' } }),
    );

    const { verdicts } = readAll([text], { prefilter: true });

    expect(text).toContain('<json:object');
    expect(new Set(verdicts.map(({ reason }) => reason))).toEqual(new Set(['Jsonx']));
  });
});

async function* stream(text: string): AsyncGenerator<string> {
  yield text;
}

async function texts(responses: readonly Response[]): Promise<string> {
  return (await Promise.all(responses.map((response) => response.text()))).join('\n');
}
