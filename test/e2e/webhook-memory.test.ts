import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { type Program, startProgram } from '../program/start-program.ts';
import { auditLine } from '../webhook/entries.ts';

const loopback = { host: '127.0.0.1', port: 0 };
const token = 'a-token-of-a-sender';
/** V8's young space as it begins: twice 1 MB. */
const youngAtFirst = 2 * 1024 * 1024;

let redis: RedisPeer;
let folder: string;
const programs: Program[] = [];

beforeAll(async () => {
  redis = await startRedis();
  folder = await mkdtemp(join(tmpdir(), 'vss-manifests-'));
}, 300_000);

afterAll(async () => {
  await Promise.all(programs.map((program) => program.stop()));
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(more: Readonly<Record<string, unknown>>): Promise<Program> {
  const program = await startProgram({
    settings: {
      installation: 'memory',
      vaults: [{ name: 'main', address: 'http://127.0.0.1:1', auth: { method: 'token', token: 'none' } }],
      webhook: { http: loopback, tokens: [{ token }] },
      ops: loopback,
      ...more,
    },
  });
  programs.push(program);
  return program;
}

/** Posts some 40 MB of entries that change nothing. */
async function hearMuch(program: Program): Promise<void> {
  const body = auditLine({ path: 'secret/metadata/app', operation: 'list' }).repeat(10_000);
  for (let posted = 0; posted < 40e6; posted += body.length) {
    const response = await fetch(program.eventsUrl ?? '', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body,
    });
    expect(response.status).toBe(200);
  }
}

function youngSpace(program: Program): Promise<number> {
  return program.metric('nodejs_heap_space_size_total_bytes', { space: 'new' });
}

describe('the young space of the heap', () => {
  test('stays small in a process that only hears, so that little memory serves many bodies', async () => {
    const webhook = await start({ roles: ['webhook'], state: { redis: redis.url } });

    await hearMuch(webhook);

    expect(await youngSpace(webhook)).toBeLessThanOrEqual(youngAtFirst);
  }, 120_000);

  test('grows as usual in a process that drives too', async () => {
    const both = await start({
      fingerprintKey: 'a key for tests, and only for them',
      manifests: { directory: folder },
    });

    await hearMuch(both);

    expect(await youngSpace(both)).toBeGreaterThan(youngAtFirst);
  }, 120_000);
});
