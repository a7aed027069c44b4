import { describe, expect, test } from '@jest/globals';
import { crc32c } from './gcp-secret-manager/crc32c.ts';
import { STATUS, signed, useStandIn } from './gcp-secret-manager/vendor-client.ts';

const { standIn, client, createSecret, addVersion } = useStandIn();

describe('versions', () => {
  test('a payload of every byte comes back as it went in, with its checksum', async () => {
    const { name } = await createSecret();
    const data = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const [added] = await client().addSecretVersion(
      { parent: name, payload: { data, dataCrc32c: crc32c(data) } },
      signed(),
    );

    const [access] = await client().accessSecretVersion({ name: `${name}/versions/latest` }, signed());

    expect(added).toMatchObject({ name: `${name}/versions/1`, state: 'ENABLED', clientSpecifiedPayloadChecksum: true });
    expect(access.name).toBe(`${name}/versions/1`);
    expect(Buffer.from(access.payload?.data as Uint8Array)).toEqual(data);
    expect(access.payload?.dataCrc32c).toBe(String(crc32c(data)));
  });

  test('CRC32C is the one of Castagnoli', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  test('a wrong checksum is refused and adds no version', async () => {
    const { name } = await createSecret();
    const data = Buffer.from('value');

    const addition = client().addSecretVersion(
      { parent: name, payload: { data, dataCrc32c: crc32c(data) + 1 } },
      signed(),
    );

    await expect(addition).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
    await expect(client().getSecretVersion({ name: `${name}/versions/latest` }, signed())).rejects.toMatchObject({
      code: STATUS.NOT_FOUND,
    });
  });

  test('a payload may have 65,536 bytes; 65,537, none, and no payload at all are refused', async () => {
    const { name } = await createSecret();

    await client().addSecretVersion({ parent: name, payload: { data: Buffer.alloc(65_536, 1) } }, signed());
    const large = client().addSecretVersion({ parent: name, payload: { data: Buffer.alloc(65_537, 1) } }, signed());
    const empty = client().addSecretVersion({ parent: name, payload: { data: Buffer.alloc(0) } }, signed());
    const missing = client().addSecretVersion({ parent: name }, signed());

    await expect(large).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
    await expect(empty).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
    await expect(missing).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
  });

  test('adding a version leaves the etag of its secret as it was', async () => {
    const { name, etag } = await createSecret();

    await addVersion(name, 'value');

    const [secret] = await client().getSecret({ name }, signed());
    expect(secret.etag).toBe(etag);
  });

  test('`latest` is the newest version whatever its state, and cannot be read unless it is enabled', async () => {
    const { name } = await createSecret();
    await addVersion(name, 'one');
    const second = await addVersion(name, 'two');
    const latest = { name: `${name}/versions/latest` };

    await client().disableSecretVersion({ name: second }, signed());
    const [disabled] = await client().getSecretVersion(latest, signed());
    await expect(client().accessSecretVersion(latest, signed())).rejects.toMatchObject({
      code: STATUS.FAILED_PRECONDITION,
    });
    await client().destroySecretVersion({ name: second }, signed());
    await expect(client().accessSecretVersion(latest, signed())).rejects.toMatchObject({
      code: STATUS.FAILED_PRECONDITION,
      message: expect.stringContaining('is in DESTROYED state'),
    });

    expect(disabled).toMatchObject({ name: second, state: 'DISABLED' });
  });

  test('a disabled version can be enabled again; a destroyed one stays destroyed and keeps no payload', async () => {
    const { id, name } = await createSecret();
    const version = await addVersion(name, 'one');
    await client().disableSecretVersion({ name: version }, signed());
    const [enabled] = await client().enableSecretVersion({ name: version }, signed());

    const [destroyed] = await client().destroySecretVersion({ name: version }, signed());

    expect(enabled.state).toBe('ENABLED');
    expect(destroyed).toMatchObject({ state: 'DESTROYED', destroyTime: { seconds: expect.anything() } });
    expect(await standIn().payload('team-payments', id)).toBeNull();
    await expect(client().enableSecretVersion({ name: version }, signed())).rejects.toMatchObject({
      code: STATUS.FAILED_PRECONDITION,
    });
  });

  test('an etag guards a change of state, and `latest` names no version to change', async () => {
    const { name } = await createSecret();
    const version = await addVersion(name, 'one');

    const stale = client().disableSecretVersion({ name: version, etag: '"stale"' }, signed());
    const latest = client().disableSecretVersion({ name: `${name}/versions/latest` }, signed());

    await expect(stale).rejects.toMatchObject({ code: STATUS.FAILED_PRECONDITION });
    await expect(latest).rejects.toMatchObject({ code: STATUS.INVALID_ARGUMENT });
  });

  test('a secret without versions has no latest', async () => {
    const { name } = await createSecret();

    const lookup = client().getSecretVersion({ name: `${name}/versions/latest` }, signed());

    await expect(lookup).rejects.toMatchObject({
      code: STATUS.NOT_FOUND,
      message: expect.stringContaining('has no versions'),
    });
  });
});
