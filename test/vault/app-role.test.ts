import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type FaultProxy, startFaultProxy } from '../peers/fault-proxy.ts';
import { eventually } from '../peers/processes.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { createAppRole, pick, revokeTokensOf, tokensOf } from './logins.ts';
import { calm, canary, createReaders, listen, must } from './world.ts';

const ear = listen();
const readers = createReaders(ear);
const credentials: string[] = [];
let vault: VaultPeer;
let proxy: FaultProxy;

beforeAll(async () => {
  vault = await startVault();
  proxy = await startFaultProxy({ upstream: vault.address });
  await must(vault, 'POST', 'sys/auth/approle', { type: 'approle' });
  await must(vault, 'POST', 'sys/auth/team/roles', { type: 'approle' });
  await must(vault, 'POST', 'sys/policies/acl/reader', {
    policy: 'path "secret/data/app" { capabilities = ["read"] }',
  });
  await must(vault, 'POST', 'secret/data/app', { data: { user: canary } });
  await must(vault, 'POST', 'secret/data/forbidden', { data: { user: canary } });
});
afterEach(async () => {
  proxy.clear();
  await readers.closeAll();
});
afterAll(async () => {
  await proxy?.stop();
  await vault?.stop();
});

const app = { namespace: '', mount: 'secret', name: 'app' };

async function open(role: string, more: { ttl?: string; maxTtl?: string; type?: 'batch'; mount?: string } = {}) {
  const auth = await createAppRole(vault, { mount: 'approle', role, ...more });
  credentials.push(auth.roleId, String(await auth.secretId()));
  return readers.open({ address: proxy.url, auth });
}

describe('an AppRole', () => {
  test('logs in once for however many reads at once, and not again', async () => {
    const { reader, requests } = await open('once');

    await Promise.all(Array.from({ length: 10 }, () => reader.read(app, calm)));
    await reader.read(app, calm);

    expect(requests.filter((operation) => operation === 'login')).toHaveLength(1);
    expect(requests).toHaveLength(1 + 1 + 11);
    await reader.check(calm);
  });

  test('logs in at a method enabled elsewhere', async () => {
    const { reader } = await open('elsewhere', { mount: 'team/roles' });

    expect(await reader.read(app, calm)).toMatchObject({ found: true });
  });

  test('leaves no token behind when the reader is closed', async () => {
    const { reader } = await open('tidy');
    await reader.read(app, calm);
    const before = await tokensOf(vault, 'tidy');

    await reader.close();

    expect(before).toHaveLength(1);
    expect(await tokensOf(vault, 'tidy')).toEqual([]);
  });

  test('leaves no token behind when the reader is closed while it logs in', async () => {
    const { reader, requests } = await open('hasty');
    proxy.inject({ fault: { kind: 'delay', ms: 2_000 }, when: ({ path }) => path.endsWith('/login') });
    proxy.forget();

    const reading = ear.refusal(reader.read(app, calm));
    await eventually(() => proxy.count() === 1, { what: 'the login' });
    await reader.close();

    expect(await reading).toMatchObject({ remedy: 'Retry' });
    expect(requests).toEqual(['login', 'revoke']);
    expect(proxy.requests.map(({ status }) => status)).toEqual([200, 204]);
    expect(await tokensOf(vault, 'hasty')).toEqual([]);
  });

  test('logs in again, once, when its token was revoked', async () => {
    const { reader, requests } = await open('revoked');
    await reader.read(app, calm);
    await revokeTokensOf(vault, 'revoked');
    requests.length = 0;

    const reads = await Promise.all(Array.from({ length: 5 }, () => reader.read(app, calm)));

    expect(reads).toEqual(Array.from({ length: 5 }, () => expect.objectContaining({ found: true })));
    expect(requests.filter((operation) => operation === 'login')).toHaveLength(1);
  });

  test('uses the new token where an answer to the old one comes late', async () => {
    const { reader, requests } = await open('late');
    await reader.read(app, calm);
    await revokeTokensOf(vault, 'late');
    proxy.inject({ fault: { kind: 'delay', ms: 300 }, when: ({ path }) => path.endsWith('/app'), times: 1 });
    proxy.forget();

    const late = reader.read(app, calm);
    await eventually(() => proxy.count() === 1, { what: 'the read that is held up' });
    await reader.read(app, calm);

    expect(await late).toMatchObject({ found: true });
    expect(requests.filter((operation) => operation === 'login')).toHaveLength(2);
  });

  test('does not log in again for what its policy lacks, and says what to grant', async () => {
    const { reader, requests } = await open('lacking');
    await reader.read(app, calm);
    requests.length = 0;

    const refusal = await ear.refusal(reader.read({ ...app, name: 'forbidden' }, calm));

    expect(refusal).toMatchObject({ remedy: 'SlowRetry', reason: 'PermissionDenied', code: '403' });
    expect(refusal.message).toContain('grant "read" on "secret/data/forbidden"');
    expect(requests).toEqual(['read']);
  });

  test('gets rights that its role was given later, by a new login once its token is a minute old', async () => {
    const auth = await createAppRole(vault, { mount: 'approle', role: 'promoted' });
    let clock = Date.now();
    const { reader, requests } = readers.open({ address: proxy.url, auth, now: () => clock });
    await reader.read(app, calm);
    await must(vault, 'POST', 'sys/policies/acl/more', { policy: 'path "secret/data/*" { capabilities = ["read"] }' });
    await must(vault, 'POST', 'auth/approle/role/promoted', { token_policies: 'more' });
    clock += 61_000;
    requests.length = 0;

    const read = await reader.read({ ...app, name: 'forbidden' }, calm);

    expect(read).toMatchObject({ found: true });
    expect(requests.slice(0, 3)).toEqual(['read', 'login', expect.stringMatching(/revoke|read/)]);
    await eventually(async () => (await tokensOf(vault, 'promoted')).length === 1, { what: 'the old token revoked' });
  });

  test('is refused with what to check when its secret id is wrong, and does not knock again at once', async () => {
    const auth = await createAppRole(vault, { mount: 'approle', role: 'mistaken' });
    const { reader, requests } = readers.open({ address: proxy.url, auth: { ...auth, secretId: () => 'wrong-4411' } });

    const first = await ear.refusal(reader.read(app, calm));
    const second = await ear.refusal(reader.read(app, calm));

    expect(first).toMatchObject({ remedy: 'SlowRetry', reason: 'LoginRefused' });
    expect(first.message).toContain('secret id');
    expect(second).toBe(first);
    expect(requests).toEqual(['login']);
    credentials.push('wrong-4411');
  });

  test('is refused without a request when its secret id cannot be read', async () => {
    const auth = await createAppRole(vault, { mount: 'approle', role: 'unreadable' });
    const secretId = () => Promise.reject(Object.assign(new Error(canary), { code: 'ENOENT' }));
    const { reader, requests } = readers.open({ address: proxy.url, auth: { ...auth, secretId } });

    const refusal = await ear.refusal(reader.read(app, calm));

    expect(refusal).toMatchObject({ remedy: 'SlowRetry', reason: 'CredentialUnusable' });
    expect(refusal.message).toContain('ENOENT');
    expect(requests).toEqual([]);
  });
});

describe('a token with a short life', () => {
  const count = (requests: readonly string[], wanted: string) => requests.filter((each) => each === wanted).length;

  test('is renewed, without reads and without a new login', async () => {
    const { reader, requests } = await open('renewed', { ttl: '4s', maxTtl: '1h' });
    await reader.read(app, calm);
    const [accessor] = await tokensOf(vault, 'renewed');

    await eventually(() => count(requests, 'renew') >= 2, { what: 'two renewals' });
    await reader.read(app, calm);

    expect(count(requests, 'login')).toBe(1);
    expect(await tokensOf(vault, 'renewed')).toEqual([accessor]);
  });

  test('is replaced by a new login before its maximum is reached, so that no read is refused', async () => {
    const { reader, requests } = await open('maximum', { ttl: '4s', maxTtl: '6s' });
    await reader.read(app, calm);
    proxy.forget();

    await eventually(() => count(requests, 'login') >= 3, { what: 'two more logins' });
    await reader.read(app, calm);

    expect(count(requests, 'renew')).toBeGreaterThan(0);
    expect(proxy.count(({ status }) => status === 403)).toBe(0);
  });

  test('is replaced by a new login when it cannot be renewed', async () => {
    const { reader, requests } = await open('batch', { ttl: '2s', type: 'batch' });
    await reader.read(app, calm);

    await eventually(() => count(requests, 'login') >= 2, { what: 'a second login' });

    expect(await reader.read(app, calm)).toMatchObject({ found: true });
    expect(count(requests, 'renew')).toBe(0);
  });

  test('is renewed in the end when Vault fails for a while', async () => {
    const { reader, requests } = await open('patient', { ttl: '6s', maxTtl: '1h' });
    await reader.read(app, calm);
    const saidBefore = ear.said.length;
    const isRenewal = ({ path }: { path: string }) => path.endsWith('/renew-self');
    proxy.inject({ fault: { kind: 'status', status: 500 }, when: isRenewal, times: 1 });
    proxy.inject({ fault: { kind: 'disconnect' }, when: isRenewal, times: 1 });
    proxy.forget();

    await eventually(() => proxy.count((seen) => isRenewal(seen) && seen.status === 200) === 1, { what: 'a renewal' });

    expect(count(requests, 'login')).toBe(1);
    expect(count(requests, 'renew')).toBe(3);
    expect(ear.said.slice(saidBefore).filter((line) => line.includes('could not be renewed'))).toHaveLength(2);
  });

  test('is replaced by a new login when it was revoked before its renewal', async () => {
    const { reader, requests } = await open('caught', { ttl: '2s', maxTtl: '1h' });
    await reader.read(app, calm);
    await revokeTokensOf(vault, 'caught');

    await eventually(() => count(requests, 'login') >= 2, { what: 'a second login' });

    // The login is seen before Vault has made the token of it.
    await eventually(async () => (await tokensOf(vault, 'caught')).length === 1, {
      what: 'the new token, and only it',
    });
  });
});

describe('a token that is given', () => {
  test('is read again when Vault refuses it, and the read goes on with the new one', async () => {
    const made = await must(vault, 'POST', 'auth/token/create', { policies: ['reader'] });
    const token = String(pick(made, 'auth', 'client_token'));
    credentials.push(token);
    const tokens = ['revoked-long-ago', `${token}\n`];
    const { reader, requests } = readers.open({
      address: proxy.url,
      auth: { method: 'token', token: () => tokens.shift() ?? token },
    });

    const read = await reader.read(app, calm);

    expect(read).toMatchObject({ found: true });
    expect(requests).toEqual(['mount', 'mount', 'read']);
  });

  test('is read again when it is ten seconds old', async () => {
    let clock = 0;
    let asked = 0;
    const token = () => {
      asked += 1;
      return 'root';
    };
    const { reader } = readers.open({ address: proxy.url, auth: { method: 'token', token }, now: () => clock });
    await reader.read(app, calm);
    await reader.read(app, calm);
    const askedWhileFresh = asked;

    clock += 10_000;
    await reader.read(app, calm);

    expect([askedWhileFresh, asked]).toEqual([1, 2]);
  });

  test('is not logged in for, nor tried twice, when Vault refuses it', async () => {
    const { reader, requests } = readers.open({
      address: proxy.url,
      auth: { method: 'token', token: () => 'bad-7731' },
    });
    credentials.push('bad-7731');

    const refusal = await ear.refusal(reader.read(app, calm));
    const check = await ear.refusal(reader.check(calm));

    expect(refusal).toMatchObject({ remedy: 'SlowRetry', reason: 'TokenInvalid' });
    expect(check).toMatchObject({ remedy: 'SlowRetry', reason: 'TokenInvalid' });
    expect(requests).toEqual(['mount', 'check']);
  });

  test.each(['', ' \n', 'two words', `line\nbreak`])('is refused without a request when it is %j', async (token) => {
    const { reader, requests } = readers.open({ address: proxy.url, auth: { method: 'token', token: () => token } });

    const refusal = await ear.refusal(reader.read(app, calm));

    expect(refusal).toMatchObject({ remedy: 'SlowRetry', reason: 'CredentialUnusable' });
    expect(requests).toEqual([]);
  });

  test('is never revoked', async () => {
    const { reader } = readers.open({ address: vault.address });
    await reader.read(app, calm);

    await reader.close();

    expect((await vault.api('GET', 'auth/token/lookup-self')).status).toBe(200);
  });
});

test('no value and no credential was logged or thrown', () => {
  expect(credentials.length).toBeGreaterThan(10);
  ear.expectNoSecretsIn([...credentials, 'hvs.', 'hvb.']);
});
