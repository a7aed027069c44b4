import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AzureDestination } from '../../../src/crd/destinations/azure.ts';
import { compileShape, keyValue } from '../../../src/sync/shape/shape.ts';
import { azure } from '../../../src/sync-targets/azure/index.ts';
import type { Target } from '../../../src/sync-targets/contract.ts';
import type { JsonObject } from '../../../src/vault/json.ts';
import { type Caller, startCaller } from '../../stand-ins/azure-key-vault-caller.ts';
import { createContext, createManualClock, desire } from '../conformance/under-test.ts';
import { extract, find, readRemoteRef } from './external-secrets.ts';
import { settingsFor } from './under-test.ts';

let caller: Caller;
let target: Target;
let names = 0;

beforeAll(async () => {
  caller = await startCaller();
  const { standIn } = caller;
  const context = createContext({ settings: settingsFor(standIn), clock: createManualClock(Date.now()), errors: [] });
  target = azure.open({ azure: { vaultUrl: standIn.vaultUrl } }, context);
});

afterAll(async () => {
  await target.close?.();
  await caller.close();
});

/** Copies the keys of a secret in Vault, in the shape that a manifest without a word about it asks for. */
async function copy(path: string, keys: JsonObject, fields: Partial<AzureDestination> = {}): Promise<string> {
  const name = target.nameOf(path, { derived: true, naming: fields.naming });
  await put(name, compileShape(fields)(keys), fields);
  return name;
}

async function put(name: string, value: string, fields: Partial<AzureDestination>): Promise<void> {
  const destination = { azure: { vaultName: 'any', ...fields } };
  const desired = desire({ name, value, owner: '0'.repeat(32), destination });
  target.preflight(desired);
  await target.write(desired, { kind: 'absent' }, AbortSignal.timeout(100_000));
}

function freshPath(): string {
  names += 1;
  return `team/app-${names}`;
}

describe('External Secrets Operator reads a copy', () => {
  test('by its name, with and without the kind of object before it', async () => {
    const key = await copy(freshPath(), { user: 'ada' });

    const values = await Promise.all([
      readRemoteRef(caller.client, { key }),
      readRemoteRef(caller.client, { key: `secret/${key}` }),
    ]);

    expect(values).toEqual(['{"user":"ada"}', '{"user":"ada"}']);
  });

  test('by each key of the secret as a property', async () => {
    const key = await copy(freshPath(), { user: 'ada', port: 5432, tls: true, hosts: ['a', 'b'], none: null });

    const read = (property: string) => readRemoteRef(caller.client, { key, property });

    expect(await read('user')).toBe('ada');
    expect(await read('port')).toBe('5432');
    expect(await read('tls')).toBe('true');
    expect(await read('hosts')).toBe('["a","b"]');
    expect(await read('none')).toBe('');
    expect(await read('missing')).toBeNull();
  });

  test('by a key with dots, and by a path into a nested value', async () => {
    const key = await copy(freshPath(), { 'tls.crt': 'certificate', db: { main: { password: 'hunter2' } } });

    const read = (property: string) => readRemoteRef(caller.client, { key, property });

    expect(await read('tls.crt')).toBe('certificate');
    expect(await read('tls\\.crt')).toBe('certificate');
    expect(await read('db.main.password')).toBe('hunter2');
  });

  test('exactly, whatever its keys and values are, as long as a key has no character of gjson', async () => {
    const plainKey = fc.stringMatching(/^[A-Za-z0-9_äöü :/-]{1,20}$/);
    const secret = fc.dictionary(plainKey, fc.string({ unit: 'grapheme' }), {
      minKeys: 1,
      maxKeys: 5,
      noNullPrototype: true,
    });
    await fc.assert(
      fc.asyncProperty(secret, async (keys) => {
        const key = await copy(freshPath(), keys);
        for (const [property, value] of Object.entries(keys)) {
          expect(await readRemoteRef(caller.client, { key, property })).toBe(value);
        }
        expect(await extract(caller.client, key)).toEqual(keys);
      }),
      { seed: 1, numRuns: 20 },
    );
  });

  test.each(['a*b', 'a?b', '@a', '!a', 'a|b', 'a#b'])(
    'by the key %j only when its character of gjson is escaped',
    async (name) => {
      const key = await copy(freshPath(), { [name]: 'value' });

      const escaped = name.replace(/[*?@!|#]/, '\\$&');

      expect(await readRemoteRef(caller.client, { key, property: name })).toBeNull();
      expect(await readRemoteRef(caller.client, { key, property: escaped })).toBe('value');
    },
  );

  test('whole, when it is one key of the secret', async () => {
    const path = freshPath();
    const name = target.nameOf(`${path}/password`, { derived: true });
    await put(name, keyValue('-----BEGIN\nhunter2'), { granularity: 'key' });

    expect(await readRemoteRef(caller.client, { key: name })).toBe('-----BEGIN\nhunter2');
  });

  test.each(['key/app', 'cert/app', 'secret/app', 'a/b/c'])(
    'made of the path %s by a name that does not look like another kind of object',
    async (path) => {
      const key = await copy(path, { path });

      expect(await readRemoteRef(caller.client, { key, property: 'path' })).toBe(path);
    },
  );

  test('among others by name, and by a tag of the manifest', async () => {
    const reversible = { naming: 'Reversible' } as const;
    const key = await copy('found/by_name', { a: '1' }, { ...reversible, tags: { environment: 'dev' } });

    expect(await find(caller.client, { name: /^found-/ })).toEqual([key]);
    expect(await find(caller.client, { tags: { environment: 'dev' } })).toEqual([key]);
  });

  test('by its tags, with metadataPolicy: Fetch', async () => {
    const key = await copy('tagged/by_path', { a: '1' }, { naming: 'Reversible', tags: { environment: 'dev' } });

    const read = (property: string) => readRemoteRef(caller.client, { key, property, metadataPolicy: 'Fetch' });

    expect(await read('environment')).toBe('dev');
    expect(await read('vss-name')).toBe('tagged/by_path');
  });

  test('not while it is disabled', async () => {
    const key = await copy(freshPath(), { a: '1' }, { enabled: false });

    await expect(readRemoteRef(caller.client, { key })).rejects.toMatchObject({ statusCode: 403 });
  });
});
