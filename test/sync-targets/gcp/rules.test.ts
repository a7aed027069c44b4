import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SyncError } from '../../../src/errors.ts';
import { crc32c } from '../../../src/sync-targets/gcp/crc32c.ts';
import { failureOf } from '../../../src/sync-targets/gcp/failures.ts';
import { refuseImpossible } from '../../../src/sync-targets/gcp/limits.ts';
import { secretIdOf } from '../../../src/sync-targets/gcp/names.ts';
import { newestOf, observedOf } from '../../../src/sync-targets/gcp/observed.ts';
import { endpointOf } from '../../../src/sync-targets/gcp/place.ts';
import { createStateMarks } from '../../../src/sync-targets/gcp/state-marks.ts';
import { canary, createManualClock, desire, everythingAbout, minute } from '../conformance/under-test.ts';

const seed = 20_261_121;

describe('the name of a secret', () => {
  test.each([
    ['app/db/main', 'app-db-main'],
    ['App_1-x', 'App_1-x'],
  ])('%s, written out, becomes %s', (name, id) => {
    expect(secretIdOf(name, { derived: false })).toBe(id);
  });

  test.each([['app.db'], ['app db'], ['größe'], [''], ['a'.repeat(256)]])('%j, written out, is refused', (name) => {
    expect(() => secretIdOf(name, { derived: false })).toThrow(expect.objectContaining({ remedy: 'FixSpec' }));
  });

  test('derived from a path is one that may be written out, whatever the path', () => {
    const path = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });

    const property = fc.property(path, (name) => {
      const id = secretIdOf(name, { derived: true });
      expect(id).toMatch(/^[A-Za-z0-9_-]{1,255}$/);
      expect(secretIdOf(id, { derived: false })).toBe(id);
    });

    fc.assert(property, { seed });
  });
});

describe('labels', () => {
  const withLabels = (labels: Record<string, string>) =>
    desire({ name: 'a', value: 'v', owner: 'o', destination: { gcp: { project: 'p', labels } } });

  test.each([
    ['a key in upper case', { Team: 'a' }],
    ['a key that begins with a digit', { '1a': 'a' }],
    ['a key of 64 characters', { ['k'.repeat(64)]: 'a' }],
    ['a key of more than 128 bytes', { ['語'.repeat(43)]: 'a' }],
    ['a value in upper case', { team: 'A' }],
    ['a value of 64 characters', { team: 'v'.repeat(64) }],
    ['a mark of ours', { 'vss-owner': 'a' }],
    ['64 labels beside our mark', Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`l${index}`, 'a']))],
  ])('%s is refused before any call', (_, labels) => {
    expect(() => refuseImpossible(withLabels(labels))).toThrow(
      expect.objectContaining({ remedy: 'FixSpec', reason: 'LabelsInvalid' }),
    );
  });

  test('what Google takes is not refused', () => {
    const labels = { team: '', größe: '語1_-', ['k'.repeat(63)]: 'v'.repeat(63) };

    expect(() => refuseImpossible(withLabels(labels))).not.toThrow();
  });
});

describe('annotations', () => {
  const withAnnotations = (annotations: Record<string, string>) =>
    desire({ name: 'a', value: 'v', owner: 'o', destination: { gcp: { project: 'p', annotations } } });

  test.each([
    ['a key that ends with a dot', { 'team.': 'a' }],
    ['a key of 64 characters', { ['k'.repeat(64)]: 'a' }],
    ['a key with a slash', { 'team/a': 'a' }],
    ['a mark of ours', { 'vss-state': 'a' }],
    ['16 KiB', Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`a${index}`, 'v'.repeat(1022)]))],
  ])('%s is refused before any call', (_, annotations) => {
    expect(() => refuseImpossible(withAnnotations(annotations))).toThrow(
      expect.objectContaining({ remedy: 'FixSpec', reason: 'AnnotationsInvalid' }),
    );
  });

  test('what Google takes is not refused', () => {
    const annotations = { 'Team.a_b-1': 'Any text, größe', a: '', ['k'.repeat(63)]: 'v'.repeat(1024) };

    expect(() => refuseImpossible(withAnnotations(annotations))).not.toThrow();
  });
});

describe('a failed call', () => {
  const attempt = { method: 'GetSecret', resource: 'projects/p/secrets/db', permission: 'secretmanager.secrets.get' };

  test.each([
    [1, 'CANCELLED', 'Retry'],
    [2, 'UNKNOWN', 'Retry'],
    [3, 'INVALID_ARGUMENT', 'FixSpec'],
    [4, 'DEADLINE_EXCEEDED', 'Retry'],
    [7, 'PERMISSION_DENIED', 'SlowRetry'],
    [8, 'RESOURCE_EXHAUSTED', 'RateLimited'],
    [9, 'FAILED_PRECONDITION', 'SlowRetry'],
    [10, 'ABORTED', 'Retry'],
    [13, 'INTERNAL', 'Retry'],
    [14, 'UNAVAILABLE', 'Retry'],
    [16, 'UNAUTHENTICATED', 'SlowRetry'],
  ])('with code %d keeps its name %s and asks for %s, without a word of what was sent', (code, name, remedy) => {
    const error = Object.assign(new Error(`${code} ${name}: about ${canary}`), { code, details: canary });

    const failure = failureOf(attempt, error);

    expect(failure).toBeInstanceOf(SyncError);
    expect(failure).toMatchObject({ remedy, code: name, message: expect.stringContaining(name) });
    expect(everythingAbout(failure)).not.toContain(canary);
  });

  test('that is no answer of the store is tried again', () => {
    expect(failureOf(attempt, 'The client has already been closed.')).toMatchObject({
      remedy: 'Retry',
      code: 'UNKNOWN',
    });
  });

  test('NOT_FOUND speaks of the secret only when it names the secret', () => {
    const ofSecret = Object.assign(new Error('5 NOT_FOUND: Secret [projects/1/secrets/db] not found.'), { code: 5 });
    const ofAnother = Object.assign(new Error('5 NOT_FOUND: Secret [projects/1/secrets/db2] not found.'), { code: 5 });
    const ofProject = Object.assign(new Error('5 NOT_FOUND: Requested entity was not found.'), { code: 5 });

    expect(failureOf(attempt, ofSecret).reason).toBe('SecretNotFound');
    expect(failureOf(attempt, ofAnother)).toMatchObject({ remedy: 'SlowRetry', reason: 'ProjectNotFound' });
    expect(failureOf(attempt, ofProject)).toMatchObject({ remedy: 'SlowRetry', reason: 'ProjectNotFound' });
  });

  test('names the permission that Google named, or else the one that the method needs', () => {
    const told = Object.assign(
      new Error("7 PERMISSION_DENIED: Permission 'secretmanager.versions.get' denied for resource"),
      { code: 7 },
    );
    const untold = Object.assign(new Error('7 PERMISSION_DENIED'), { code: 7 });

    expect(failureOf(attempt, told).message).toContain('secretmanager.versions.get');
    expect(failureOf(attempt, untold).message).toContain('secretmanager.secrets.get');
  });

  const failed = (code: number, text: string, more: object = {}) =>
    failureOf(attempt, Object.assign(new Error(`${code} ${text}`), { code, ...more }));

  test('for lack of a right to a key or a topic names the account that needs it', () => {
    const failure = failed(7, "PERMISSION_DENIED: Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied");

    expect(failure).toMatchObject({ remedy: 'SlowRetry', reason: 'PermissionDenied' });
    expect(failure.message).toContain('grant cloudkms.cryptoKeyVersions.useToEncrypt to the service agent');
  });

  test('because of a policy on locations asks for others in the manifest', () => {
    const text =
      'FAILED_PRECONDITION: Constraint constraints/gcp.resourceLocations violated for [orgpolicy:projects/1] attempting to create a secret in [global].';

    const failure = failed(9, text);

    expect(failure).toMatchObject({ remedy: 'FixSpec', reason: 'ForbiddenByOrgPolicy', code: 'FAILED_PRECONDITION' });
    expect(failure.message).toContain('constraints/gcp.resourceLocations');
    expect(failure.message).toContain('replication.userManaged');
  });

  test.each([
    [9, 'FAILED_PRECONDITION: the Cloud KMS key is disabled', {}, 'SlowRetry', 'KeyUnusable'],
    [7, 'PERMISSION_DENIED', { reason: 'BILLING_DISABLED' }, 'SlowRetry', 'BillingDisabled'],
    [7, 'PERMISSION_DENIED', { reason: 'SECURITY_POLICY_VIOLATED' }, 'SlowRetry', 'BlockedByPerimeter'],
    [7, 'PERMISSION_DENIED: vpcServiceControlsUniqueIdentifier: x', {}, 'SlowRetry', 'BlockedByPerimeter'],
    [3, 'INVALID_ARGUMENT: the data_crc32c checksum does not match', {}, 'Retry', 'ChecksumMismatch'],
  ])('with code %d and %j %j is a %s: %s', (code, text, more, remedy, reason) => {
    expect(failed(code, text, more)).toMatchObject({ remedy, reason });
  });

  test('for lack of quota names the quota and waits as long as Google asks', () => {
    const failure = failed(8, 'RESOURCE_EXHAUSTED', {
      errorInfoMetadata: { quota_limit: 'WriteRequestsPerMinutePerProject', consumer: canary },
      statusDetails: [{ reason: 'RATE_LIMIT_EXCEEDED' }, { retryDelay: { seconds: '7', nanos: 500_000_000 } }],
    });

    expect(failure).toMatchObject({ remedy: 'RateLimited', retryAfterMs: 7_500 });
    expect(failure.message).toContain('WriteRequestsPerMinutePerProject');
    expect(everythingAbout(failure)).not.toContain(canary);
  });

  test('names the field that Google refuses', () => {
    expect(failed(3, 'INVALID_ARGUMENT: Field [secret.topics] is invalid.').message).toContain('secret.topics');
  });

  test('says so when the API is not enabled in the project', () => {
    const error = Object.assign(new Error('7 PERMISSION_DENIED'), { code: 7, reason: 'SERVICE_DISABLED' });

    expect(failureOf(attempt, error).message).toContain('not enabled');
  });
});

describe('what is observed', () => {
  test('a secret that Cloud SQL rotates is managed by Cloud SQL', () => {
    const secret = {
      name: 'projects/1/secrets/db',
      labels: {},
      annotations: {},
      etag: '"1"',
      secretType: 'CLOUD_SQL_DB_CREDENTIALS',
    } as const;

    const observed = observedOf(secret, { newest: newestOf(null), awaitedState: null });

    expect(observed.managedBy).toBe('Cloud SQL');
  });
});

describe('state marks that wait', () => {
  test('a mark that is replaced while it is written is written again a minute later', async () => {
    const clock = createManualClock(0);
    const written: string[] = [];
    const first = Promise.withResolvers<void>();
    const marks = createStateMarks({
      schedule: clock.schedule,
      now: clock.now,
      report: () => undefined,
      write: async (_, { state }) => {
        written.push(state);
        if (state === 'first') await first.promise;
      },
    });
    marks.add('db', { owner: 'o', state: 'first', version: 1 });
    clock.advance(minute);

    marks.add('db', { owner: 'o', state: 'second', version: 2 });
    first.resolve();
    await marks.close();

    expect(written).toEqual(['first', 'second']);
    expect(marks.awaited('db')).toBeNull();
  });

  test('of two versions the mark of the newer one counts, though its answer came first', async () => {
    const clock = createManualClock(0);
    const written: string[] = [];
    const marks = createStateMarks({
      schedule: clock.schedule,
      now: clock.now,
      report: () => undefined,
      write: async (_, { state }) => void written.push(state),
    });
    marks.add('db', { owner: 'o', state: 'second', version: 2 });

    marks.add('db', { owner: 'o', state: 'first', version: 1 });
    await marks.close();

    expect(written).toEqual(['second']);
  });

  test('a mark that was dropped is not written', async () => {
    const clock = createManualClock(0);
    const written: string[] = [];
    const marks = createStateMarks({
      schedule: clock.schedule,
      now: clock.now,
      report: () => undefined,
      write: async (name) => void written.push(name),
    });
    marks.add('db', { owner: 'o', state: 'first', version: 1 });

    marks.drop('db');
    clock.advance(2 * minute);
    await marks.close();

    expect(written).toEqual([]);
  });
});

describe('the checksum', () => {
  test('is CRC32C', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });
});

describe('the endpoint', () => {
  const global = { project: 'p', location: null };
  const regional = { project: 'p', location: 'europe-west3' };

  test.each([
    ['Google’s own for a global secret', global, {}, null],
    ['Google’s own of the location for a regional one', regional, {}, 'secretmanager.europe-west3.rep.googleapis.com'],
    ['not that for global secrets', regional, { endpoint: 'a:1' }, 'secretmanager.europe-west3.rep.googleapis.com'],
    ['of the settings for a global secret', global, { endpoint: 'a:1', regionalEndpoint: 'b:1' }, 'a:1'],
    ['of the settings for a regional one', regional, { regionalEndpoint: '{location}.b:1' }, 'europe-west3.b:1'],
    ['one for all where there is no TLS', regional, { endpoint: 'a:1', insecure: true }, 'a:1'],
  ])('is %s', (_, place, settings, endpoint) => {
    expect(endpointOf(place, { insecure: false, ...settings })).toBe(endpoint);
  });
});
