import { describe, expect, test } from '@jest/globals';
import { AUTOMATIC, NUMBER, PARENT, STATUS, signed, useStandIn } from './gcp-secret-manager/vendor-client.ts';

const { standIn, client, createSecret, addVersion } = useStandIn();

describe('names of resources', () => {
  test('a secret is reached by the id and by the number of its project, and answers with the number', async () => {
    const { id } = await createSecret();

    const [byId] = await client().getSecret({ name: `projects/team-payments/secrets/${id}` }, signed());
    const [byNumber] = await client().getSecret({ name: `projects/${NUMBER}/secrets/${id}` }, signed());

    expect(byId.name).toBe(`projects/${NUMBER}/secrets/${id}`);
    expect(byNumber.name).toBe(byId.name);
  });

  test('an unknown project is denied, like one that is out of reach', async () => {
    const lookup = client().getSecret({ name: 'projects/nobody/secrets/x' }, signed());

    await expect(lookup).rejects.toMatchObject({
      code: STATUS.PERMISSION_DENIED,
      message: expect.stringContaining("'secretmanager.secrets.get' denied"),
    });
  });

  test('an absent secret is NOT_FOUND and named with the number of its project', async () => {
    const lookup = client().getSecret({ name: `${PARENT}/secrets/absent` }, signed());

    await expect(lookup).rejects.toMatchObject({
      code: STATUS.NOT_FOUND,
      message: expect.stringContaining(`Secret [projects/${NUMBER}/secrets/absent] not found`),
    });
  });

  test.each([
    ['with a dot', 'a.b'],
    ['with a slash', 'a/b'],
    ['empty', ''],
    ['of 256 characters', 'a'.repeat(256)],
  ])('a secret id %s is refused', async (_, secretId) => {
    const creation = client().createSecret({ parent: PARENT, secretId, secret: { replication: AUTOMATIC } }, signed());

    await expect(creation).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
  });

  test('a secret id may have 255 characters', async () => {
    const secretId = 'Z_-9'.padEnd(255, 'a');

    const [secret] = await client().createSecret(
      { parent: PARENT, secretId, secret: { replication: AUTOMATIC } },
      signed(),
    );

    expect(secret.name).toBe(`projects/${NUMBER}/secrets/${secretId}`);
  });
});

describe('secrets', () => {
  test('a second secret of the same id already exists', async () => {
    const { id } = await createSecret();

    const creation = client().createSecret(
      { parent: PARENT, secretId: id, secret: { replication: AUTOMATIC } },
      signed(),
    );

    await expect(creation).rejects.toMatchObject({ code: STATUS.ALREADY_EXISTS });
  });

  test.each([
    ['no replication', {}],
    ['user-managed replication without replicas', { replication: { userManaged: { replicas: [] } } }],
  ])('%s is refused', async (_, secret) => {
    const creation = client().createSecret({ parent: PARENT, secretId: 'unreplicated', secret }, signed());

    await expect(creation).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
  });

  test('replication cannot be changed', async () => {
    const { name } = await createSecret();
    const inParis = { userManaged: { replicas: [{ location: 'europe-west9' }] } };

    const update = client().updateSecret(
      { secret: { name, replication: inParis }, updateMask: { paths: ['replication'] } },
      signed(),
    );

    await expect(update).rejects.toMatchObject({
      code: STATUS.INVALID_ARGUMENT,
      message: expect.stringContaining('[replication] cannot be updated'),
    });
  });

  test('an update without a mask is refused', async () => {
    const { name } = await createSecret();

    const update = client().updateSecret({ secret: { name, labels: { a: 'b' } } }, signed());

    await expect(update).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
  });

  test('an update changes what its mask names and nothing else', async () => {
    const { name } = await createSecret({ labels: { team: 'a' }, annotations: { note: 'kept' } });

    const change = { secret: { name, labels: { team: 'b' }, annotations: {} }, updateMask: { paths: ['labels'] } };
    await client().updateSecret(change, signed());

    const [secret] = await client().getSecret({ name }, signed());
    expect(secret).toMatchObject({ labels: { team: 'b' }, annotations: { note: 'kept' } });
  });

  test('an update with an etag that is no longer current is refused', async () => {
    const { name, etag } = await createSecret();
    const update = { secret: { name, etag, labels: { n: '1' } }, updateMask: { paths: ['labels'] } };
    const [updated] = await client().updateSecret(update, signed());

    const late = client().updateSecret(update, signed());

    await expect(late).rejects.toMatchObject({ code: STATUS.FAILED_PRECONDITION });
    expect(updated.etag).not.toBe(etag);
    expect(updated.etag).toMatch(/^".+"$/);
  });

  test('an etag guards deletion, and a deleted secret leaves nothing behind', async () => {
    const { id, name, etag } = await createSecret();
    await addVersion(name, 'first life');

    await expect(client().deleteSecret({ name, etag: '"stale"' }, signed())).rejects.toMatchObject({
      code: STATUS.FAILED_PRECONDITION,
    });
    await client().deleteSecret({ name, etag }, signed());
    await client().createSecret({ parent: PARENT, secretId: id, secret: { replication: AUTOMATIC } }, signed());

    expect(await addVersion(name, 'second life')).toBe(`${name}/versions/1`);
  });
});

describe('labels and annotations', () => {
  test.each([
    ['a label key in upper case', { labels: { Team: 'a' } }],
    ['a label key that starts with a digit', { labels: { '1team': 'a' } }],
    ['a label key of 64 characters', { labels: { ['a'.repeat(64)]: 'a' } }],
    ['a label key of more than 128 bytes', { labels: { ['語'.repeat(43)]: 'a' } }],
    ['a label value in upper case', { labels: { team: 'Payments' } }],
    ['a label value of 64 characters', { labels: { team: 'a'.repeat(64) } }],
    ['65 labels', { labels: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, ''])) }],
    ['an annotation key that ends with a dot', { annotations: { 'note.': 'a' } }],
    ['an annotation key of 64 characters', { annotations: { ['a'.repeat(64)]: 'a' } }],
    ['annotations of 16 KiB together', { annotations: { note: 'a'.repeat(16 * 1024 - 4) } }],
  ])('%s is refused, at creation and in an update', async (_, members) => {
    const { name } = await createSecret();

    const creation = createSecret(members);
    const update = client().updateSecret(
      { secret: { name, ...members }, updateMask: { paths: Object.keys(members) } },
      signed(),
    );

    await expect(creation).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
    await expect(update).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
  });

  test('64 labels, international letters, and annotations just below 16 KiB are accepted', async () => {
    const labels = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`größe${index}`, '']));
    const annotations = { 'a.b-c_D': 'x'.repeat(16 * 1024 - 8) };

    const { name } = await createSecret({ labels, annotations });

    const [secret] = await client().getSecret({ name }, signed());
    expect(secret).toMatchObject({ labels, annotations });
  });
});

describe('listing', () => {
  test('a filter on a label finds the secrets of one owner in its project, page by page, newest first', async () => {
    const labels = { 'vss-owner': 'owner-of-three' };
    const created = [await createSecret({ labels }), await createSecret({ labels }), await createSecret({ labels })];
    await createSecret({ labels: { 'vss-owner': 'another' } });
    await client().createSecret(
      { parent: 'projects/team-search', secretId: 'elsewhere', secret: { replication: AUTOMATIC, labels } },
      signed(),
    );
    await standIn().forgetRequests();

    const request = { parent: PARENT, filter: 'labels.vss-owner=owner-of-three', pageSize: 2 };
    const names = [];
    for await (const secret of client().listSecretsAsync(request, { ...signed(), autoPaginate: false }))
      names.push(secret.name);

    expect(names).toEqual(created.map(({ name }) => name).reverse());
    expect(await standIn().requests()).toHaveLength(2);
  });

  test('a filter it does not understand and a broken page token are refused, not ignored', async () => {
    const options = { ...signed(), autoPaginate: false };

    const filtered = client().listSecrets({ parent: PARENT, filter: 'create_time<2021-01-01' }, options);
    const paged = client().listSecrets({ parent: PARENT, pageToken: 'broken' }, { ...signed(), autoPaginate: false });

    await expect(filtered).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
    await expect(paged).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
  });

  test('versions are listed newest first', async () => {
    const { name } = await createSecret();
    await addVersion(name, 'one');
    await addVersion(name, 'two');

    const [versions] = await client().listSecretVersions({ parent: name }, signed());

    expect(versions.map((version) => version.name)).toEqual([`${name}/versions/2`, `${name}/versions/1`]);
  });
});
