import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import { SyncError } from '../../../src/errors.ts';
import { aws } from '../../../src/sync-targets/aws/index.ts';
import type { ResourceIdentity, Target } from '../../../src/sync-targets/contract.ts';
import { neverIdle } from '../../peers/forward.ts';
import { createContext, createManualClock } from '../conformance/under-test.ts';

const roleArn = 'arn:aws:iam::123456789012:role/writer';
const asAccount = { roleArn, auth: { serviceAccountRef: { name: 'writer' } } };
const asSecret = { auth: { secretRef: { name: 'keys' } } };
const canary = 'canary-of-a-secret';

describe('an identity of a namespace in AWS', () => {
  /** Nobody gives up. */
  const { signal } = new AbortController();
  let server: Server;
  let targets: Target[];
  let clock: ReturnType<typeof createManualClock>;
  /** What STS was asked. */
  let assumed: Record<string, string>[];
  /** By which access keys, with the token of their session, Secrets Manager was asked. */
  let signed: string[];
  let holdsMs: number;
  let refusal: string | null;
  let stsRefusal: { code: string; message: string } | null;
  let tokens: string[];
  let values: Record<string, string>;

  const account: ResourceIdentity = {
    label: 'ServiceAccount team-a/writer',
    async token(audience) {
      tokens.push(audience);
      return `${canary}-${tokens.length}`;
    },
    secretValue: () => Promise.reject(new Error('a ServiceAccount has no values')),
  };
  const secret: ResourceIdentity = {
    label: 'Secret team-a/keys',
    token: () => Promise.reject(new Error('a Secret has no token')),
    secretValue: async (key) => values[key] ?? null,
  };
  const open = (destination: AwsDestination, identity: ResourceIdentity | undefined): Target => {
    const address = server.address();
    const endpoint = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const credentials = { accessKeyId: 'operator', secretAccessKey: 'operator' };
    const settings = { endpoint, stsEndpoint: endpoint, region: 'eu-west-1', credentials };
    const context = { ...createContext({ settings, clock, errors: [] }), identity, namespace: 'team-a' };
    const target = aws.open({ aws: destination }, context);
    targets.push(target);
    return target;
  };

  beforeEach(async () => {
    [targets, assumed, signed, tokens] = [[], [], [], []];
    [refusal, stsRefusal, holdsMs] = [null, null, 3_600_000];
    values = { accessKeyId: 'key-1', secretAccessKey: `${canary}-1` };
    clock = createManualClock(0);
    server = createServer(neverIdle, async (request, response) => {
      const body = (await Array.fromAsync(request)).join('');
      const { authorization = '', 'x-amz-security-token': session = '', 'x-amz-target': target } = request.headers;
      const by = /Credential=([^/]+)/.exec(authorization)?.[1] ?? 'nobody';
      if (target === undefined) {
        assumed.push({ ...Object.fromEntries(new URLSearchParams(body)), by });
        const answer = stsRefusal
          ? refusedRole(stsRefusal)
          : assumedRole(assumed.at(-1)?.['Action'] ?? '', { count: assumed.length, holdsMs });
        response.writeHead(stsRefusal ? 403 : 200, { 'content-type': 'text/xml' }).end(answer);
        return;
      }
      signed.push(`${by} ${String(session)}`.trim());
      const error = { __type: refusal ?? 'ResourceNotFoundException', message: canary };
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(error));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });

  afterEach(async () => {
    for (const target of targets) await target.close?.();
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  test('that is a ServiceAccount assumes the role by its own token, once for many calls', async () => {
    const target = open(asAccount, account);

    for (const name of ['one', 'two', 'three']) await target.describe(name, signal);

    expect(assumed).toEqual([
      expect.objectContaining({
        Action: 'AssumeRoleWithWebIdentity',
        RoleArn: roleArn,
        RoleSessionName: 'vault-secret-sync',
        WebIdentityToken: `${canary}-1`,
        // Nothing of the operator is used.
        by: 'nobody',
      }),
    ]);
    expect(tokens).toEqual(['sts.amazonaws.com']);
    expect(signed).toEqual(Array(3).fill('role-1 session-1'));
    expect(target.scope).toBe('aws:eu-west-1:123456789012');
  });

  test('assumes the role again before its session ends', async () => {
    const target = open(asAccount, account);
    // Less than the five minutes that the SDK keeps free.
    holdsMs = 4 * 60_000;
    await target.describe('one', signal);
    const before = assumed.length;
    holdsMs = 3_600_000;

    await target.describe('two', signal);
    await target.describe('three', signal);

    expect(assumed).toHaveLength(before + 1);
    expect(tokens).toHaveLength(before + 1);
    expect(signed.slice(1)).toEqual(Array(2).fill(`role-${before + 1} session-${before + 1}`));
  });

  test('asks for its token anew when the role is assumed again', async () => {
    const target = open(asAccount, account);
    await target.describe('one', signal);
    refusal = 'ExpiredTokenException';
    await expect(target.describe('two', signal)).rejects.toMatchObject({
      reason: 'CredentialsRefused',
      message: expect.stringContaining('does not accept the credentials of ServiceAccount team-a/writer'),
    });
    refusal = null;

    await target.describe('three', signal);

    expect(assumed.map(({ WebIdentityToken }) => WebIdentityToken)).toEqual([`${canary}-1`, `${canary}-2`]);
    expect(signed.at(-1)).toBe('role-2 session-2');
  });

  test.each([
    ['InvalidIdentityToken', 'SlowRetry', 'CredentialsRefused', 'an IAM OIDC provider for the issuer of this cluster'],
    ['ExpiredTokenException', 'SlowRetry', 'CredentialsRefused', 'check the clock'],
    ['IDPCommunicationError', 'Retry', 'IssuerUnreachable', 'could not reach the issuer'],
    ['IDPRejectedClaim', 'SlowRetry', 'CredentialsRefused', 'rejected the token'],
    ['AccessDenied', 'SlowRetry', 'PermissionMissing', 'system:serviceaccount:<namespace>:<name>'],
  ])('is told what to do when STS says %s, and no token is shown', async (code, remedy, reason, advice) => {
    const message =
      code === 'AccessDenied' ? 'Not authorized to perform sts:AssumeRoleWithWebIdentity' : `${canary} is bad`;
    stsRefusal = { code, message };

    const error: unknown = await open(asAccount, account)
      .describe('one', signal)
      .catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(SyncError);
    expect(error).toMatchObject({ remedy, reason, code: expect.stringContaining(code) });
    expect((error as SyncError).message).toContain(advice);
    expect((error as SyncError).message).toContain(`as ${roleArn}, by ServiceAccount team-a/writer: ${code}`);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(canary);
  });

  test('that cannot be had is what is wrong, in its own words', async () => {
    const missing = new SyncError({ remedy: 'SlowRetry', reason: 'IdentityMissing', message: 'create it' });
    const nobody = { ...account, token: () => Promise.reject(missing) };

    await expect(open(asAccount, nobody).describe('one', signal)).rejects.toBe(missing);
    expect([assumed, signed]).toEqual([[], []]);
  });

  test('is never replaced by the identity of the operator', () => {
    expect(() => open(asAccount, undefined)).toThrow(expect.objectContaining({ remedy: 'FixSpec' }));
    expect(() => open(asSecret, undefined)).toThrow(expect.objectContaining({ remedy: 'FixSpec' }));
  });

  test('that is a Secret signs with its keys, and with the token of their session if there is one', async () => {
    const plain = open(asSecret, secret);
    await plain.describe('one', signal);
    values = { accessKeyId: 'key-2\n', secretAccessKey: `${canary}-2\n`, sessionToken: 'session\n' };
    const withToken = open(asSecret, secret);

    await withToken.describe('one', signal);

    expect(signed).toEqual(['key-1', 'key-2 session']);
    expect(plain.scope).toBe('aws:eu-west-1:team-a.keys');
  });

  test('that is a Secret assumes the role with its keys, where there is a role', async () => {
    await open({ ...asSecret, roleArn, externalId: 'team-a' }, secret).describe('one', signal);

    expect(assumed).toEqual([expect.objectContaining({ Action: 'AssumeRole', ExternalId: 'team-a', by: 'key-1' })]);
    expect(signed).toEqual(['role-1 session-1']);
  });

  test.each(['UnrecognizedClientException', 'InvalidSignatureException', 'ExpiredTokenException'])(
    'that is a Secret is read again when AWS says %s',
    async (code) => {
      const target = open(asSecret, secret);
      refusal = code;
      const error: unknown = await target.describe('one', signal).catch((caught: unknown) => caught);
      values = { accessKeyId: 'key-2', secretAccessKey: `${canary}-2` };
      refusal = null;

      await target.describe('two', signal);

      expect(signed).toEqual(['key-1', 'key-2']);
      expect(error).toMatchObject({
        code,
        reason: 'CredentialsRefused',
        message: expect.stringContaining('the credentials of Secret team-a/keys'),
      });
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(canary);
    },
  );

  test('that is a Secret that is changed signs with its new keys at the next call, though AWS takes the old ones', async () => {
    const target = open(asSecret, secret);
    await target.describe('one', signal);
    values = { accessKeyId: 'key-1', secretAccessKey: `${canary}-2`, sessionToken: 'session' };

    await target.describe('two', signal);

    expect(signed).toEqual(['key-1', 'key-1 session']);
  });

  test('that is a Secret that is changed assumes the role anew, and not before', async () => {
    const target = open({ ...asSecret, roleArn }, secret);
    for (const name of ['one', 'two']) await target.describe(name, signal);
    values = { accessKeyId: 'key-2', secretAccessKey: `${canary}-2` };

    await target.describe('three', signal);

    expect(assumed.map(({ by }) => by)).toEqual(['key-1', 'key-2']);
    expect(signed.at(-1)).toBe('role-2 session-2');
  });

  test('that is a Secret that is gone ends the use of its keys; one that cannot be read for a moment does not', async () => {
    let failure: SyncError | null = null;
    const secretValue = (key: string) => (failure ? Promise.reject(failure) : secret.secretValue(key));
    const target = open(asSecret, { ...secret, secretValue });
    await target.describe('one', signal);
    failure = new SyncError({ remedy: 'Retry', reason: 'KubernetesUnavailable', message: 'later' });
    await target.describe('two', signal);
    failure = new SyncError({ remedy: 'SlowRetry', reason: 'IdentityMissing', message: 'create it' });

    await expect(target.describe('three', signal)).rejects.toBe(failure);

    expect(signed).toEqual(['key-1', 'key-1']);
  });

  test('that is a Secret that is not answered for ends with the call that waits', async () => {
    const silent = { ...secret, secretValue: () => new Promise<string>(() => undefined) };
    const giveUp = new AbortController();
    const waiting = open(asSecret, silent).describe('one', giveUp.signal);

    giveUp.abort();

    await expect(waiting).rejects.toMatchObject({ remedy: 'Retry', reason: 'Aborted' });
  });

  test.each(['accessKeyId', 'secretAccessKey'])('that is a Secret without %s says so', async (key) => {
    values = { ...values, [key]: '' };

    await expect(open(asSecret, secret).describe('one', signal)).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'CredentialsMissing',
      message: expect.stringContaining(`Secret team-a/keys has no AWS access key under ${key}`),
    });
  });

  test('has a target of its own', () => {
    const keys = [{}, { roleArn }, asAccount, asSecret, { ...asSecret, roleArn }].map((one) => aws.keyOf({ aws: one }));

    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('a place that an identity wrote is found again by it', () => {
  const region = 'eu-west-1';

  test.each([
    [
      { scope: 'aws:eu-west-1:123456789012', roleArn, auth: asAccount.auth },
      { region, ...asAccount },
    ],
    [
      { scope: 'aws:eu-west-1:team-a.keys', ...asSecret, namespace: 'team-a' },
      { region, ...asSecret },
    ],
  ])('%j', (place, destination) => {
    expect(aws.destinationAt(place)).toEqual({ aws: destination });
  });

  test.each([
    ['in another namespace', { scope: 'aws:eu-west-1:team-a.keys', ...asSecret, namespace: 'team-b' }],
    ['by another Secret', { scope: 'aws:eu-west-1:team-a.others', ...asSecret, namespace: 'team-a' }],
    ['by what names nobody', { scope: 'aws:eu-west-1:123456789012', roleArn, auth: { clientId: 'x' } }],
    ['as the operator', { scope: 'aws:eu-west-1:team-a.keys', namespace: 'team-a' }],
  ])('and not %s', (_how, place) => {
    expect(aws.destinationAt(place)).toBeNull();
  });
});

function assumedRole(action: string, { count, holdsMs }: { count: number; holdsMs: number }): string {
  const expiration = new Date(Date.now() + holdsMs).toISOString();
  const credentials = `<AccessKeyId>role-${count}</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>session-${count}</SessionToken><Expiration>${expiration}</Expiration>`;
  return `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>${credentials}</Credentials></${action}Result></${action}Response>`;
}

function refusedRole({ code, message }: { code: string; message: string }): string {
  return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
}
