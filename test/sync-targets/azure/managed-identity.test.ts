import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type AzureSettings, azure } from '../../../src/sync-targets/azure/index.ts';
import type { Target } from '../../../src/sync-targets/contract.ts';
import { type AzureKeyVaultStandIn, startAzureKeyVault } from '../../stand-ins/azure-key-vault/start.ts';
import { createContext, createManualClock, desire, type ManualClock } from '../conformance/under-test.ts';
import { settingsFor } from './under-test.ts';

let standIn: AzureKeyVaultStandIn;
let clock: ManualClock;
let opened: Target[];

beforeAll(async () => {
  standIn = await startAzureKeyVault();
  await standIn.register('user-assigned', { clientSecret: 'unused' });
});

afterAll(() => standIn.stop());

beforeEach(async () => {
  opened = [];
  clock = createManualClock(Date.now());
  await standIn.clearRequests();
});

afterEach(async () => {
  for (const target of opened) await target.close?.();
  await standIn.clearFaults();
});

/** An operator without any proof of its own. */
function open(changes: Partial<AzureSettings> = {}, home = standIn): Target {
  const { clientSecret: _secret, tenantId: _tenant, clientId: _client, ...rest } = settingsFor(home);
  const settings = { ...rest, managedIdentity: true, managedIdentityEndpoint: home.metadataUrl, ...changes };
  const target = azure.open({ azure: { vaultUrl: home.vaultUrl } }, createContext({ settings, clock, errors: [] }));
  opened.push(target);
  return target;
}

function write(target: Target) {
  const destination = { azure: { vaultName: 'any' } };
  const desired = desire({ name: 'copy', value: 'x', owner: '0'.repeat(32), destination });
  return target.write(desired, { kind: 'absent' }, AbortSignal.timeout(100_000));
}

async function asked(): Promise<string[]> {
  return (await standIn.requests()).map(({ operation, client }) => (client ? `${operation} ${client}` : operation));
}

describe('a managed identity', () => {
  test('of a machine writes when there is no other proof, and is asked for once', async () => {
    const target = open();

    await write(target);
    await write(target);

    const { clientId } = standIn;
    expect(await asked()).toEqual(['GetManagedToken', `SetSecret ${clientId}`, `SetSecret ${clientId}`]);
  });

  test('is the one that clientId names', async () => {
    await write(open({ clientId: 'user-assigned' }));

    expect(await asked()).toEqual(['GetManagedToken', 'SetSecret user-assigned']);
  });

  test('of an app is asked for at its own address, with its header', async () => {
    const { appIdentityUrl, appIdentityHeader } = standIn;

    await write(open({ managedIdentityEndpoint: appIdentityUrl, managedIdentityHeader: appIdentityHeader }));

    expect((await standIn.requests()).map(({ path }) => path)).toEqual(['/msi/token', '/secrets/copy']);
  });

  test('of an app is renewed by the end that it tells', async () => {
    const home = await startAzureKeyVault({ tokenLifetimeSeconds: 1_200 });
    try {
      const { appIdentityUrl, appIdentityHeader } = home;
      const settings = { managedIdentityEndpoint: appIdentityUrl, managedIdentityHeader: appIdentityHeader };
      const target = open(settings, home);
      await write(target);
      clock.advance(14 * 60_000);
      await write(target);
      clock.advance(2 * 60_000);
      await write(target);

      const operations = (await home.requests()).map(({ operation }) => operation);
      expect(operations).toEqual(['GetManagedToken', 'SetSecret', 'SetSecret', 'GetManagedToken', 'SetSecret']);
    } finally {
      await home.stop();
    }
  });

  test('does not count where there is another proof', async () => {
    const { tenantId, clientId, clientSecret } = standIn;

    await write(open({ tenantId, clientId, clientSecret }));

    expect(await asked()).toEqual(['GetToken', `SetSecret ${clientId}`]);
  });

  test('is not asked for unless the settings say so', async () => {
    await expect(write(open({ managedIdentity: false }))).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'NoCredentials',
      message: expect.stringContaining('stores.azure.managedIdentity'),
    });

    expect(await asked()).toEqual([]);
  });

  test('is asked for beside the proxy', async () => {
    const writing = write(open({ proxy: 'http://127.0.0.1:1' }));

    await expect(writing).rejects.toMatchObject({ reason: 'Unreachable' });
    expect(await asked()).toEqual(['GetManagedToken']);
  });
});

describe('a metadata service that', () => {
  test.each([
    ['throttles', { kind: 'throttle', retryAfterSeconds: 3 }, { remedy: 'RateLimited', retryAfterMs: 3_000 }],
    ['is being updated (404)', { kind: 'error', status: 404 }, { remedy: 'Retry', reason: 'SignInFailed' }],
    ['is being updated (410)', { kind: 'error', status: 410 }, { remedy: 'Retry', reason: 'SignInFailed' }],
    ['fails', { kind: 'error', status: 500 }, { remedy: 'Retry', reason: 'SignInFailed' }],
  ] as const)('%s is asked again later', async (_what, fault, failure) => {
    await standIn.fault({ ...fault, operation: 'GetManagedToken' });

    await expect(write(open())).rejects.toMatchObject(failure);
  });

  test('does not know the identity is asked again slowly, and the message says what to do', async () => {
    const message = expect.stringContaining('stores.azure.clientId');

    const writing = write(open({ clientId: 'nobody' }));

    await expect(writing).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'SignInRefused', message });
  });

  test('is not there, or does not answer, is told by the setting to check', async () => {
    await standIn.fault({ kind: 'hang', operation: 'GetManagedToken' });
    const message = expect.stringContaining('managedIdentityEndpoint');

    const absent = write(open({ managedIdentityEndpoint: 'http://127.0.0.1:1/metadata' }));
    const silent = write(open({ signInTimeoutMs: 200 }));

    await expect(absent).rejects.toMatchObject({ remedy: 'Retry', reason: 'SignInUnreachable', message });
    await expect(silent).rejects.toMatchObject({ remedy: 'Retry', reason: 'SignInUnreachable', message });
  });
});
