import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import WebSocket from 'ws';
import { type Happening, notificationOf } from './vault-events/notifications.ts';
import { mayHear, maySubscribe, type Subscription } from './vault-events/policies.ts';

describe('who hears what', () => {
  const token = { read: ['kv*'], subscribe: ['secret/*', 'team/secret/app'] };
  const wanted: Subscription = { kinds: 'kv*', namespace: '', below: ['*'] };
  const hears = (happening: Happening, subscription = wanted) =>
    mayHear(token, subscription, notificationOf(happening));

  test('is told by the kinds and namespaces that were asked for', () => {
    const write = { type: 'kv-v2/data-write', name: 'app' };

    expect(hears(write)).toBe(true);
    expect(hears(write, { ...wanted, kinds: 'kv-v1*' })).toBe(false);
    expect(hears({ ...write, namespace: 'other' }, { ...wanted, below: [] })).toBe(false);
  });

  test('is told by the paths that the token may hear of', () => {
    expect(hears({ type: 'kv-v2/data-write', mount: 'other', name: 'app' })).toBe(false);
    expect(hears({ type: 'kv-v1/write', namespace: 'team', name: 'app' })).toBe(true);
    expect(hears({ type: 'kv-v1/write', namespace: 'team', name: 'app2' })).toBe(false);
  });

  test('needs the right to subscribe to these kinds', () => {
    expect(maySubscribe(token, wanted)).toBe(true);
    expect(maySubscribe(token, { ...wanted, kinds: '*' })).toBe(false);
  });
});

describe('a notification', () => {
  // From the callers of kvEvent in vault-plugin-secrets-kv 0.25.0.
  test.each([
    ['kv-v1/write', 'secret/app', 'secret/app', undefined],
    ['kv-v1/delete', 'secret/app', undefined, undefined],
    ['kv-v2/config-write', 'secret/config', 'secret/config', undefined],
    ['kv-v2/data-write', 'secret/data/app', 'secret/data/app', '2'],
    ['kv-v2/data-patch', 'secret/data/app', 'secret/data/app', '2'],
    ['kv-v2/data-delete', 'secret/data/app', undefined, '2'],
    ['kv-v2/undelete', 'secret/undelete/app', 'secret/data/app', '2'],
    ['kv-v2/delete', 'secret/delete/app', undefined, '2'],
    ['kv-v2/destroy', 'secret/destroy/app', undefined, '2'],
    ['kv-v2/metadata-write', 'secret/metadata/app', 'secret/metadata/app', undefined],
    ['kv-v2/metadata-patch', 'secret/metadata/app', 'secret/metadata/app', undefined],
    ['kv-v2/metadata-delete', 'secret/metadata/app', undefined, undefined],
  ])('of %s has the path %s, what can be read there, and the version', (type, path, dataPath, version) => {
    const { metadata } = notificationOf({ type, name: 'app', version: 2 }).data.event;

    expect([metadata['path'], metadata['data_path'], metadata['current_version']]).toEqual([path, dataPath, version]);
  });
});

test('the program does as it is told at its admin port, and ends with its parent', async () => {
  const main = fileURLToPath(new URL('vault-events/main.ts', import.meta.url));
  const program = spawn(process.execPath, [main, '--token', 'mine', '--until-stdin-ends'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(program.stdout, 'data')) as [Buffer];
  const { address, adminUrl } = JSON.parse(line.toString()) as { address: string; adminUrl: string };
  const tell = async (path: string, body: string) =>
    (await fetch(`${adminUrl}${path}`, { method: 'POST', body })).status;
  const url = `${address.replace('http', 'ws')}/v1/sys/events/subscribe/kv*?json=true`;
  const socket = new WebSocket(url, { headers: { 'X-Vault-Token': 'mine' } });
  await once(socket, 'open');
  const heard = once(socket, 'message');
  const closed = once(socket, 'close');

  const told = [
    await tell('/happen', '{"type": "kv-v2/data-write", "name": "app"}'),
    await tell('/happen', 'no JSON'),
    await tell('/nothing', ''),
  ];
  const [message] = (await heard) as [Buffer];
  const { connections } = (await (await fetch(adminUrl)).json()) as { connections: number };
  await tell('/drop', '');
  await closed;
  program.stdin.end();
  const [code] = await once(program, 'close');

  expect(told).toEqual([200, 400, 404]);
  expect(JSON.parse(message.toString())).toMatchObject({ data: { event_type: 'kv-v2/data-write' } });
  expect([connections, code]).toEqual([1, 0]);
});
