import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { AzureDestination } from '../../../src/crd/destinations/azure.ts';
import { SyncError } from '../../../src/errors.ts';
import { type AzureSettings, azure } from '../../../src/sync-targets/azure/index.ts';
import type { ResourceIdentity, Target } from '../../../src/sync-targets/contract.ts';
import { type AzureKeyVaultStandIn, startAzureKeyVault } from '../../stand-ins/azure-key-vault/start.ts';
import {
  createContext,
  createManualClock,
  desire,
  everythingAbout,
  type ManualClock,
} from '../conformance/under-test.ts';
import { settingsFor } from './under-test.ts';

const subject = 'system:serviceaccount:team-a:writer';
const team = 'team-a-application';

let standIn: AzureKeyVaultStandIn;
let clock: ManualClock;
let opened: Target[];

beforeAll(async () => {
  standIn = await startAzureKeyVault();
});

afterAll(() => standIn.stop());

beforeEach(async () => {
  opened = [];
  clock = createManualClock(Date.now());
  await standIn.register(team, { clientSecret: 'team-secret', assertionSubject: subject });
  await standIn.clearRequests();
});

afterEach(async () => {
  for (const target of opened) await target.close?.();
  await standIn.clearFaults();
  await standIn.allow();
});

type Auth = NonNullable<AzureDestination['auth']>;

/** A target for a manifest with this `auth`, in an operator that has credentials of its own, which work. */
function open(auth: Auth, identity: ResourceIdentity | undefined, changes: Partial<AzureSettings> = {}): Target {
  const settings = { ...settingsFor(standIn), ...changes };
  const context = { ...createContext({ settings, clock, errors: [] }), identity };
  const target = azure.open({ azure: { vaultUrl: standIn.vaultUrl, auth } }, context);
  opened.push(target);
  return target;
}

function write(target: Target, name: string) {
  const desired = desire({ name, value: 'x', owner: '0'.repeat(32), destination: { azure: { vaultName: 'any' } } });
  return target.write(desired, { kind: 'absent' }, AbortSignal.timeout(100_000));
}

/** Who wrote, as the vault saw it. */
async function writers(): Promise<(string | null)[]> {
  const requests = await standIn.requests();
  return requests.filter(({ operation }) => operation === 'SetSecret').map(({ client }) => client);
}

async function countSignIns(): Promise<number> {
  return (await standIn.requests()).filter(({ operation }) => operation === 'GetToken').length;
}

/** A ServiceAccount whose tokens have this subject; `asked` are the audiences that they were asked for. */
function serviceAccount(sub = subject): ResourceIdentity & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    label: 'ServiceAccount team-a/writer',
    asked,
    async token(audience) {
      asked.push(audience);
      const claims = { sub, aud: [audience], exp: Math.floor(Date.now() / 1000) + 3600, jti: asked.length };
      return ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'signature'].join('.');
    },
    secretValue: () => Promise.reject(new Error('a ServiceAccount has no keys')),
  };
}

/** A Secret whose keys a test may change; an error in place of them is thrown. */
function secret(keys: Record<string, string>): ResourceIdentity & { keys: Record<string, string> | SyncError } {
  const identity = {
    label: 'Secret team-a/azure',
    keys: keys as Record<string, string> | SyncError,
    token: () => Promise.reject(new Error('a Secret has no tokens')),
    async secretValue(key: string) {
      if (identity.keys instanceof SyncError) throw identity.keys;
      return identity.keys[key] ?? null;
    },
  };
  return identity;
}

describe('a ServiceAccount that a manifest names', () => {
  const auth: Auth = { serviceAccountRef: { name: 'writer' }, clientId: team };

  test('writes as the application that trusts it, by a token for the exchange', async () => {
    const identity = serviceAccount();

    await write(open(auth, identity), 'by-account');

    expect(await writers()).toEqual([team]);
    expect(identity.asked).toEqual(['api://AzureADTokenExchange']);
  });

  test('signs in once for many calls, and again before the token ends', async () => {
    const identity = serviceAccount();
    const target = open(auth, identity);
    for (let index = 0; index < 5; index += 1) await write(target, 'by-account');
    const before = await countSignIns();
    clock.advance(56 * 60_000);

    await write(target, 'by-account');

    expect([before, await countSignIns()]).toEqual([1, 2]);
    expect(identity.asked).toHaveLength(2);
  });

  test('that the application does not trust is refused, names itself, and the operator does not step in', async () => {
    const error = await write(open(auth, serviceAccount('system:serviceaccount:team-b:writer')), 'refused').catch(
      (caught: unknown) => caught,
    );

    expect(error).toMatchObject({ remedy: 'SlowRetry', reason: 'SignInRefused', code: 'AADSTS700213' });
    expect((error as Error).message).toContain('for ServiceAccount team-a/writer');
    expect(await writers()).toEqual([]);
  });

  test('without a client is told what to set, although the operator has one', async () => {
    const target = open({ serviceAccountRef: { name: 'writer' } }, serviceAccount());

    await expect(write(target, 'refused')).rejects.toMatchObject({ reason: 'NoCredentials' });

    expect(await countSignIns()).toBe(0);
  });

  test.each(['rbac', 'policy'] as const)('that lacks a permission (%s) is who must be given it', async (model) => {
    await standIn.allow({ model, allow: [] });

    const message = expect.stringContaining('to ServiceAccount team-a/writer');
    await expect(write(open(auth, serviceAccount()), 'denied')).rejects.toMatchObject({
      reason: 'PermissionDenied',
      message,
    });
  });
});

describe('a Secret that a manifest names', () => {
  const auth: Auth = { secretRef: { name: 'azure' } };

  test('says the application and its secret, and the tenant is the one of the settings', async () => {
    await write(open(auth, secret({ clientId: team, clientSecret: 'team-secret\n' })), 'by-secret');

    expect(await writers()).toEqual([team]);
  });

  test('may say the tenant too; what the manifest says counts more', async () => {
    const { tenantId } = standIn;
    const keys = { clientId: team, clientSecret: 'team-secret', tenantId };

    await write(open(auth, secret(keys), { tenantId: 'elsewhere' }), 'by-secret');
    const overruled = write(open({ ...auth, tenantId: 'nowhere' }, secret(keys)), 'refused');

    await expect(overruled).rejects.toMatchObject({ code: 'AADSTS90002' });
    expect(await writers()).toEqual([team]);
  });

  test('that is changed is signed in with at the next call, and not before', async () => {
    const identity = secret({ clientId: team, clientSecret: 'team-secret' });
    const target = open(auth, identity);
    await write(target, 'rotated');
    await write(target, 'rotated');
    await standIn.register(team, { clientSecret: 'next-secret' });
    const before = await countSignIns();

    identity.keys = { clientId: team, clientSecret: 'next-secret' };
    await write(target, 'rotated');
    await write(target, 'rotated');

    expect([before, await countSignIns()]).toEqual([1, 2]);
  });

  test('that was refused is not tried again for half a minute, unless it is changed', async () => {
    const identity = secret({ clientId: team, clientSecret: 'canary-wrong' });
    const target = open(auth, identity);
    const refused = { remedy: 'SlowRetry', reason: 'SignInRefused', code: 'AADSTS7000215' };
    const error = await write(target, 'refused').catch((caught: unknown) => caught);
    await expect(write(target, 'refused')).rejects.toMatchObject(refused);
    const soon = await countSignIns();
    clock.advance(31_000);
    await expect(write(target, 'refused')).rejects.toMatchObject(refused);
    const later = await countSignIns();

    identity.keys = { clientId: team, clientSecret: 'team-secret' };
    await write(target, 'put-right');

    expect([soon, later]).toEqual([1, 2]);
    expect(await writers()).toEqual([team]);
    expect(error).toMatchObject(refused);
    expect(everythingAbout(error)).not.toContain('canary-wrong');
  });

  test.each([
    ['clientSecret', { clientId: team }],
    ['clientSecret', { clientId: team, clientSecret: ' \n' }],
    ['clientId', { clientSecret: 'team-secret' }],
  ])('without %s is told so, and the operator does not step in', async (key, keys) => {
    const message = expect.stringContaining(`key ${key}`);

    const writing = write(open(auth, secret(keys)), 'refused');

    await expect(writing).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'NoCredentials', message });
    expect(await countSignIns()).toBe(0);
  });

  test('that is gone ends the use of its token; one that cannot be read for a moment does not', async () => {
    const identity = secret({ clientId: team, clientSecret: 'team-secret' });
    const target = open(auth, identity);
    await write(target, 'gone');

    identity.keys = new SyncError({ remedy: 'Retry', reason: 'KubernetesAway', message: 'no answer' });
    await write(target, 'gone');
    identity.keys = new SyncError({ remedy: 'SlowRetry', reason: 'SecretMissing', message: 'there is no such Secret' });
    const afterwards = write(target, 'gone');

    await expect(afterwards).rejects.toMatchObject({ reason: 'SecretMissing' });
    expect(await countSignIns()).toBe(1);
  });

  test('whose token the vault does not take any more signs in anew', async () => {
    const target = open(auth, secret({ clientId: team, clientSecret: 'team-secret' }));
    await write(target, 'revoked');
    await standIn.revokeTokens();

    await write(target, 'revoked');

    expect(await countSignIns()).toBe(2);
    expect(new Set(await writers())).toEqual(new Set([team, null]));
  });
});

test('an identity that nobody hands in is not replaced by the own one', async () => {
  const target = open({ secretRef: { name: 'azure' } }, undefined);

  await expect(write(target, 'refused')).rejects.toMatchObject({ remedy: 'FixSpec', reason: 'IdentityMissing' });

  expect(await countSignIns()).toBe(0);
});

describe('a target', () => {
  const vaultUrl = 'https://team-a.vault.azure.net';

  test('is another one for each identity, application and tenant', () => {
    const auths: (Auth | undefined)[] = [
      undefined,
      { secretRef: { name: 'one' } },
      { secretRef: { name: 'two' } },
      { serviceAccountRef: { name: 'one' }, clientId: 'a' },
      { serviceAccountRef: { name: 'one' }, clientId: 'b' },
      { serviceAccountRef: { name: 'one' }, clientId: 'a', tenantId: 't' },
    ];

    const keys = auths.map((auth) => azure.keyOf({ azure: { vaultUrl, ...(auth ? { auth } : {}) } }));

    expect(new Set(keys).size).toBe(auths.length);
  });

  test('that is left behind is found again with its identity', () => {
    const auth = { serviceAccountRef: { name: 'writer' }, clientId: 'a' };

    const found = azure.destinationAt({ scope: 'azure:team-a.vault.azure.net', auth });

    expect(found).toEqual({ azure: { vaultUrl, auth } });
  });
});
