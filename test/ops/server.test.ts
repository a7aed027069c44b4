import { afterEach, expect, test } from '@jest/globals';
import { createMetrics } from '../../src/metrics.ts';
import { type OpsServer, type Readiness, startOpsServer } from '../../src/ops/server.ts';

let server: OpsServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

async function start(readiness: Readiness): Promise<string> {
  const { registry } = createMetrics({ withProcess: false });
  server = await startOpsServer({ host: '127.0.0.1', port: 0, registry, readiness });
  return server.address;
}

async function get(url: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(url, { headers: { connection: 'close' } });
  return { status: answer.status, text: await answer.text() };
}

test('/healthz says that the process answers, whatever else is wrong', async () => {
  const address = await start(() => ({ state: 'away' }));

  expect(await get(`${address}/healthz`)).toEqual({ status: 200, text: 'ok\n' });
});

test('/readyz is 200 when every part is ready', async () => {
  const address = await start(() => ({ state: null, webhook: null }));

  const { status, text } = await get(`${address}/readyz`);

  expect(status).toBe(200);
  expect(JSON.parse(text)).toEqual({ ready: true, parts: { state: 'ok', webhook: 'ok' } });
});

test('/readyz is 503 and says which part is not ready, and why', async () => {
  const address = await start(async () => ({ state: null, operator: 'manifests are not listed yet' }));

  const { status, text } = await get(`${address}/readyz`);

  expect(status).toBe(503);
  expect(JSON.parse(text)).toEqual({ ready: false, parts: { state: 'ok', operator: 'manifests are not listed yet' } });
});

test('/metrics has the counters and the histogram that the reference promises', async () => {
  const address = await start(() => ({}));

  const { status, text } = await get(`${address}/metrics`);

  expect(status).toBe(200);
  for (const name of ['audit_entries_total', 'jobs_total', 'copies_total', 'change_to_copy_seconds']) {
    expect(text).toContain(`# TYPE vss_${name}`);
  }
});

test('anything else is 404 and says what is known', async () => {
  const address = await start(() => ({}));

  expect(await get(`${address}/secrets`)).toEqual({ status: 404, text: 'known here: /healthz /readyz /metrics\n' });
});
