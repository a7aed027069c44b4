import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Destination } from '../../../src/crd/vault-secret-sync.ts';
import { actionOf, type Permission, permissions } from '../../stand-ins/azure-key-vault/permissions.ts';
import { type AzureWorld, createAzureWorld, owner, seen, wish } from './world.ts';

let world: AzureWorld;
let names = 0;

beforeAll(async () => {
  world = await createAzureWorld({ deletingMs: 0, recoveringMs: 0, settlingMs: 0 });
});

afterAll(() => world.close());

afterEach(() => world.standIn.allow());

function freshName(): string {
  names += 1;
  return `copy-${names}`;
}

/** What each feature needs, as `docs/reference/stores/azure.md` has it. */
const features: readonly (readonly [string, readonly Permission[], () => Promise<unknown>])[] = [
  ['an update whose copy is remembered', ['set'], updateRemembered],
  ['creation, a look, drift and a listing', ['set', 'list'], createAndRepair],
  ['deletion', ['set', 'list', 'delete'], () => createAndRemove()],
  ['recovery', ['set', 'list', 'delete', 'recover'], removeAndWriteAgain],
  ['deletion for good', ['set', 'list', 'delete', 'purge'], () => createAndRemove(purging)],
];

const purging: Destination = { azure: { vaultName: 'any', deletion: 'Purge' } };

async function updateRemembered(): Promise<void> {
  const name = freshName();
  const written = { versionId: 'remembered', at: 0 };
  await world.target.write(wish(name), { kind: 'remembered', written }, world.signal);
}

async function createAndRepair(): Promise<void> {
  const name = freshName();
  await world.target.describe(name, world.signal);
  const desired = await world.create(name);
  await world.standIn.updateByHand(name, { contentType: 'other' });
  await world.reconcile(desired, { lookAt: world.lookInList });
}

async function createAndRemove(destination?: Destination): Promise<void> {
  const { name } = await world.create(freshName());
  await world.target.remove(await world.look(name), world.signal, destination);
}

async function removeAndWriteAgain(): Promise<void> {
  const { name } = await world.create(freshName());
  await world.target.remove(await world.look(name), world.signal);
  await world.target.write(wish(name, 2), seen(await world.look(name)), world.signal);
}

describe.each(['rbac', 'policy'] as const)('in a vault that goes by %s', (model) => {
  test.each(features)('%s needs %j and no more', async (_feature, needed, use) => {
    await world.standIn.allow({ model, allow: needed });

    await use();

    // No permission of these can be left out.
    for (const left of needed) {
      await world.standIn.allow({ model, allow: needed.filter((permission) => permission !== left) });
      const missing = { remedy: 'SlowRetry', reason: 'PermissionDenied' };
      await expect(use()).rejects.toMatchObject(missing);
    }
  });

  test('nothing needs the right to read values', async () => {
    await world.standIn.allow({ model, allow: permissions.filter((permission) => permission !== 'get') });
    await world.standIn.clearRequests();

    for (const [, , use] of features) await use();

    expect(await world.operations()).not.toContain('GetSecret');
  });
});

test('the role and the access policy of the reference page are those', () => {
  const page = readFileSync(new URL('../../../docs/reference/stores/azure.md', import.meta.url), 'utf8');
  const role: { DataActions: string[] } = JSON.parse(/```json\n(.*?)```/s.exec(page)?.[1] ?? '{}');

  const recoverable = ['set', 'list', 'delete', 'recover'] as const;
  expect(role.DataActions).toEqual(recoverable.map((permission) => actionOf(permission)));
  expect(page).toContain(`--secret-permissions ${recoverable.join(' ')}`);
  for (const permission of [...recoverable, 'purge'] as const) {
    expect(page).toContain(`| \`${permission}\` | \`${actionOf(permission)}\` |`);
  }
});

test('a vault that once refused to show a deleted secret is asked for the list of them from then on', async () => {
  await world.standIn.allow({ model: 'rbac', allow: ['list'] });
  await world.target.describe(freshName(), world.signal);
  await world.standIn.clearRequests();

  await world.target.describe(freshName(), world.signal);

  expect(await world.operations()).toEqual(['GetSecretVersions', 'GetDeletedSecrets']);
});

test.each([
  ['rbac', 'Microsoft.KeyVault/vaults/secrets/setSecret/action', 'goes by roles'],
  ['policy', 'the permission set for secrets', 'goes by access policies'],
] as const)('a refusal by %s names what is missing, and what rules the vault', async (model, missing, rule) => {
  await world.standIn.allow({ model, allow: [] });

  const error = await world.create(freshName()).catch((caught: unknown) => caught);

  const { message } = error as Error;
  expect(message).toContain(missing);
  expect(message).toContain(rule);
});

test('copies of one owner are found with the right to list alone', async () => {
  const { name } = await world.create(freshName());
  await world.standIn.allow({ model: 'rbac', allow: ['list'] });

  expect(await world.lookInList(name)).toMatchObject({ owner });
});
