import { afterEach, describe, expect, test } from '@jest/globals';
import { auditEntry, auditLine } from './entries.ts';
import {
  bearer,
  fakeState,
  type Headers,
  interestIn,
  postEvents as post,
  startWorld,
  TOKEN,
  type World,
} from './fakes.ts';

const worlds: World[] = [];

async function start(options: Parameters<typeof startWorld>[0] = {}): Promise<World> {
  const world = await startWorld(options);
  worlds.push(world);
  return world;
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.webhook.close(100);
});

describe('tokens', () => {
  const tokens = [{ token: 'old-token' }, { token: 'new-token' }];

  test.each([
    { what: 'the old one as bearer', headers: { Authorization: 'Bearer old-token' } },
    { what: 'the new one as bearer', headers: { Authorization: 'bearer new-token' } },
    { what: 'one in the header of ours', headers: { 'X-Vault-Secret-Sync-Token': 'new-token' } },
    {
      what: "one in our header beside a proxy's own authorization",
      headers: { Authorization: 'Basic eDp5', 'X-Vault-Secret-Sync-Token': 'old-token' },
    },
  ])('let in a sender with $what', async ({ headers }) => {
    const world = await start({ settings: { tokens } });

    const response = await post(world, auditLine(), headers as Headers);

    expect(response.status).toBe(200);
    expect(world.state.added).toHaveLength(1);
  });

  test.each([
    { what: 'none', headers: {} },
    { what: 'a wrong one', headers: { Authorization: 'Bearer wrong-token' } },
    { what: 'the beginning of one', headers: { Authorization: 'Bearer old-toke' } },
    { what: 'an empty one', headers: { 'X-Vault-Secret-Sync-Token': '' } },
  ])('keep out a sender with $what, and never log what was sent', async ({ headers }) => {
    const world = await start({ settings: { tokens } });

    const response = await post(world, auditLine(), headers as Headers);

    expect(response.status).toBe(401);
    expect(world.state.added).toEqual([]);
    expect(await world.count('ingestRefused', { reason: 'unauthorized' })).toBe(1);
    expect(world.logged.join('')).not.toMatch(/wrong-token|old-toke|new-token/);
  });

  test('are logged as missing once a minute, not for each request', async () => {
    const world = await start();

    for (let times = 0; times < 5; times++) await post(world, auditLine(), {});

    expect(world.logged.filter((line) => line.includes('no valid token'))).toHaveLength(1);
  });

  test('must be there, or the settings must say that none is wanted', async () => {
    await expect(startWorld({ settings: { tokens: [] } })).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining('webhook.allowUnauthenticated: true'),
    });
  });

  test('are not needed when the settings say so', async () => {
    const world = await start({ settings: { tokens: [], allowUnauthenticated: true } });

    const response = await post(world, auditLine(), {});

    expect(response.status).toBe(200);
    expect(world.state.added).toHaveLength(1);
  });
});

describe('which Vault', () => {
  const settings = {
    vaults: [
      { name: 'main', address: 'https://vault.example.com:8200', aliases: ['https://vault.internal'] },
      { name: 'other', address: 'https://other.example.com', aliases: [] },
    ],
    tokens: [{ token: TOKEN }, { token: 'token-of-main', vault: 'main' }],
  };
  const ofMain = { Authorization: 'Bearer token-of-main' };
  const state = () => fakeState(interestIn([{}, { vault: 'other' }], {}));

  test.each([
    { by: 'the path', path: '/events/other', headers: bearer, vault: 'other' },
    { by: 'the path before the header', path: '/events/other', headers: tenant(bearer, 'main'), vault: 'other' },
    { by: "the credential's Vault", path: '/events', headers: ofMain, vault: 'main' },
    { by: 'the header with a name', path: '/events', headers: tenant(bearer, 'other'), vault: 'other' },
    {
      by: 'the header with an address',
      path: '/events',
      headers: tenant(bearer, 'https://OTHER.example.com/'),
      vault: 'other',
    },
    {
      by: 'the header with an alias',
      path: '/events',
      headers: tenant(bearer, 'https://vault.internal'),
      vault: 'main',
    },
  ])('is told by $by', async ({ path, headers, vault }) => {
    const world = await start({ settings, state: state() });

    const response = await post(world, auditLine({ version: 1 }), headers, path);

    expect(response.status).toBe(200);
    expect(world.state.added.at(-1)?.job).toMatchObject({ kind: 'path', vault });
  });

  test.each([
    { what: 'path', path: '/events/other', headers: ofMain },
    { what: 'header', path: '/events', headers: tenant(ofMain, 'https://other.example.com') },
  ])('is refused with 403 when the $what names another than the credential', async ({ path, headers }) => {
    const world = await start({ settings, state: state() });

    const response = await post(world, auditLine(), headers, path);

    expect(response.status).toBe(403);
    expect(await world.count('ingestRefused', { reason: 'forbidden' })).toBe(1);
  });

  test.each([
    { what: 'an unknown name in the path', path: '/events/third', headers: bearer },
    { what: 'an unknown header', path: '/events', headers: tenant(bearer, 'https://third.example.com') },
    { what: 'nothing at all', path: '/events', headers: bearer },
  ])('is unknown with $what: counted, and answered 200', async ({ path, headers }) => {
    const world = await start({ settings, state: state() });

    const response = await post(world, auditLine(), headers, path);

    expect(response.status).toBe(200);
    expect(await world.count('ingestRefused', { reason: 'unknownVault' })).toBe(1);
    expect(world.state.added.filter(({ job }) => job.kind === 'path')).toEqual([]);
  });

  test('is the only one there is', async () => {
    const world = await start();

    await post(world, auditLine());

    expect(world.state.added[0]?.job).toMatchObject({ vault: 'main' });
  });

  test('must be known where a listener or token is bound to it', async () => {
    const bound = startWorld({ settings: { tokens: [{ token: 'x', vault: 'third' }] } });

    await expect(bound).rejects.toThrow('webhook.tokens names the Vault "third"');
  });
});

test('no value, token or accessor of a raw audit line leaves the webhook', async () => {
  const world = await start({ state: fakeState(null) });
  const canaries = ['hvs.CANARY', 'ACCESSOR-CANARY', 'VALUE-CANARY', 'WRAP-CANARY', 'HEADER-CANARY'];
  const secret = { password: 'VALUE-CANARY', nested: [{ 'VALUE-CANARY': 'VALUE-CANARY' }] };
  const entry = auditEntry({ requestData: { data: secret }, data: { data: secret, version: 3 } });
  const raw = {
    ...entry,
    auth: { client_token: 'hvs.CANARY', accessor: 'ACCESSOR-CANARY', metadata: secret },
    request: {
      ...(entry['request'] as object),
      client_token: 'hvs.CANARY',
      client_token_accessor: 'ACCESSOR-CANARY',
      headers: { 'x-vault-sync': ['HEADER-CANARY'] },
    },
    response: {
      ...(entry['response'] as object),
      wrap_info: { token: 'WRAP-CANARY' },
      auth: { client_token: 'hvs.CANARY' },
    },
  };
  const line = JSON.stringify(raw);
  world.state.mode = 'refusing';

  await post(world, `${line}\n${line.slice(0, -5)}\nVALUE-CANARY\n{"VALUE-CANARY":\n`);
  world.state.mode = 'up';
  await post(world, `${line}\n`);

  const metrics = await world.metrics.registry.metrics();
  const seen = [JSON.stringify(world.state.added), world.logged.join('\n'), metrics].join('\n');
  expect(world.state.added.length).toBeGreaterThan(0);
  expect(world.logged.length).toBeGreaterThan(0);
  for (const canary of canaries) expect(seen).not.toContain(canary);
});

function tenant(headers: Headers, name: string): Headers {
  return { ...headers, 'X-Vault-Tenant': name };
}
