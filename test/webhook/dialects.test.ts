import { afterEach, describe, expect, test } from '@jest/globals';
import { auditEntry, auditLine } from './entries.ts';
import { bearer, eventually, fakeClock, jobsOf, postEvents as post, startWorld, TOKEN, type World } from './fakes.ts';

let world: World;

afterEach(() => world.webhook.close(100));

const splunk = { Authorization: `Splunk ${TOKEN}` };
const event = JSON.stringify({ time: 1772366400, host: 'vault-0', event: auditEntry({ version: 3 }) });

describe('a sender to a Splunk HTTP Event Collector', () => {
  test.each([
    '/services/collector',
    '/services/collector/event',
    '/services/collector/event/1.0',
    '/services/collector/raw?channel=8c8c8c8c-0000-4000-8000-000000000001',
  ])('is heard at %s, and told so in the words it waits for', async (path) => {
    world = await startWorld();

    const response = await post(world, event, splunk, path);

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ text: 'Success', code: 0 });
    expect(world.state.added).toHaveLength(1);
  });

  test('needs its token', async () => {
    world = await startWorld();

    const response = await post(world, event, { Authorization: 'Splunk wrong' }, '/services/collector/event');

    expect(response.status).toBe(401);
    expect(world.state.added).toEqual([]);
  });

  test.each([
    { method: 'GET', path: '/services/collector/health' },
    { method: 'GET', path: '/services/collector/health/1.0' },
    { method: 'OPTIONS', path: '/services/collector/event/1.0' },
  ])('finds it there with $method $path', async ({ method, path }) => {
    world = await startWorld();

    const response = await fetch(`${world.url}${path}`, { method });

    expect(response.status).toBe(200);
  });

  test.each(['/services/collector/ack', '/services/collector/validate', '/services', '/services/collectors'])(
    'finds nothing at %s',
    async (path) => {
      world = await startWorld();

      const response = await post(world, event, splunk, path);

      expect(response.status).toBe(404);
      expect(world.state.added).toEqual([]);
    },
  );
});

describe('Amazon Data Firehose', () => {
  const requestId = 'ed4acda5-034f-9f42-bba1-f29aea6d7d8f';
  const data = Buffer.from(auditLine({ version: 3 })).toString('base64');
  const body = JSON.stringify({ requestId, timestamp: 1772366400000, records: [{ data }] });

  test('is heard with its access key, and told the id of its request', async () => {
    world = await startWorld();
    const headers = { 'X-Amz-Firehose-Request-Id': requestId, 'X-Amz-Firehose-Access-Key': TOKEN };

    const response = await post(world, body, headers);

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ requestId, timestamp: expect.any(Number) });
    expect(world.state.added).toHaveLength(1);
  });

  test('needs the right key', async () => {
    world = await startWorld();
    const headers = { 'X-Amz-Firehose-Request-Id': requestId, 'X-Amz-Firehose-Access-Key': 'wrong' };

    const response = await post(world, body, headers);

    expect(response.status).toBe(401);
  });
});

test.each([
  { sender: 'a sender to a collector', body: event, headers: splunk, path: '/services/collector/event' },
  {
    sender: 'Firehose',
    body: JSON.stringify({ requestId: 'a', records: [{ data: Buffer.from(auditLine()).toString('base64') }] }),
    headers: { 'X-Amz-Firehose-Request-Id': 'a', 'X-Amz-Firehose-Access-Key': TOKEN },
    path: '/events',
  },
])('$sender is told to come back while the queue is away, and its Vault is reconciled', async (row) => {
  const clock = fakeClock(Date.now());
  world = await startWorld({ clock });
  await clock.advance(300_000);
  world.state.mode = 'refusing';

  const response = await post(world, row.body, row.headers, row.path);
  world.state.mode = 'up';
  await clock.advance(2_000);
  await eventually(() => world.state.added.length > 0, 'the reconcile');

  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('2');
  expect(jobsOf(world.state.added)).toEqual(['mount main  ']);
});

describe('every other sender', () => {
  test('gets an empty 200: OpenBao would not use the connection again after any body', async () => {
    world = await startWorld();

    const response = await post(world, auditLine(), bearer);

    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('0');
    expect(await response.text()).toBe('');
  });
});
