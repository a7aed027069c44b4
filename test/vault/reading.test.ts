import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { parseExactly } from '../../src/vault/json.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import {
  type ConnectionCounter,
  calm,
  canary,
  collect,
  countConnections,
  createReaders,
  listen,
  must,
} from './world.ts';

const ear = listen();
const readers = createReaders(ear);
let vault: VaultPeer;

beforeAll(async () => {
  vault = await startVault({ mounts: { v1: 1, 'team/of/kv': 2, 'team/of/old': 1 } });
});
afterEach(() => readers.closeAll());
afterAll(() => vault?.stop());

const root = (mount: string, name: string) => ({ namespace: '', mount, name });
const put = (name: string, data: unknown) => must(vault, 'POST', `secret/data/${name}`, { data });

describe('reading a secret of KV v2', () => {
  test('gives its keys, version, time and custom metadata', async () => {
    await must(vault, 'POST', 'secret/metadata/app/db', { custom_metadata: { team: 'ada' } });
    await put('app/db', { user: 'first' });
    await put('app/db', { user: canary, nested: { list: [1, { deep: true }], none: null } });
    const { reader } = readers.open({ address: vault.address });

    const read = await reader.read(root('secret', 'app/db'), calm);

    expect(read).toEqual({
      found: true,
      version: 2,
      createdTime: expect.stringMatching(/^20\d\d-\d\d-\d\dT.*Z$/),
      data: { user: canary, nested: { list: [1, { deep: true }], none: null } },
      customMetadata: { team: 'ada' },
    });
  });

  test('finds a secret without keys, and one put as null', async () => {
    await put('empty', {});
    await put('null', null);
    const { reader } = readers.open({ address: vault.address });

    const empty = await reader.read(root('secret', 'empty'), calm);
    const ofNull = await reader.read(root('secret', 'null'), calm);

    expect(empty).toMatchObject({ found: true, version: 1, data: {} });
    expect(ofNull).toMatchObject({ found: true, version: 1, data: {} });
  });

  test('finds a secret that is going to be deleted later', async () => {
    await must(vault, 'POST', 'secret/metadata/mortal', { delete_version_after: '1h' });
    await put('mortal', { user: canary });
    const { reader } = readers.open({ address: vault.address });

    const read = await reader.read(root('secret', 'mortal'), calm);

    expect(read).toMatchObject({ found: true, data: { user: canary } });
  });

  test.each([
    'with space',
    'per%cent%2Fslash',
    'ünï/€/名',
    'q?a=1#b&c;d+e',
    'quote\'and"(x)*!~',
    '..dots../...',
    'trailing ',
    '&#x2F;entity',
  ])('finds the name %j', async (name) => {
    const encoded = name.split('/').map(encodeURIComponent).join('/');
    await put(encoded, { name });
    const { reader } = readers.open({ address: vault.address });

    const read = await reader.read(root('secret', name), calm);
    const names = await collect(reader.list({ namespace: '', mount: 'secret', prefix: '' }, calm));

    expect(read).toMatchObject({ found: true, data: { name } });
    expect(names).toContain(name);
  });

  test.each(['../other', 'a/../b', 'a//b', '/a', 'a/', './a', '', 'new\nline', 'half\ud800'])(
    'refuses the name %j, which Vault cannot hold, without a request for it',
    async (name) => {
      const { reader, requests } = readers.open({ address: vault.address });

      const refusal = await ear.refusal(reader.read(root('secret', name), calm));

      expect(refusal).toMatchObject({ remedy: 'FixSpec', reason: 'PathInvalid' });
      expect(requests).toEqual(['mount']);
    },
  );
});

describe('proofs of absence from KV v2', () => {
  test('a deleted version proves it, and an undelete brings the secret back', async () => {
    await put('gone', { user: canary });
    const { reader } = readers.open({ address: vault.address });
    await must(vault, 'DELETE', 'secret/data/gone');

    const deleted = await reader.read(root('secret', 'gone'), calm);
    await must(vault, 'POST', 'secret/undelete/gone', { versions: [1] });
    const undeleted = await reader.read(root('secret', 'gone'), calm);

    const time = expect.stringMatching(/^20\d\d-/);
    expect(deleted).toEqual({ found: false, because: 'deleted', version: 1, createdTime: time, mountUuid: null });
    expect(undeleted).toMatchObject({ found: true, version: 1, data: { user: canary } });
  });

  test('a destroyed version proves it', async () => {
    await put('destroyed', { user: canary });
    await must(vault, 'PUT', 'secret/destroy/destroyed', { versions: [1] });
    const { reader } = readers.open({ address: vault.address });

    const read = await reader.read(root('secret', 'destroyed'), calm);

    expect(read).toMatchObject({ found: false, because: 'destroyed', version: 1 });
  });

  test('a secret whose metadata was deleted is not found in a mount of that uuid; put again, it is version 1', async () => {
    const { reader, requests } = readers.open({ address: vault.address });
    const { uuid } = await reader.mount(root('secret', ''), { fresh: false, signal: calm });
    await put('reborn', { life: 1 });
    await put('reborn', { life: 1.5 });
    await must(vault, 'DELETE', 'secret/metadata/reborn');
    requests.length = 0;

    const between = await reader.read(root('secret', 'reborn'), calm);
    const requestsForAbsence = [...requests];
    await put('reborn', { life: 2 });
    const reborn = await reader.read(root('secret', 'reborn'), calm);

    expect(between).toEqual({
      found: false,
      because: 'notFound',
      version: null,
      createdTime: null,
      mountUuid: uuid,
    });
    expect(requestsForAbsence).toEqual(['read', 'mount']);
    expect(reborn).toMatchObject({ found: true, version: 1, data: { life: 2 } });
  });

  test('a name that never was, and one with metadata only, are not found', async () => {
    await must(vault, 'POST', 'secret/metadata/only', { custom_metadata: { a: 'b' } });
    const { reader } = readers.open({ address: vault.address });

    const never = await reader.read(root('secret', 'never'), calm);
    const only = await reader.read(root('secret', 'only'), calm);

    expect(never).toMatchObject({ found: false, because: 'notFound', mountUuid: expect.stringMatching(/-/) });
    expect(only).toMatchObject({ found: false, because: 'notFound' });
  });
});

describe('KV v1', () => {
  test('gives keys without version or time, and not found after a delete', async () => {
    await must(vault, 'POST', 'v1/app/db', { user: canary, nested: { n: 1 } });
    const { reader } = readers.open({ address: vault.address });

    const found = await reader.read(root('v1', 'app/db'), calm);
    await must(vault, 'DELETE', 'v1/app/db');
    const gone = await reader.read(root('v1', 'app/db'), calm);

    expect(found).toEqual({
      found: true,
      version: 0,
      createdTime: null,
      data: { user: canary, nested: { n: 1 } },
      customMetadata: {},
    });
    const { uuid } = await reader.mount(root('v1', ''), { fresh: true, signal: calm });
    expect(gone).toMatchObject({ found: false, because: 'notFound', mountUuid: uuid });
  });

  // KV v2 itself turns numbers into floats; KV v1 keeps them as they were put.
  test('keeps every digit of numbers', async () => {
    const text = '{"big":12345678901234567890123,"cents":1.10,"odd":9007199254740993,"small":0.0000001}';
    await must(vault, 'POST', 'v1/numbers', parseExactly(text));
    const { reader } = readers.open({ address: vault.address });

    const read = await reader.read(root('v1', 'numbers'), calm);

    expect(JSON.stringify(read.found && read.data)).toBe(text);
  });

  test('lists folders of a mount with slashes', async () => {
    await must(vault, 'POST', 'team/of/old/a/b', { x: canary });
    const { reader } = readers.open({ address: vault.address });

    const names = await collect(reader.list({ namespace: '', mount: 'team/of/old', prefix: '' }, calm));

    expect(names).toEqual(['a/b']);
  });
});

describe('mounts with slashes', () => {
  test('are read and listed', async () => {
    await must(vault, 'POST', 'team/of/kv/data/app/db', { data: { user: canary } });
    const { reader } = readers.open({ address: vault.address });

    const read = await reader.read(root('team/of/kv', 'app/db'), calm);
    const names = await collect(reader.list({ namespace: '', mount: 'team/of/kv', prefix: 'app/' }, calm));

    expect(read).toMatchObject({ found: true, data: { user: canary } });
    expect(names).toEqual(['app/db']);
  });

  test('are named when a path within one is given as the mount', async () => {
    const { reader } = readers.open({ address: vault.address });

    const refusal = await ear.refusal(reader.read(root('secret/app', 'db'), calm));

    expect(refusal).toMatchObject({ remedy: 'FixSpec', reason: 'MountMismatch' });
    expect(refusal.message).toContain('within "secret"');
  });

  test('are refused when they hold no key-value secrets', async () => {
    const { reader } = readers.open({ address: vault.address });

    const refusal = await ear.refusal(reader.read(root('cubbyhole', 'x'), calm));

    expect(refusal).toMatchObject({ remedy: 'FixSpec', reason: 'MountNotKv' });
  });
});

describe('listing', () => {
  beforeAll(async () => {
    await vault.enableKv('tree', 2);
    for (const name of ['a', 'a/b', 'a/b/c', 'z', ...Array.from({ length: 30 }, (_, i) => `wide/${i}/leaf`)]) {
      await must(vault, 'POST', `tree/data/${name}`, { data: { x: canary } });
    }
  });

  test('finds every secret below a prefix, a name that is also a folder included', async () => {
    const { reader } = readers.open({ address: vault.address });

    const all = await collect(reader.list({ namespace: '', mount: 'tree', prefix: '' }, calm));
    const some = await collect(reader.list({ namespace: '', mount: 'tree', prefix: 'a/' }, calm));

    expect(all).toHaveLength(34);
    expect(all).toEqual(expect.arrayContaining(['a', 'a/b', 'a/b/c', 'z', 'wide/29/leaf']));
    expect([...some].sort()).toEqual(['a/b', 'a/b/c']);
  });

  test('finds nothing in an empty folder', async () => {
    const { reader } = readers.open({ address: vault.address });

    expect(await collect(reader.list({ namespace: '', mount: 'tree', prefix: 'nothing/' }, calm))).toEqual([]);
  });

  test('can be left early', async () => {
    const { reader } = readers.open({ address: vault.address });

    for await (const name of reader.list({ namespace: '', mount: 'tree', prefix: '' }, calm)) {
      expect(name).toBe('a');
      break;
    }

    expect(await reader.read(root('tree', 'z'), calm)).toMatchObject({ found: true });
  });
});

describe('what reading costs', () => {
  let counter: ConnectionCounter;

  beforeAll(async () => {
    counter = await countConnections(vault.port);
  });
  afterAll(() => counter.stop());

  test('one request a read once the mount is known, all on one connection', async () => {
    await put('cheap', { user: canary });
    const { reader, requests } = readers.open({ address: counter.url });

    for (let i = 0; i < 20; i += 1) await reader.read(root('secret', 'cheap'), calm);

    expect(requests).toEqual(['mount', ...Array.from({ length: 20 }, () => 'read')]);
    expect(counter.count).toBe(1);
  });

  test('one look at the mount for however many first reads at once', async () => {
    await put('cheap', { user: canary });
    const { reader, requests } = readers.open({ address: vault.address });

    await Promise.all(Array.from({ length: 20 }, () => reader.read(root('secret', 'cheap'), calm)));

    expect(requests.filter((operation) => operation === 'mount')).toHaveLength(1);
    expect(requests).toHaveLength(21);
  });
});

test('no value and no token was logged or thrown', () => {
  ear.expectNoSecretsIn([]);
});
