import type { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../peers/processes.ts';
import type { AzureKeyVaultStandIn } from './azure-key-vault/start.ts';
import { type Caller, refusalOf, startCaller } from './azure-key-vault-caller.ts';

let caller: Caller;
let standIn: AzureKeyVaultStandIn;
let client: SecretClient;
let names = 0;

beforeAll(async () => {
  caller = await startCaller();
  ({ standIn, client } = caller);
});

afterAll(() => caller.close());

beforeEach(async () => {
  await standIn.clearFaults();
  await standIn.clearRequests();
});

/** A name that no other test uses. */
function freshName(): string {
  names += 1;
  return `secret-${names}`;
}

async function deleteFully(name: string): Promise<void> {
  await client.beginDeleteSecret(name);
  await eventually(async () => (await standIn.secret(name))?.phase === 'deleted', { what: `${name} to be deleted` });
}

describe('identity', () => {
  test('a request without a token is challenged with the authority and the resource', async () => {
    const answer = await caller.get('/secrets?api-version=7.4');

    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe(
      `Bearer authorization="${standIn.vaultUrl}/${standIn.tenantId}", resource="https://vault.azure.net"`,
    );
  });

  test('a token is issued for a client secret and for a client assertion', async () => {
    const claims = { aud: 'api://AzureADTokenExchange', exp: Math.floor(Date.now() / 1000) + 60 };
    const assertion = ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'signature'].join('.');

    const bySecret = await caller.askForToken({});
    const byAssertion = await caller.askForToken({
      client_secret: '',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });

    expect([bySecret.status, byAssertion.status]).toEqual([200, 200]);
  });

  test.each([
    ['a wrong secret', { client_secret: 'wrong' }, 401, 'AADSTS7000215'],
    ['an unknown client', { client_id: 'nobody' }, 400, 'AADSTS700016'],
    ['a foreign scope', { scope: 'https://graph.microsoft.com/.default' }, 400, 'AADSTS70011'],
    ['another grant', { grant_type: 'password' }, 400, 'AADSTS70003'],
    [
      'an assertion for another audience',
      {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: `e30.${Buffer.from('{"aud":"vault","exp":9999999999}').toString('base64url')}.s`,
      },
      401,
      'AADSTS700212',
    ],
  ])('no token is issued for %s', async (_what, changes, status, code) => {
    const answer = await caller.askForToken(changes);

    expect(answer.status).toBe(status);
    expect(answer.body).toContain(code);
  });

  test('a revoked token is challenged again', async () => {
    const name = freshName();
    await client.setSecret(name, 'one');
    await standIn.revokeTokens();

    const refusal = await refusalOf(client.setSecret(name, 'two'));

    expect(refusal).toBe('401 Unauthorized');
    client = caller.clientAt('localhost');
  });
});

describe('secrets', () => {
  test('a set secret is read back with its version, tags, content type and times in whole seconds', async () => {
    const name = freshName();
    const before = Math.floor(Date.now() / 1000) * 1000;

    await client.setSecret(name, 'välue', { tags: { team: 'a' }, contentType: 'application/json' });

    const { value, properties } = await client.getSecret(name);
    expect(value).toBe('välue');
    expect(properties).toMatchObject({ name, tags: { team: 'a' }, contentType: 'application/json', enabled: true });
    expect(properties).toMatchObject({ recoveryLevel: 'Recoverable+Purgeable', recoverableDays: 90 });
    expect(properties.version).toMatch(/^[0-9a-f]{32}$/);
    expect(properties.createdOn?.getTime()).toBeGreaterThanOrEqual(before);
    expect((properties.createdOn?.getTime() ?? 1) % 1000).toBe(0);
  });

  test('every set makes a version of its own, and takes nothing over from the one before', async () => {
    const name = freshName();
    const first = await client.setSecret(name, 'one', { tags: { team: 'a' }, contentType: 'text/plain' });

    const second = await client.setSecret(name, 'two');

    expect(second.properties.tags).toBeUndefined();
    expect(second.properties.contentType).toBeUndefined();
    const old = await client.getSecret(name, { version: first.properties.version ?? '' });
    expect([old.value, old.properties.tags]).toEqual(['one', { team: 'a' }]);
    expect(await Array.fromAsync(client.listPropertiesOfSecretVersions(name))).toHaveLength(2);
  });

  test('metadata of a version can be changed without a new version', async () => {
    const name = freshName();
    const { properties } = await client.setSecret(name, 'one', { contentType: 'text/plain' });

    await client.updateSecretProperties(name, properties.version ?? '', { tags: { team: 'b' } });

    const versions = await Array.fromAsync(client.listPropertiesOfSecretVersions(name));
    expect(versions).toMatchObject([{ tags: { team: 'b' }, contentType: 'text/plain' }]);
  });

  test('names are the same in any letter case and keep that of the first writing', async () => {
    const name = freshName();
    await client.setSecret(name, 'one');

    const { properties } = await client.setSecret(name.toUpperCase(), 'two');

    expect(properties.name).toBe(name);
    expect((await client.getSecret(name)).value).toBe('two');
  });

  test('a missing secret is not found, and has no versions', async () => {
    const refusal = await refusalOf(client.getSecret('missing'));

    expect(refusal).toBe('404 SecretNotFound');
    expect(await Array.fromAsync(client.listPropertiesOfSecretVersions('missing'))).toEqual([]);
  });

  test('the value of a disabled secret is refused', async () => {
    const name = freshName();
    await client.setSecret(name, 'one', { enabled: false });

    const refusal = await refusalOf(client.getSecret(name));

    expect(refusal).toBe('403 Forbidden SecretDisabled');
  });

  test('not-before and expiry are kept', async () => {
    const name = freshName();
    const [notBefore, expiresOn] = [new Date('2026-01-01T00:00:00Z'), new Date('2030-01-01T00:00:00Z')];

    await client.setSecret(name, 'one', { notBefore, expiresOn });

    expect((await client.getSecret(name)).properties).toMatchObject({ notBefore, expiresOn });
  });

  test('the secret of a certificate is marked as managed and can be neither set nor deleted', async () => {
    const name = freshName();
    await standIn.setManaged(name, 'pkcs12');

    const refusals = [await refusalOf(client.setSecret(name, 'x')), await refusalOf(client.beginDeleteSecret(name))];

    const [version] = await Array.fromAsync(client.listPropertiesOfSecretVersions(name));
    expect(version).toMatchObject({ managed: true, contentType: 'application/x-pkcs12' });
    expect(refusals).toEqual(['403 Forbidden SecretManagedByKeyVault', '403 Forbidden SecretManagedByKeyVault']);
  });

  test('each host name is a vault of its own', async () => {
    const name = freshName();
    const other = caller.clientAt('127.0.0.1');
    await client.setSecret(name, 'one');

    const refusal = await refusalOf(other.getSecret(name));

    expect(refusal).toBe('404 SecretNotFound');
  });
});

describe('limits', () => {
  const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, '']));

  test.each<[string, Parameters<SecretClient['setSecret']>]>([
    ['a name of 127', ['n'.repeat(127), 'x']],
    ['a value of 25,600 bytes', ['big', 'é'.repeat(12_800)]],
    ['an empty value', ['empty', '']],
    ['15 tags of 512 characters', ['tags', 'x', { tags: { ...tags(14), ['k'.repeat(512)]: 'v'.repeat(512) } }]],
    ['a content type of 255', ['content-type', 'x', { contentType: 'c'.repeat(255) }]],
  ])('%s is taken', async (_what, given) => {
    await expect(client.setSecret(...given)).resolves.toBeDefined();
  });

  test.each<[string, Parameters<SecretClient['setSecret']>]>([
    ['a name of 128', ['n'.repeat(128), 'x']],
    ['a name with an underscore', ['under_score', 'x']],
    ['a value of 25,601 bytes', ['big', `${'é'.repeat(12_800)}x`]],
    ['16 tags', ['tags', 'x', { tags: tags(16) }]],
    ['a tag name of 513', ['tags', 'x', { tags: { ['k'.repeat(513)]: '' } }]],
    ['a tag value of 513', ['tags', 'x', { tags: { key: 'v'.repeat(513) } }]],
    ['a content type of 256', ['content-type', 'x', { contentType: 'c'.repeat(256) }]],
  ])('%s is refused', async (_what, given) => {
    const refusal = await refusalOf(client.setSecret(...given));

    expect(refusal).toBe('400 BadParameter');
  });
});

describe('lists', () => {
  test('come in pages of 25 with a link to the next', async () => {
    const vault = caller.clientAt('127.0.0.1');
    for (let index = 0; index < 26; index += 1)
      await vault.setSecret(`page-${index}`, 'x', { tags: { index: `${index}` } });

    const pages = await Array.fromAsync(vault.listPropertiesOfSecrets().byPage());

    expect(pages.map((page) => page.length)).toEqual([25, 1]);
    expect(pages.flat()).toContainEqual(expect.objectContaining({ name: 'page-25', tags: { index: '25' } }));
    expect(pages.flat().every((item) => item.version === undefined)).toBe(true);
  });

  test('show the metadata of the current version, and deleted secrets apart', async () => {
    const [kept, deleted] = [freshName(), freshName()];
    await client.setSecret(kept, 'one', { tags: { version: 'one' } });
    await client.setSecret(kept, 'two', { tags: { version: 'two' } });
    await client.setSecret(deleted, 'x');
    await deleteFully(deleted);

    const live = await Array.fromAsync(client.listPropertiesOfSecrets());
    const gone = await Array.fromAsync(client.listDeletedSecrets());

    expect(live.find((item) => item.name === kept)?.tags).toEqual({ version: 'two' });
    expect(live.map((item) => item.name)).not.toContain(deleted);
    expect(gone.map((item) => item.name)).toContain(deleted);
  });
});
