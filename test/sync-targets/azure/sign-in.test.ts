import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createCredential } from '../../../src/sync-targets/azure/credential.ts';
import { type AzureSettings, azure } from '../../../src/sync-targets/azure/index.ts';
import type { Target } from '../../../src/sync-targets/contract.ts';
import { type AzureKeyVaultStandIn, startAzureKeyVault } from '../../stand-ins/azure-key-vault/start.ts';
import {
  canary,
  createContext,
  createManualClock,
  desire,
  everythingAbout,
  type ManualClock,
} from '../conformance/under-test.ts';
import { settingsFor } from './under-test.ts';

let standIn: AzureKeyVaultStandIn;
let folder: string;
let clock: ManualClock;
let opened: Target[];

beforeAll(async () => {
  standIn = await startAzureKeyVault({ assertionSubject: 'system:serviceaccount:vss:operator' });
  folder = await mkdtemp(join(tmpdir(), 'azure-sign-in-'));
});

afterAll(async () => {
  await standIn.stop();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  opened = [];
  clock = createManualClock(Date.now());
  await standIn.clearRequests();
});

afterEach(async () => {
  for (const target of opened) await target.close?.();
  await standIn.clearFaults();
});

function open(changes: Partial<AzureSettings> = {}, home = standIn): Target {
  const settings = { ...settingsFor(home), ...changes };
  const target = azure.open({ azure: { vaultUrl: home.vaultUrl } }, createContext({ settings, clock, errors: [] }));
  opened.push(target);
  return target;
}

function write(target: Target, name: string) {
  const desired = desire({ name, value: 'x', owner: '0'.repeat(32), destination: { azure: { vaultName: 'any' } } });
  return target.write(desired, { kind: 'absent' }, AbortSignal.timeout(100_000));
}

async function countSignIns(): Promise<number> {
  return (await standIn.requests()).filter(({ operation }) => operation === 'GetToken').length;
}

/** A token as the cluster projects it; the stand-in checks no signature. */
function federatedToken(subject: string, lifetimeSeconds = 3600): string {
  const exp = Math.floor(Date.now() / 1000) + lifetimeSeconds;
  const claims = { sub: subject, aud: ['api://AzureADTokenExchange'], exp };
  return ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'signature'].join('.');
}

describe('signing in', () => {
  test('happens once for many calls that begin at the same time, each of which arrives whole', async () => {
    const target = open();
    const names = Array.from({ length: 8 }, (_, index) => `at-once-${index}`);

    await Promise.all(names.map((name) => write(target, name)));

    expect(await countSignIns()).toBe(1);
    expect((await standIn.requests()).filter(({ status }) => status !== 200)).toEqual([]);
  });

  test('happens again before the token ends, and not before', async () => {
    const target = open();
    await write(target, 'renewed');
    clock.advance(54 * 60_000);
    await write(target, 'renewed');
    const before = await countSignIns();
    clock.advance(2 * 60_000);

    await write(target, 'renewed');

    expect([before, await countSignIns()]).toEqual([1, 2]);
  });

  test('that fails while the token still holds leaves it in use', async () => {
    const target = open();
    await write(target, 'held');
    clock.advance(56 * 60_000);
    await standIn.fault({ kind: 'error', operation: 'GetToken', status: 503 });

    await write(target, 'held');
    await write(target, 'held');

    expect(await countSignIns()).toBe(2);
  });

  test('happens anew when the vault takes the token no more', async () => {
    const target = open();
    await write(target, 'revoked');
    await standIn.revokeTokens();

    await write(target, 'revoked');

    expect(await countSignIns()).toBe(2);
  });

  test('does not happen for each call to a vault that takes no token of ours', async () => {
    const target = open();
    await standIn.fault({ kind: 'error', status: 401, operation: 'SetSecret' });
    const refused = { remedy: 'SlowRetry', reason: 'Unauthenticated' };
    for (let index = 0; index < 5; index += 1) await expect(write(target, 'refused')).rejects.toMatchObject(refused);
    const soon = await countSignIns();
    clock.advance(31_000);

    // The first throws it away, and the second has another.
    for (let index = 0; index < 5; index += 1) await expect(write(target, 'refused')).rejects.toMatchObject(refused);

    expect([soon, await countSignIns()]).toEqual([1, 2]);
  });

  test('by workload identity reads its file each time', async () => {
    const federatedTokenFile = join(folder, 'token');
    await writeFile(federatedTokenFile, `${federatedToken('system:serviceaccount:other:operator')}\n`);
    const target = open({ federatedTokenFile });
    await expect(write(target, 'federated')).rejects.toMatchObject({ remedy: 'SlowRetry', code: 'AADSTS700213' });
    await writeFile(federatedTokenFile, `${federatedToken('system:serviceaccount:vss:operator')}\n`);

    await write(target, 'federated');

    expect((await standIn.secret('federated'))?.value).toBe('x');
  });

  test('takes the client secret from a file', async () => {
    const clientSecretFile = join(folder, 'secret');
    await writeFile(clientSecretFile, `${standIn.clientSecret}\n`);

    await write(open({ clientSecretFile, clientSecret: 'wrong' }), 'by-file');

    expect((await standIn.secret('by-file'))?.value).toBe('x');
  });
});

describe('a file with the client secret', () => {
  test('that is replaced is signed in with at the next call, and not before', async () => {
    const clientSecretFile = join(folder, 'rotated');
    await writeFile(clientSecretFile, 'first');
    await standIn.register('rotating', { clientSecret: 'first' });
    const target = open({ clientId: 'rotating', clientSecretFile });
    await write(target, 'rotated');
    await write(target, 'rotated');
    const before = await countSignIns();

    await standIn.register('rotating', { clientSecret: 'second' });
    await writeFile(clientSecretFile, 'second');
    await write(target, 'rotated');
    await write(target, 'rotated');

    expect([before, await countSignIns()]).toEqual([1, 2]);
  });
});

describe('a sign-in that fails', () => {
  test('for a wrong secret is retried slowly, with the code of Entra ID and without the secret', async () => {
    const target = open({ clientSecret: 'canary-of-a-secret' });

    const error = await write(target, 'refused').catch((caught: unknown) => caught);

    expect(error).toMatchObject({ remedy: 'SlowRetry', reason: 'SignInRefused', code: 'AADSTS7000215' });
    expect(everythingAbout(error)).not.toContain('canary-of-a-secret');
  });

  test.each([
    ['no client', { clientId: undefined }],
    ['no secret', { clientSecret: undefined }],
    ['no file', { clientSecretFile: '/nowhere/secret' }],
  ])('for %s is retried slowly and names the setting', async (_what, changes) => {
    const settings = Object.fromEntries(
      Object.entries({ ...settingsFor(standIn), ...changes }).filter(([, value]) => value !== undefined),
    ) as unknown as AzureSettings;
    const context = createContext({ settings, clock, errors: [] });
    const target = azure.open({ azure: { vaultUrl: standIn.vaultUrl } }, context);
    opened.push(target);

    const error = await write(target, 'refused').catch((caught: unknown) => caught);

    expect(error).toMatchObject({ remedy: 'SlowRetry', reason: 'NoCredentials' });
    expect(error).toMatchObject({ message: expect.stringContaining('stores.azure.') });
  });

  test('for a broken endpoint is retried', async () => {
    await standIn.fault({ kind: 'error', operation: 'GetToken', status: 503 });

    await expect(write(open(), 'broken')).rejects.toMatchObject({ remedy: 'Retry', reason: 'SignInFailed' });
  });

  test('for a throttling endpoint waits as long as it says', async () => {
    await standIn.fault({ kind: 'throttle', operation: 'GetToken', retryAfterSeconds: 7 });

    await expect(write(open(), 'throttled')).rejects.toMatchObject({ remedy: 'RateLimited', retryAfterMs: 7_000 });
  });

  test('for an endpoint that cannot be reached, or trusted, tells the code and not the proof', async () => {
    const unreachable = open({ authorityHost: 'https://localhost:1', clientSecret: 'canary-of-a-secret' });

    const error = await write(unreachable, 'unreachable').catch((caught: unknown) => caught);

    expect(error).toMatchObject({ remedy: 'Retry', reason: 'SignInUnreachable', code: 'ECONNREFUSED' });
    expect(everythingAbout(error)).not.toContain('canary-of-a-secret');
  });

  test('because the vault takes no token of ours is retried slowly', async () => {
    const home = await startAzureKeyVault({ tokenLifetimeSeconds: 0 });
    try {
      await expect(write(open({}, home), 'refused')).rejects.toMatchObject({
        remedy: 'SlowRetry',
        reason: 'Unauthenticated',
      });
    } finally {
      await home.stop();
    }
  });
});

test('no token is asked for a resource that a vault makes up', async () => {
  const agent = new Agent();
  const credential = createCredential({ settings: settingsFor(standIn), agent, now: () => clock.now() });

  const asking = credential.getToken('https://graph.microsoft.com/.default');

  await expect(asking).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'ChallengeRefused' });
  expect(await countSignIns()).toBe(0);
  agent.destroy();
});

test('nothing that is sent is printed, even when the environment asks the SDK for its log', async () => {
  const program = fileURLToPath(new URL('write-at-once.ts', import.meta.url));
  const names = Array.from({ length: 8 }, (_, index) => `printed-${index}`);
  const settings = settingsFor(standIn);
  const env = { ...process.env, AZURE_LOG_LEVEL: 'verbose' };

  const given = [program, JSON.stringify(settings), standIn.vaultUrl, ...names];
  const child = spawn(process.execPath, given, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [printed] = await Promise.all([Promise.all([text(child.stdout), text(child.stderr)]), once(child, 'close')]);

  const shown = printed.join('').replace(/\s/g, '');
  expect(child.exitCode).toBe(0);
  expect(shown).toContain('printed-0');
  expect(shown).not.toMatch(/authorization:bearer/i);
  for (const secret of [canary, settings.clientSecret ?? '']) {
    for (const form of [secret, [...Buffer.from(secret)].join(',')]) expect(shown).not.toContain(form);
  }
});
