import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
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
}, 600_000);

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

async function post(program: Program, body: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(program.eventsUrl ?? '', { method: 'POST', headers, body })).status;
}

/** The most memory that a process ever had, in MB, as Linux tells. */
async function mostMegabytes(program: Program): Promise<number> {
  const status = await readFile(`/proc/${program.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1_000;
}

/** Posts some 40 MB of entries that change nothing. */
async function hearMuch(program: Program): Promise<void> {
  const body = auditLine({ path: 'secret/metadata/app', operation: 'list' }).repeat(10_000);
  for (let posted = 0; posted < 40e6; posted += body.length) {
    expect(await post(program, body)).toBe(200);
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
  });

  test('grows as usual in a process that drives too', async () => {
    const both = await start({
      fingerprintKey: 'a key for tests, and only for them',
      manifests: { directory: folder },
    });

    await hearMuch(both);

    expect(await youngSpace(both)).toBeGreaterThan(youngAtFirst);
  });
});

const names = Array.from({ length: 2_400_000 }, (_, index) => `"k${index}":1`).join();
const onLinux = existsSync('/proc/self/status') ? describe : describe.skip;

onLinux('the memory of a process that hears', () => {
  test.each([
    { what: 'a line of 2.4 million names', body: `{"type":"response",${names}}\n` },
    { what: 'a line of 16 million numbers', body: `{"type":"response","a":[${'1,'.repeat(16_000_000)}1]}\n` },
    {
      what: 'a line of a million objects',
      body: `{"type":"response","a":[${'{"a":1,"b":2,"c":3},'.repeat(990_000)}1]}\n`,
    },
    { what: '30 MB of garbage', body: `${'"\\x{'.repeat(7_500_000)}\n` },
  ])('grows by little for $what, and another sender is heard meanwhile', async ({ body }) => {
    const webhook = await start({ roles: ['webhook'], state: { redis: redis.url } });
    const before = await mostMegabytes(webhook);

    const dear = post(webhook, body);
    const served = await post(webhook, auditLine({ operation: 'read' }));
    const status = await dear;
    const grownBy = (await mostMegabytes(webhook)) - before;

    expect([served, status]).toEqual([200, 200]);
    expect(grownBy).toBeLessThan(200);
  });
});
