import { describe, expect, test } from '@jest/globals';
import { PARENT, STATUS, signed, useStandIn } from './gcp-secret-manager/vendor-client.ts';

const { standIn, client, createSecret, addVersion } = useStandIn();

const refused = { code: STATUS.INVALID_ARGUMENT };
const keyIn = (location: string) => ({
  kmsKeyName: `projects/kms/locations/${location}/keyRings/ring/cryptoKeys/key`,
});
const inParis = (key?: { kmsKeyName: string }) => ({
  userManaged: {
    replicas: [{ location: 'europe-west9', ...(key ? { customerManagedEncryption: key } : {}) }],
  },
});

function update(name: string, paths: string[], members: object) {
  return client().updateSecret({ secret: { name, ...members }, updateMask: { paths } }, signed());
}

describe('regional secrets', () => {
  const parent = `${PARENT}/locations/europe-west3`;

  test('are apart from global ones of the same name', async () => {
    const global = await createSecret();

    const [regional] = await client().createSecret({ parent, secretId: global.id, secret: {} }, signed());
    const [listed] = await client().listSecrets({ parent }, signed());

    expect(regional.name).toBe(`projects/424242424242/locations/europe-west3/secrets/${global.id}`);
    expect(listed.map(({ name }) => name)).toEqual([regional.name]);
  });

  test.each([
    ['replication', { replication: { automatic: {} } }],
    ['the key of another location', { customerManagedEncryption: keyIn('europe-west9') }],
  ])('with %s are refused', async (_, secret) => {
    await expect(client().createSecret({ parent, secretId: 'never', secret }, signed())).rejects.toMatchObject(refused);
  });
});

describe('keys', () => {
  test('may change where replication may not', async () => {
    const { name } = await createSecret({ replication: inParis() });

    const [updated] = await update(name, ['replication'], { replication: inParis(keyIn('europe-west9')) });

    expect(updated.replication?.userManaged?.replicas?.[0]?.customerManagedEncryption).toEqual(keyIn('europe-west9'));
  });

  test.each([
    ['of another location than the replica', inParis(keyIn('europe-west3'))],
    ['that are not global, for automatic replication', { automatic: { customerManagedEncryption: keyIn('us-east1') } }],
    ['that are no names of keys', inParis({ kmsKeyName: 'key' })],
  ])('%s are refused', async (_, replication) => {
    await expect(createSecret({ replication })).rejects.toMatchObject(refused);
  });
});

describe('members that a secret may have', () => {
  test.each([
    ['eleven topics', { topics: Array.from({ length: 11 }, (_, index) => ({ name: `projects/p/topics/t${index}` })) }],
    ['a topic without its project', { topics: [{ name: 'changes' }] }],
    ['an expiry that is over', { expireTime: { seconds: 1 } }],
    ['a delay of destruction of less than a day', { versionDestroyTtl: { seconds: 86_399 } }],
    ['a delay of destruction of more than 1,000 days', { versionDestroyTtl: { seconds: 86_400_001 } }],
    ['an alias before there is a version', { versionAliases: { first: 1 } }],
    ['rotation, which this stand-in does not know', { rotation: { rotationPeriod: { seconds: 3600 } } }],
  ])('%s is refused', async (_, members) => {
    await expect(createSecret(members)).rejects.toMatchObject(refused);
  });

  test.each([['latest'], ['NEW'], ['1st'], ['a.b'], ['a'.repeat(64)]])('the alias %s is refused', async (alias) => {
    const { name } = await createSecret();
    await addVersion(name, 'one');

    await expect(update(name, ['version_aliases'], { versionAliases: { [alias]: 1 } })).rejects.toMatchObject(refused);
  });

  test('a version can be looked at by its alias, and destroyed by its number only', async () => {
    const { name } = await createSecret();
    await addVersion(name, 'one');
    await addVersion(name, 'two');
    await update(name, ['version_aliases'], { versionAliases: { first: 1 } });

    const [version] = await client().getSecretVersion({ name: `${name}/versions/first` }, signed());
    const destruction = client().destroySecretVersion({ name: `${name}/versions/first` }, signed());

    expect(version.name).toBe(`${name}/versions/1`);
    await expect(destruction).rejects.toMatchObject(refused);
  });

  test('a secret is gone once it has expired', async () => {
    const { name } = await createSecret({ ttl: { seconds: 1 } });

    const goneAt = Date.now() + 10_000;
    let code: number | undefined;
    while (code === undefined && Date.now() < goneAt) {
      code = await client()
        .getSecret({ name }, signed())
        .then(() => undefined)
        .catch((error: { code: number }) => error.code);
    }

    expect(code).toBe(STATUS.NOT_FOUND);
  });
});

describe('delayed destruction', () => {
  test('disables a version and says when it will be destroyed; enabling it takes that back', async () => {
    const { name } = await createSecret({ versionDestroyTtl: { seconds: 86_400 } });
    const version = await addVersion(name, 'one');

    const [destroyed] = await client().destroySecretVersion({ name: version }, signed());
    const [enabled] = await client().enableSecretVersion({ name: version }, signed());

    expect(destroyed).toMatchObject({ state: 'DISABLED', destroyTime: null });
    const delay = Number(destroyed.scheduledDestroyTime?.seconds) - Number(destroyed.createTime?.seconds);
    expect(delay).toBeGreaterThanOrEqual(86_400);
    expect(enabled).toMatchObject({ state: 'ENABLED', scheduledDestroyTime: null });
  });
});

describe('permissions', () => {
  test('that are taken away are named in the refusal', async () => {
    const { name } = await createSecret();
    await standIn().allow(['secretmanager.secrets.list']);

    const looking = client().getSecret({ name }, signed());

    await expect(looking).rejects.toMatchObject({
      code: STATUS.PERMISSION_DENIED,
      message: expect.stringContaining("Permission 'secretmanager.secrets.get' denied"),
    });
    await standIn().allow();
    await client().getSecret({ name }, signed());
  });

  test('that do not exist are refused by the admin port', async () => {
    await expect(standIn().allow(['secretmanager.secrets.look'])).rejects.toThrow('secretmanager.secrets.look');
  });
});

test('a checksum can be lost on the way', async () => {
  const { name } = await createSecret();
  await standIn().fault({ kind: 'lose-checksum', count: 1 });
  const payload = { data: Buffer.from('123456789'), dataCrc32c: 0xe3069283 };

  const [version] = await client().addSecretVersion({ parent: name, payload }, signed());

  expect(version.clientSpecifiedPayloadChecksum).toBe(false);
});
