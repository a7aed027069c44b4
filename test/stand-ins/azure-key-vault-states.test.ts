import type { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../peers/processes.ts';
import type { AzureKeyVaultStandIn } from './azure-key-vault/start.ts';
import { type Caller, refusalOf, startCaller, withCaller } from './azure-key-vault-caller.ts';

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

describe('deletion', () => {
  test('takes a while, in which the name is neither there nor free', async () => {
    await withCaller({ deletingMs: 3_600_000 }, async ({ client: own }) => {
      await own.setSecret('name', 'one');

      await own.beginDeleteSecret('name');

      expect(await refusalOf(own.getDeletedSecret('name'))).toBe('404 SecretNotFound');
      expect(await refusalOf(own.getSecret('name'))).toBe('404 SecretNotFound');
      expect(await refusalOf(own.setSecret('name', 'two'))).toBe('409 Conflict ObjectIsBeingDeleted');
      expect(await refusalOf(own.beginRecoverDeletedSecret('name'))).toBe('409 Conflict ObjectIsBeingDeleted');
    });
  });

  test('keeps the name and its metadata until it is recovered or purged', async () => {
    const name = freshName();
    await client.setSecret(name, 'one', { tags: { team: 'a' } });

    await deleteFully(name);

    const deleted = await client.getDeletedSecret(name);
    expect(deleted).toMatchObject({ name, value: undefined, properties: { tags: { team: 'a' } } });
    expect(deleted.scheduledPurgeDate?.getTime()).toBe((deleted.deletedOn?.getTime() ?? 0) + 90 * 86_400_000);
    expect(await refusalOf(client.setSecret(name, 'two'))).toBe('409 Conflict ObjectIsDeletedButRecoverable');
    expect(await Array.fromAsync(client.listPropertiesOfSecretVersions(name))).toEqual([]);
  });

  test('is undone by recovering, which brings all versions back', async () => {
    const name = freshName();
    await client.setSecret(name, 'one');
    await client.setSecret(name, 'two');
    await deleteFully(name);

    await client.beginRecoverDeletedSecret(name);

    await eventually(async () => (await standIn.secret(name))?.phase === 'live', { what: `${name} to be there again` });
    expect(await Array.fromAsync(client.listPropertiesOfSecretVersions(name))).toHaveLength(2);
    await client.setSecret(name, 'three');
    expect((await client.getSecret(name)).value).toBe('three');
  });

  test('is not undone at once: a secret that is being recovered is neither there nor free', async () => {
    await withCaller({ deletingMs: 0, recoveringMs: 3_600_000 }, async ({ client: own }) => {
      await own.setSecret('name', 'one');
      await own.beginDeleteSecret('name');

      await own.beginRecoverDeletedSecret('name');

      expect(await refusalOf(own.getSecret('name'))).toBe('404 SecretNotFound');
      expect(await refusalOf(own.setSecret('name', 'two'))).toBe('409 Conflict ObjectIsBeingRecovered');
    });
  });

  test('leaves its trace: a recovered secret can be read before it can be set', async () => {
    await withCaller({ deletingMs: 0, recoveringMs: 0, settlingMs: 3_600_000 }, async ({ client: own }) => {
      await own.setSecret('name', 'one');
      await own.beginDeleteSecret('name');

      await own.beginRecoverDeletedSecret('name');

      expect((await own.getSecret('name')).value).toBe('one');
      expect(await refusalOf(own.setSecret('name', 'two'))).toBe('409 Conflict ObjectIsBeingRecovered');
    });
  });

  test('ends for ever with a purge', async () => {
    const name = freshName();
    await client.setSecret(name, 'one');
    await deleteFully(name);

    await client.purgeDeletedSecret(name);

    expect(await refusalOf(client.getDeletedSecret(name))).toBe('404 SecretNotFound');
    await client.setSecret(name, 'two');
    expect(await Array.fromAsync(client.listPropertiesOfSecretVersions(name))).toHaveLength(1);
  });

  test('cannot be made final under purge protection', async () => {
    await withCaller({ purgeProtection: true, recoverableDays: 7, deletingMs: 0 }, async ({ client: own }) => {
      const { properties } = await own.setSecret('name', 'one');
      await own.beginDeleteSecret('name');

      const refusal = await refusalOf(own.purgeDeletedSecret('name'));

      expect(properties.recoveryLevel).toBe('CustomizedRecoverable');
      expect(refusal).toBe('403 Forbidden ForbiddenByPolicy');
    });
  });
});

describe('faults', () => {
  test('throttling answers 429 with the time to wait, as often as it was told', async () => {
    const name = freshName();
    await client.setSecret(name, 'one');
    await standIn.fault({ kind: 'throttle', operation: 'SetSecret', count: 1, retryAfterSeconds: 7 });

    const error = await client.setSecret(name, 'two').catch((caught: unknown) => caught);

    const { statusCode, response } = error as { statusCode: number; response: { headers: Map<string, string> } };
    expect([statusCode, response.headers.get('retry-after')]).toEqual([429, '7']);
    await expect(client.setSecret(name, 'two')).resolves.toBeDefined();
  });

  test('an error of the service has the status asked for', async () => {
    await standIn.fault({ kind: 'error', status: 503 });

    const refusal = await refusalOf(client.setSecret(freshName(), 'one'));

    expect(refusal).toBe('503 InternalServerError');
  });

  test.each([
    ['rbac', '403 Forbidden ForbiddenByRbac'],
    ['policy', '403 Forbidden AccessDenied'],
    ['firewall', '403 Forbidden ForbiddenByFirewall'],
    ['connection', '403 Forbidden ForbiddenByConnection'],
    ['governance', '403 Forbidden ForbiddenByGovernancePolicy'],
  ] as const)('missing rights answer as %s does', async (kind, expected) => {
    await standIn.fault({ kind, operation: 'SetSecret' });

    const refusal = await refusalOf(client.setSecret(freshName(), 'one'));

    expect(refusal).toBe(expected);
  });

  test('a lost answer leaves the write done', async () => {
    const name = freshName();
    await standIn.fault({ kind: 'lost', operation: 'SetSecret', count: 1 });

    const refusal = await refusalOf(client.setSecret(name, 'one'));

    expect(refusal).toContain('ECONNRESET');
    expect((await standIn.secret(name))?.value).toBe('one');
  });

  test('a hanging call is answered by nothing until the caller gives up', async () => {
    await standIn.fault({ kind: 'hang', operation: 'SetSecret' });
    const controller = new AbortController();

    const call = client.setSecret(freshName(), 'one', { abortSignal: controller.signal });
    const refused = expect(call).rejects.toThrow('abort');
    controller.abort();

    await refused;
  });
});

describe('metadata', () => {
  test('is changed without a new version, tags as a whole, and what is not given stays', async () => {
    const name = freshName();
    const { properties } = await client.setSecret(name, 'one', { contentType: 'token', tags: { a: '1', b: '2' } });

    await client.updateSecretProperties(name, properties.version ?? '', { tags: { c: '3' } });

    const stored = await standIn.secret(name);
    expect(stored).toMatchObject({ versions: 1, contentType: 'token', tags: { c: '3' } });
    expect(stored?.tags).not.toHaveProperty('a');
  });

  test('keeps a time that somebody tries to take away, until there is a new version', async () => {
    const name = freshName();
    const expiresOn = new Date('2030-01-01T00:00:00Z');
    const { properties } = await client.setSecret(name, 'one', { expiresOn });

    await client.updateSecretProperties(name, properties.version ?? '', { expiresOn: null as unknown as Date });
    const updated = await standIn.secret(name);
    await client.setSecret(name, 'two');

    expect(updated?.exp).toBe(expiresOn.getTime() / 1000);
    expect(await standIn.secret(name)).toMatchObject({ exp: null });
  });
});

describe('permissions', () => {
  test.each([
    ['rbac', '403 Forbidden ForbiddenByRbac'],
    ['policy', '403 Forbidden AccessDenied'],
  ] as const)('that are not given are refused as %s does, and others are not', async (model, expected) => {
    const name = freshName();
    await standIn.allow({ model, allow: ['set'] });

    const set = await refusalOf(client.setSecret(name, 'one'));
    const read = await refusalOf(client.getSecret(name));
    const deleted = await refusalOf(client.beginDeleteSecret(name));
    await standIn.allow();

    expect([set, read, deleted]).toEqual(['nothing was refused', expected, expected]);
    expect((await client.getSecret(name)).value).toBe('one');
  });
});

test('connections are counted', async () => {
  await withCaller({}, async (own) => {
    await own.client.setSecret('one', 'value');
    await own.client.setSecret('two', 'value');

    expect(await own.standIn.connections()).toBe(1);
  });
});

test('the request log names operations and answers, never values', async () => {
  const name = freshName();
  await client.setSecret(name, 'a-value-nobody-may-see');
  await refusalOf(client.getSecret('missing'));

  const log = await standIn.requests();

  expect(log.map(({ method, path, operation, status }) => [method, path, operation, status])).toEqual([
    ['PUT', `/secrets/${name}`, 'SetSecret', 200],
    ['GET', '/secrets/missing/', 'GetSecret', 404],
  ]);
  expect(JSON.stringify(log)).not.toContain('nobody-may-see');
});
