import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { AwsDestination } from '../../src/crd/destinations/aws.ts';
import type { AwsSettings } from '../../src/sync-targets/aws/index.ts';
import { type Desired, PremiseChanged, type Target } from '../../src/sync-targets/contract.ts';
import { versionsOf } from './aws/control.ts';
import { type MotoStore, openMotoStore, operationOf } from './aws/moto-store.ts';
import { unlikeOthers } from './aws/unlike-others.ts';
import {
  canary,
  createContext,
  createManualClock,
  desire,
  everythingAbout,
  secretValue,
} from './conformance/under-test.ts';
import { targetConformance } from './conformance.ts';

targetConformance({ name: 'the AWS target', open: openMotoStore, ...unlikeOthers });

describe('the AWS target', () => {
  const owner = '0123456789abcdef0123456789abcdef';
  const opened: Target[] = [];
  let moto: MotoStore;
  let target: Target;
  /** Nobody gives up. */
  const { signal } = new AbortController();

  const openTarget = (settings: Partial<AwsSettings> = {}, destination: AwsDestination = {}): Target => {
    const clock = createManualClock(Date.now());
    const context = createContext({ settings: { ...moto.settings, ...settings }, clock, errors: [] });
    const another = moto.kind.open({ aws: destination }, context);
    opened.push(another);
    return another;
  };
  const desireCopy = (name: string, options: { value?: string; aws?: AwsDestination } = {}): Desired => {
    const { value = secretValue(name), aws = {} } = options;
    return desire({ name, value, destination: { aws }, owner });
  };
  const describeCopy = async (name: string) => {
    const observed = await target.describe(name, signal);
    if (observed === null) throw new Error(`${name} is absent`);
    return observed;
  };
  const answerOnce = (operation: string, body: { __type: string; message: string }) =>
    moto.proxy.inject({
      fault: { kind: 'status', status: 400, body },
      times: 1,
      when: (seen) => operationOf(seen) === operation,
    });

  beforeAll(async () => {
    moto = await openMotoStore();
    target = openTarget();
  }, 600_000);

  afterEach(() => {
    moto.proxy.clear();
    moto.proxy.forget();
  });

  afterAll(async () => {
    for (const one of opened) await one.close?.();
    await moto.close();
  });

  test('names its scope by region and by the account of the role', () => {
    const roleArn = 'arn:aws:iam::123456789012:role/writer';

    const scopes = [openTarget().scope, openTarget({}, { region: 'us-east-1', roleArn }).scope];

    expect(scopes).toEqual(['aws:eu-west-1:', 'aws:us-east-1:123456789012']);
  });

  test('says what to do when nobody names a region', () => {
    const { region: _region, ...settings } = moto.settings;
    const context = createContext({ settings, clock: createManualClock(0), errors: [] });

    const open = () => moto.kind.open({ aws: {} }, context);

    expect(open).toThrow('name one in dest.aws.region or set stores.aws.region');
  });

  test('assumes the role of a destination', async () => {
    const roleArn = 'arn:aws:iam::123456789012:role/writer';
    const another = openTarget({}, { roleArn });

    const observed = await another.describe('absent-in-the-other-account', signal);

    expect(observed).toBeNull();
    const [assumeRole, describeSecret] = moto.proxy.requests;
    expect(assumeRole?.target).toBeUndefined();
    expect(describeSecret?.target).toBe('secretsmanager.DescribeSecret');
  });

  test('ends when its signal aborts while the role is still being assumed', async () => {
    const another = openTarget({}, { roleArn: 'arn:aws:iam::123456789012:role/slow' });
    moto.proxy.inject({ fault: { kind: 'hang' } });

    const begun = performance.now();
    const describing = another.describe('any', AbortSignal.timeout(200));

    await expect(describing).rejects.toMatchObject({ remedy: 'Retry', code: 'AbortError' });
    expect(performance.now() - begun).toBeLessThan(12_000);
  });

  test('asks once for a role that STS does not give', async () => {
    const another = openTarget({}, { roleArn: 'arn:aws:iam::123456789012:role/broken' });
    moto.proxy.inject({ fault: { kind: 'status', status: 503 } });

    const refusal = another.describe('any', signal);

    await expect(refusal).rejects.toMatchObject({ remedy: 'Retry' });
    expect(moto.proxy.requests).toHaveLength(1);
  });

  test('accepts a written and a readable name that end in a hyphen and six characters', () => {
    const names = [false, true].map((derived) => target.nameOf('app/db-secret', { derived }));

    expect(names).toEqual(['app/db-secret', 'app/db-secret']);
  });

  test('makes the version id say what is written and what it replaces', async () => {
    const first = desireCopy('ids', { value: secretValue('one') });
    const second = desireCopy('ids', { value: secretValue('two') });

    const written = await target.write(first, { kind: 'absent' }, signal);
    const writtenNext = await target.write(second, { kind: 'remembered', written }, signal);

    expect(written.versionId).toBe(first.versionIdAfter(null));
    expect(writtenNext.versionId).toBe(second.versionIdAfter(written.versionId));
  });

  test('says that nothing was written when AWS accepts a version without making it current', async () => {
    const desired = desireCopy('stale');
    const written = await target.write(desired, { kind: 'absent' }, signal);
    const other = desireCopy('stale', { value: secretValue('other') });
    await target.write(other, { kind: 'remembered', written }, signal);
    await moto.store.changeByHand('stale', 'by hand');

    const again = target.write(other, { kind: 'remembered', written }, signal);

    await expect(again).rejects.toBeInstanceOf(PremiseChanged);
    expect(await moto.store.valueOf('stale')).toBe('by hand');
  });

  test('says that the premise changed when the copy was deleted without recovery', async () => {
    const desired = desireCopy('gone');
    const written = await target.write(desired, { kind: 'absent' }, signal);
    await moto.admin.deleteSecret({ SecretId: 'gone', ForceDeleteWithoutRecovery: true });

    const again = target.write(desired, { kind: 'remembered', written }, signal);

    await expect(again).rejects.toBeInstanceOf(PremiseChanged);
  });

  test('restores a deleted copy that is right as it is, without a new version', async () => {
    const desired = desireCopy('restored');
    await target.write(desired, { kind: 'absent' }, signal);
    await target.remove(await describeCopy('restored'), signal);
    const observed = await describeCopy('restored');

    await target.write(desired, { kind: 'observed', observed }, signal);

    expect(target.compare(desired, observed, null)).toEqual(['pendingDeletion']);
    expect(await moto.store.valueOf('restored')).toBe(desired.value);
    expect((await versionsOf(moto.admin, 'restored')).Versions).toHaveLength(1);
  });

  test('deletes in the recoverable way', async () => {
    await target.write(desireCopy('recoverable'), { kind: 'absent' }, signal);

    await target.remove(await describeCopy('recoverable'), signal);

    await moto.admin.restoreSecret({ SecretId: 'recoverable' });
    expect(await moto.store.valueOf('recoverable')).toBe(secretValue('recoverable'));
  });

  test("leaves other people's tags alone and writes no tag for the state", async () => {
    await moto.store.createForeign('tagged', 'theirs');
    const desired = desireCopy('tagged', { aws: { tags: { stage: 'test' } } });

    await target.write(desired, { kind: 'observed', observed: await describeCopy('tagged') }, signal);

    const marks = { 'vss-owner': owner, 'vss-ref': desired.marks.ref };
    expect(await moto.store.tagsOf('tagged')).toEqual({
      team: 'somebody',
      stage: 'test',
      ...marks,
      'vss-tags': expect.any(String),
    });
  });

  test('writes only the tags of a copy whose value is remembered to be right', async () => {
    const desired = desireCopy('tagged-again', { aws: { tags: { stage: 'test' } } });
    const written = await target.write(desired, absent, signal);
    await moto.store.changeByHand('tagged-again', 'by hand');
    const repaired = await target.write(desired, { kind: 'remembered', written }, signal);
    await moto.admin.untagResource({ SecretId: 'tagged-again', TagKeys: ['stage'] });
    const observed = await describeCopy('tagged-again');
    moto.proxy.forget();

    const differences = target.compare(desired, observed, repaired);
    await target.write(desired, { kind: 'observed', observed, differences }, signal);

    expect(differences).toEqual(['tags']);
    expect(await moto.store.requests()).toEqual([{ operation: 'TagResource', write: true }]);
  });

  test('changes the encryption key without a new version', async () => {
    const key = '1234abcd-12ab-34cd-56ef-1234567890ab';
    const desired = desireCopy('encrypted');
    await target.write(desired, { kind: 'absent' }, signal);
    const next: Desired = { ...desired, destination: { aws: { encryptionKey: key } } };
    const observed = await describeCopy('encrypted');

    await target.write(next, { kind: 'observed', observed }, signal);

    expect(target.compare(next, observed, null)).toEqual(['encryptionKey']);
    expect(target.compare(next, await describeCopy('encrypted'), null)).toEqual([]);
    expect((await versionsOf(moto.admin, 'encrypted')).Versions).toHaveLength(1);
  });

  test('sees who manages a secret', async () => {
    await moto.admin.createSecret({
      Name: 'replicated',
      SecretString: 'x',
      AddReplicaRegions: [{ Region: 'us-east-1' }],
    });
    const elsewhere = openTarget({}, { region: 'us-east-1' });

    const replica = await elsewhere.describe('replicated', signal);

    expect(replica?.managedBy).toBe('replication from eu-west-1');
    expect((await describeCopy('replicated')).managedBy).toBeNull();
  });

  test("lists page by page, and not an owner's namesake", async () => {
    const lister = '00000000000000000000000000000001';
    const names = Array.from({ length: 101 }, (_, index) => `listed/${index}`);
    for (const name of names) {
      await target.write({ ...desireCopy(name), marks: { owner: lister, ref: 'a/b', state: '' } }, absent, signal);
    }
    await moto.store.createForeign('namesake', 'x', { owner: `${lister}0`, ref: 'a/b' });
    moto.proxy.forget();

    const found: string[] = [];
    for await (const { name } of target.list?.(lister, signal) ?? []) found.push(name);

    expect(new Set(found)).toEqual(new Set(names));
    expect(await moto.store.requests()).toHaveLength(2);
  });

  test('names the action that AWS says is missing, and nothing else of its message', async () => {
    const message = 'User: x is not authorized to perform: sts:AssumeRole on resource: hunter2';
    answerOnce('DescribeSecret', { __type: 'AccessDeniedException', message });

    const refusal = target.describe('any', signal);

    await expect(refusal).rejects.toMatchObject({
      remedy: 'SlowRetry',
      code: 'AccessDeniedException',
      message: expect.stringMatching(/^(?!.*hunter2).*allow sts:AssumeRole/),
    });
  });

  test.each([
    ['LimitExceededException', 'SlowRetry', 'QuotaExceeded'],
    ['EncryptionFailure', 'SlowRetry', 'EncryptionKeyUnusable'],
    ['ExpiredTokenException', 'SlowRetry', 'CredentialsRefused'],
    ['InternalServiceError', 'Retry', 'StoreFailing'],
    ['InvalidParameterException', 'FixSpec', 'RequestRefused'],
    ['InvalidRequestException', 'FixSpec', 'RequestRefused'],
    ['TooManyRequestsException', 'RateLimited', 'RateLimited'],
    ['RequestTimeoutException', 'Retry', 'StoreUnreachable'],
    ['RequestTimeTooSkewed', 'SlowRetry', 'CredentialsRefused'],
    ['SomethingNewException', 'SlowRetry', 'StoreRefused'],
  ])('answers %s with the remedy %s (%s)', async (code, remedy, reason) => {
    const desired = desireCopy(`answered-${code}`);
    answerOnce('CreateSecret', { __type: code, message: desired.value });

    const refusal = target.write(desired, absent, signal);

    await expect(refusal).rejects.toMatchObject({ remedy, reason, code });
    expect(everythingAbout(await refusal.catch((error: unknown) => error))).not.toContain(canary);
  });

  test('asks to try again when nothing listens at the endpoint', async () => {
    const another = openTarget({ endpoint: 'http://127.0.0.1:1' });

    const refusal = another.describe('any', signal);

    await expect(refusal).rejects.toMatchObject({ remedy: 'Retry', reason: 'StoreUnreachable', code: 'ECONNREFUSED' });
  });

  test('asks to try again when the connection breaks before an answer', async () => {
    await target.describe('warm', signal);
    moto.proxy.inject({ fault: { kind: 'disconnect' }, times: 1 });

    const refusal = target.describe('any', signal);

    await expect(refusal).rejects.toMatchObject({ remedy: 'Retry', reason: 'StoreUnreachable', code: 'ECONNRESET' });
  });
});

const absent = { kind: 'absent' } as const;
