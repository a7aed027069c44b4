import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createQuota } from './gcp-secret-manager/quota.ts';
import { type GcpSecretManager, startGcpSecretManager } from './gcp-secret-manager/start.ts';
import { AUTOMATIC, connect, NUMBER, PARENT, STATUS, signed, useStandIn } from './gcp-secret-manager/vendor-client.ts';

const projects = [{ id: 'team-payments', number: NUMBER }];

describe('quotas', () => {
  test('are off unless they are asked for', () => {
    const { quota } = openQuota({});

    for (let call = 0; call < 1_000; call += 1) quota.take('addSecretVersion', `${PARENT}/secrets/db`);
  });

  test.each([
    ['writes', { writesPerMinute: 3 }, 'createSecret', 'Write'],
    ['writes', { writesPerMinute: 3 }, 'destroySecretVersion', 'Write'],
    ['reads', { readsPerMinute: 3 }, 'listSecrets', 'Read'],
    ['reads', { readsPerMinute: 3 }, 'getSecretVersion', 'Read'],
    ['accesses', { accessesPerMinute: 3 }, 'accessSecretVersion', 'Access'],
  ] as const)('count %s of a project in a minute that slides: %j, %s', (_, quotas, operation, word) => {
    const { quota, clock } = openQuota(quotas);
    const take = () => quota.take(operation, `projects/${NUMBER}/secrets/db`);
    take();
    clock.ms += 30_000;
    take();
    take();

    expect(take).toThrow(`'${word} requests per minute' of service 'secretmanager.googleapis.com'`);
    clock.ms += 29_999;
    expect(take).toThrow('Quota exceeded');
    clock.ms += 1;
    take();
    expect(take).toThrow('Quota exceeded');
  });

  test('of one kind leave the other kinds alone, and those of a project the other projects', () => {
    const { quota } = openQuota({ writesPerMinute: 1, readsPerMinute: 1 });
    quota.take('addSecretVersion', `${PARENT}/secrets/db`);

    quota.take('getSecret', `${PARENT}/secrets/db`);
    quota.take('accessSecretVersion', `${PARENT}/secrets/db/versions/1`);
    quota.take('addSecretVersion', 'projects/another/secrets/db');

    expect(() => quota.take('updateSecret', `projects/${NUMBER}/secrets/other`)).toThrow('Quota exceeded');
  });

  test.each([
    ['global', PARENT, 2, 120],
    ['regional', `${PARENT}/locations/europe-west3`, 80, 4_800],
  ])('of a %s secret count its versions and changes, by the second and by the minute', (_, parent, second, minute) => {
    const { quota, clock } = openQuota({ ofSecrets: true });
    const take = () => quota.take('addSecretVersion', `${parent}/secrets/db`);
    let taken = 0;

    for (let step = 0; step < 59; step += 1) {
      for (let call = 0; call < second; call += 1, taken += 1) take();
      expect(take).toThrow('Resource has been exhausted');
      clock.ms += 1_000;
    }
    for (; taken < minute; taken += 1) quota.take('updateSecret', `${parent}/secrets/db`);
    clock.ms += 999;

    expect(take).toThrow('Resource has been exhausted');
    quota.take('addSecretVersion', `${parent}/secrets/other`);
  });

  test('of a version count the changes of its state', () => {
    const { quota, clock } = openQuota({ ofSecrets: true });
    const version = `${PARENT}/secrets/db/versions/1`;
    quota.take('disableSecretVersion', version);

    expect(() => quota.take('enableSecretVersion', version)).toThrow('Resource has been exhausted');
    quota.take('destroySecretVersion', `${PARENT}/secrets/db/versions/2`);
    clock.ms += 1_000;
    quota.take('enableSecretVersion', version);
  });
});

describe('a quota that is used up', () => {
  let standIn: GcpSecretManager;
  beforeAll(async () => {
    standIn = await startGcpSecretManager({ projects, writesPerMinute: 1 });
  });
  afterAll(() => standIn.stop());

  test('is told by gRPC and by REST with the details that other services of Google give', async () => {
    const client = connect(standIn.endpoint);
    const request = { parent: PARENT, secretId: 'one', secret: { replication: AUTOMATIC } };
    await client.createSecret(request, signed());

    const refusal = await client
      .createSecret({ ...request, secretId: 'two' }, signed())
      .catch((error: unknown) => error);
    const url = `http://${standIn.restEndpoint}/v1/${PARENT}/secrets?secretId=three`;
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify({ replication: AUTOMATIC }) });
    await client.close();

    const metadata = {
      service: 'secretmanager.googleapis.com',
      consumer: `projects/${NUMBER}`,
      quota_metric: 'secretmanager.googleapis.com/write_requests',
      quota_limit: 'WriteRequestsPerMinutePerProject',
      quota_limit_value: '1',
      quota_location: 'global',
    };
    const reason = 'RATE_LIMIT_EXCEEDED';
    expect(refusal).toMatchObject({ code: STATUS.RESOURCE_EXHAUSTED, reason, errorInfoMetadata: metadata });
    expect(answer.status).toBe(429);
    expect(await answer.json()).toMatchObject({
      error: { status: 'RESOURCE_EXHAUSTED', details: [{ reason, metadata }, { links: [expect.anything()] }] },
    });
  });
});

describe('while a write is not everywhere yet', () => {
  const { standIn, client, createSecret, addVersion } = useStandIn();
  beforeAll(() => standIn().settleIn(600_000));
  afterEach(() => standIn().settle());

  test('a new secret is in no list, and can be looked up', async () => {
    const { id, name } = await createSecret();

    expect(await listed()).not.toContain(id);
    expect((await client().getSecret({ name }, signed()))[0]).toMatchObject({ name });
    await standIn().settle();
    expect(await listed()).toContain(id);
  });

  test('a deleted secret is in a list still', async () => {
    const { id, name } = await createSecret();
    await standIn().settle();
    await client().deleteSecret({ name }, signed());

    expect(await listed()).toContain(id);
    await expect(client().getSecret({ name }, signed())).rejects.toMatchObject({ code: STATUS.NOT_FOUND });
    await standIn().settle();
    expect(await listed()).not.toContain(id);
  });

  test('a list shows the labels of before, also after two changes', async () => {
    const { name } = await createSecret({ labels: { stage: 'one' } });
    await standIn().settle();
    for (const stage of ['two', 'three']) {
      const secret = { name, labels: { stage } };
      await client().updateSecret({ secret, updateMask: { paths: ['labels'] } }, signed());
    }

    const [before] = await client().listSecrets({ parent: PARENT, filter: 'labels.stage=one' }, signed());
    await standIn().settle();
    const [after] = await client().listSecrets({ parent: PARENT, filter: 'labels.stage=three' }, signed());

    expect([before, after].map((found) => found.map((secret) => secret.name))).toEqual([[name], [name]]);
  });

  test('a new version is there by its number, and neither as latest nor in the list', async () => {
    const { name } = await createSecret();
    await addVersion(name, 'one');
    await standIn().settle();
    await addVersion(name, 'two');

    const [byNumber] = await client().accessSecretVersion({ name: `${name}/versions/2` }, signed());
    const [latest] = await client().getSecretVersion({ name: `${name}/versions/latest` }, signed());
    const [value] = await client().accessSecretVersion({ name: `${name}/versions/latest` }, signed());
    const [versions] = await client().listSecretVersions({ parent: name }, signed());
    await standIn().settle();
    const [settled] = await client().getSecretVersion({ name: `${name}/versions/latest` }, signed());

    expect(byNumber.payload?.data?.toString()).toBe('two');
    expect(latest.name).toBe(`${name}/versions/1`);
    expect(value.payload?.data?.toString()).toBe('one');
    expect(versions).toHaveLength(1);
    expect(settled.name).toBe(`${name}/versions/2`);
  });

  test('the first version is not there as latest', async () => {
    const { name } = await createSecret();
    await addVersion(name, 'one');

    const lookup = client().getSecretVersion({ name: `${name}/versions/latest` }, signed());

    await expect(lookup).rejects.toMatchObject({ code: STATUS.NOT_FOUND });
  });

  async function listed(): Promise<string[]> {
    const [secrets] = await client().listSecrets({ parent: PARENT }, signed());
    return secrets.map(({ name }) => name?.split('/').at(-1) ?? '');
  }
});

function openQuota(quotas: Partial<Parameters<typeof createQuota>[0]>) {
  const clock = { ms: 1_700_000_000_000 };
  const none = { writesPerMinute: 0, readsPerMinute: 0, accessesPerMinute: 0, ofSecrets: false };
  return { clock, quota: createQuota({ ...none, projects, now: () => new Date(clock.ms), ...quotas }) };
}
