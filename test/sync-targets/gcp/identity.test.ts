import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { GcpDestination } from '../../../src/crd/destinations/gcp.ts';
import type { ResourceIdentity, Target } from '../../../src/sync-targets/contract.ts';
import { type GcpSettings, gcp } from '../../../src/sync-targets/gcp/index.ts';
import { eventually } from '../../peers/processes.ts';
import { type GcpSecretManager, startGcpSecretManager } from '../../stand-ins/gcp-secret-manager/start.ts';
import { type GoogleIdentity, startGoogleIdentity } from '../../stand-ins/google-identity/start.ts';
import {
  createContext,
  createManualClock,
  everythingAbout,
  type ManualClock,
  minute,
} from '../conformance/under-test.ts';
import { project } from './under-test.ts';
import { signal } from './world.ts';

const provider = 'projects/424242424242/locations/global/workloadIdentityPools/cluster/providers/kubernetes';
const writer = 'writer@team-payments.iam.gserviceaccount.com';
const subject = 'system:serviceaccount:team-a:writer';
const federated: GcpDestination = {
  auth: { serviceAccountRef: { name: 'writer' }, workloadIdentityProvider: provider },
};
const byKey: GcpDestination = { auth: { secretRef: { name: 'gcp-key' } } };

let standIn: GcpSecretManager;
let google: GoogleIdentity;
let clock: ManualClock;
let opened: Target[] = [];
/** The only token that the store takes. */
let taken: string | null = null;

beforeAll(async () => {
  standIn = await startGcpSecretManager({ projects: [project] });
  google = await startGoogleIdentity({}, async (token) => {
    taken = token;
    await standIn.admit({ tokens: [token] });
  });
});

beforeEach(async () => {
  clock = createManualClock(Date.now());
  google.forgetRequests();
  google.fault(null);
  google.change({
    providers: [{ name: provider, subjects: [subject] }],
    impersonators: { [writer]: [subject] },
  });
  await standIn.admit({ tokens: [] });
});

afterEach(async () => {
  for (const target of opened) await target.close?.();
  opened = [];
});

afterAll(async () => {
  await google.stop();
  await standIn.stop();
});

function open(fields: GcpDestination, identity: ResourceIdentity, settings: Partial<GcpSettings> = {}): Target {
  const context = createContext<GcpSettings>({
    settings: {
      endpoint: standIn.tlsEndpoint,
      insecure: false,
      caFile: standIn.caFile,
      stsEndpoint: google.url,
      iamCredentialsEndpoint: google.url,
      ...settings,
    },
    clock,
    errors: [],
  });
  const target = gcp.open({ gcp: { project: project.id, ...fields } }, { ...context, identity });
  opened.push(target);
  return target;
}

/** As the cluster issues them; the stand-in checks no signature. */
function clusterToken(audience: string, sub = subject): string {
  const claims = { sub, aud: [audience], exp: Math.floor(Date.now() / 1_000) + 600 };
  return ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'cluster-signature'].join('.');
}

function serviceAccount(sub = subject): ResourceIdentity {
  return {
    label: 'ServiceAccount team-a/writer',
    token: async (audience) => clusterToken(audience, sub),
    secretValue: async () => {
      throw new Error('no Secret');
    },
  };
}

/** What is under each key can be changed. */
function secret(values: Record<string, string>): ResourceIdentity {
  return {
    label: 'Secret team-a/gcp-key',
    token: async () => {
      throw new Error('no ServiceAccount');
    },
    secretValue: async (key) => values[key] ?? null,
  };
}

function newKey(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

const keyFile = (changes: Record<string, unknown>): string =>
  JSON.stringify({ type: 'service_account', client_email: writer, ...changes });

describe.each(['grpc', 'rest'] as const)('a ServiceAccount, over %s,', (transport) => {
  test('writes with the token that its own is exchanged for', async () => {
    const target = open(federated, serviceAccount(), { transport });

    expect(await target.describe('any', signal)).toBeNull();

    expect(google.requests).toEqual(['token']);
  });

  test('writes as the service account that it may become', async () => {
    const auth = { ...federated.auth, impersonate: writer };
    const target = open({ auth }, serviceAccount(), { transport });

    expect(await target.describe('any', signal)).toBeNull();

    expect(google.requests).toEqual(['token', 'generateAccessToken']);
    expect(google.tokens.at(-1)).toBe(taken);
  });

  test('comes with something new after its token was refused', async () => {
    const target = open(federated, serviceAccount(), { transport });
    await target.describe('any', signal);
    await standIn.admit({ tokens: [] });

    const refused = target.describe('any', signal);

    await expect(refused).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'Unauthenticated' });
    expect(await target.describe('any', signal)).toBeNull();
  });
});

describe('a ServiceAccount', () => {
  test('exchanges one token for many calls at once, and another one before it ends', async () => {
    const target = open(federated, serviceAccount());
    await Promise.all(Array.from({ length: 8 }, () => target.describe('any', signal)));
    clock.advance(54 * minute);
    await target.describe('any', signal);
    const before = google.requests.length;
    clock.advance(2 * minute);

    await target.describe('any', signal);

    expect([before, google.requests.length]).toEqual([1, 2]);
  });

  test('goes on with a token that holds while another one is not to be had', async () => {
    const target = open(federated, serviceAccount());
    await target.describe('any', signal);
    clock.advance(56 * minute);
    google.fault('unavailable');

    expect(await target.describe('any', signal)).toBeNull();
    expect(await target.describe('any', signal)).toBeNull();

    expect(google.requests).toEqual(['token', 'token']);
  });

  test('that the provider does not let in is told so, with the code of Google and without its token', async () => {
    const target = open(federated, serviceAccount('system:serviceaccount:team-b:stranger'));

    const error: unknown = await target.describe('any', signal).catch((reason: unknown) => reason);

    expect(error).toMatchObject({
      remedy: 'SlowRetry',
      reason: 'SignInRefused',
      code: 'unauthorized_client',
      message: expect.stringContaining(`ServiceAccount team-a/writer at ${provider}`),
    });
    expect(everythingAbout(error)).not.toContain('cluster-signature');
  });

  test('that may not become the service account is told the permission', async () => {
    google.change({ impersonators: {} });
    const auth = { ...federated.auth, impersonate: writer };

    const looking = open({ auth }, serviceAccount()).describe('any', signal);

    await expect(looking).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'ImpersonationRefused',
      code: 'PERMISSION_DENIED',
      message: expect.stringMatching(`${writer}.*iam\\.serviceAccounts\\.getAccessToken`),
    });
  });

  test('waits for an exchange no longer than for a call', async () => {
    google.fault('hang');
    const target = open(federated, serviceAccount(), { callTimeoutMs: 2_000 });

    await expect(target.describe('any', signal)).rejects.toMatchObject({ remedy: 'Retry' });

    expect(google.requests).toEqual(['token']);
    await eventually(() => google.hanging() === 0, { what: 'Google to see the caller go' });
  });

  test('is rate limited when Google says slow down', async () => {
    google.fault('throttle');

    const looking = open(federated, serviceAccount()).describe('any', signal);

    await expect(looking).rejects.toMatchObject({ remedy: 'RateLimited', code: 'HTTP 429' });
  });

  test('sends its token to nobody whose certificate is not trusted', async () => {
    const target = open(federated, serviceAccount(), { caFile: undefined });

    const looking = target.describe('any', signal);

    await expect(looking).rejects.toMatchObject({ remedy: 'Retry', reason: 'SignInUnreachable' });
    expect(google.requests).toEqual([]);
  });
});

describe('a Secret with the key of a service account', () => {
  test('signs tokens that the store takes, and others as soon as the Secret has another key', async () => {
    const [first, second] = [newKey(), newKey()];
    const values = { 'credentials.json': keyFile({ private_key: first.privateKey }) };
    const target = open(byKey, secret(values));
    await standIn.admit({ keys: { [writer]: first.publicKey } });
    expect(await target.describe('any', signal)).toBeNull();
    await standIn.admit({ keys: { [writer]: second.publicKey } });

    values['credentials.json'] = keyFile({ private_key: second.privateKey });

    expect(await target.describe('any', signal)).toBeNull();
    expect(google.requests).toEqual([]);
  });

  test.each([
    ['is not there', {}, 'has no key credentials.json'],
    ['is no JSON', { 'credentials.json': 'hush-hush' }, 'has no JSON'],
    [
      'is of a kind that reads files or sends tokens where it says',
      { 'credentials.json': JSON.stringify({ type: 'external_account', credential_source: { file: '/hush-hush' } }) },
      'credentials that are external_account',
    ],
    ['is of another universe', { 'credentials.json': keyFile({ universe_domain: 'hush-hush' }) }, 'universe_domain'],
    ['has no private key', { 'credentials.json': keyFile({}) }, 'no client_email or no private_key'],
    ['has a private key that is none', { 'credentials.json': keyFile({ private_key: 'hush-hush' }) }, 'that is none'],
  ])('that %s is refused with what to do, and nothing of it', async (_, values, text) => {
    const target = open(byKey, secret(values));

    const error: unknown = await target.describe('any', signal).catch((reason: unknown) => reason);

    expect(error).toMatchObject({
      remedy: 'SlowRetry',
      reason: 'CredentialsInvalid',
      message: expect.stringContaining(`Secret team-a/gcp-key`),
    });
    expect(error).toMatchObject({ message: expect.stringContaining(text) });
    expect(everythingAbout(error)).not.toContain('hush-hush');
  });
});

describe('an identity', () => {
  const context = () => createContext<GcpSettings>({ settings: { insecure: false }, clock, errors: [] });

  test('that was not handed in makes no target, and never the operator stands in for it', () => {
    const opening = (): unknown => gcp.open({ gcp: { project: 'p', ...federated } }, context());

    expect(opening).toThrow(expect.objectContaining({ remedy: 'FixSpec', reason: 'IdentityMissing' }));
  });

  test('is not shown to an endpoint without TLS', async () => {
    const target = open(federated, serviceAccount(), { insecure: true, endpoint: standIn.endpoint });

    await expect(target.describe('any', signal)).rejects.toMatchObject({ reason: 'InsecureIdentity' });
    expect(google.requests).toEqual([]);
  });

  test('has a target of its own', () => {
    const impersonating = { auth: { ...federated.auth, impersonate: writer } };
    const keys = [{}, federated, impersonating, byKey].map((fields) => gcp.keyOf({ gcp: { project: 'p', ...fields } }));

    expect(new Set(keys).size).toBe(4);
  });

  test('is found again from what was kept of a place', () => {
    const scope = `gcp:${project.id}@europe-west3`;

    const destination = gcp.destinationAt({ scope, auth: federated.auth });

    expect(destination).toEqual({ gcp: { project: project.id, location: 'europe-west3', ...federated } });
  });
});
