import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { LoopbackServer } from '../peers/forward.ts';
import { startNamespaceProxy } from '../peers/namespace-proxy.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { calm, canary, collect, createReaders, listen, must } from './world.ts';

const ear = listen();
const readers = createReaders(ear);
let vault: VaultPeer;
let proxy: LoopbackServer;

beforeAll(async () => {
  vault = await startVault({ mounts: { 'team-a/secret': 2, 'team-a/inner/old/kv': 1 } });
  proxy = await startNamespaceProxy({ upstream: vault.address, namespaces: ['team-a', 'team-a/inner'] });
  await must(vault, 'POST', 'secret/data/app', { data: { of: 'the root' } });
  await must(vault, 'POST', 'team-a/secret/data/app', { data: { of: 'team-a' } });
  await must(vault, 'POST', 'team-a/inner/old/kv/app', { of: 'inner' });
});
afterEach(() => readers.closeAll());
afterAll(async () => {
  await proxy?.stop();
  await vault?.stop();
});

const place = (namespace: string, mount = 'secret') => ({ namespace, mount, name: 'app' });

describe('a Vault with namespaces', () => {
  test('gives each namespace its own secret of one name, and its own mount', async () => {
    const { reader } = readers.open({ address: proxy.url, namespaces: true });

    const ofRoot = await reader.read(place(''), calm);
    const ofTeam = await reader.read(place('team-a'), calm);
    const ofInner = await reader.read(place('team-a/inner', 'old/kv'), calm);
    const names = await collect(reader.list({ ...place('team-a/inner', 'old/kv'), prefix: '' }, calm));

    expect(ofRoot).toMatchObject({ found: true, data: { of: 'the root' } });
    expect(ofTeam).toMatchObject({ found: true, data: { of: 'team-a' } });
    expect(ofInner).toMatchObject({ found: true, version: 0, data: { of: 'inner' } });
    expect(names).toEqual(['app']);
  });

  test('proves absence with the uuid of the mount in that namespace', async () => {
    const { reader } = readers.open({ address: proxy.url, namespaces: true });
    const rootMount = await reader.mount(place(''), { fresh: true, signal: calm });

    const read = await reader.read({ ...place('team-a'), name: 'nothing' }, calm);

    expect(read).toMatchObject({ found: false, because: 'notFound', mountUuid: expect.any(String) });
    expect(read).not.toMatchObject({ mountUuid: rootMount.uuid });
  });

  test('proves nothing about a namespace that it does not have', async () => {
    const { reader } = readers.open({ address: proxy.url, namespaces: true });

    const refusal = await ear.refusal(reader.read(place('team-b'), calm));

    expect(refusal).toMatchObject({ remedy: 'SourceUnavailable', reason: 'MountMissing' });
    expect(refusal.message).toContain('in the namespace "team-b"');
  });
});

describe('a Vault without namespaces', () => {
  test('is never asked for one: it would answer with the secret of the root', async () => {
    const { reader, requests } = readers.open({ address: vault.address, namespaces: false });

    const reading = await ear.refusal(reader.read(place('team-a'), calm));
    const listing = await ear.refusal(collect(reader.list({ ...place('team-a'), prefix: '' }, calm)));
    const mount = await ear.refusal(reader.mount(place('team-a'), { fresh: true, signal: calm }));

    for (const refusal of [reading, listing, mount]) {
      expect(refusal).toMatchObject({ remedy: 'FixSpec', reason: 'NamespacesOff' });
      expect(refusal.message).toContain('vaults[].namespaces');
    }
    expect(requests).toEqual([]);
  });
});

test('no value was logged or thrown', () => {
  ear.expectNoSecretsIn([canary]);
});
