import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../peers/processes.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { calm, canary, collect, createReaders, listen, must } from './world.ts';

const ear = listen();
const readers = createReaders(ear);
let vault: VaultPeer;

beforeAll(async () => {
  vault = await startVault();
});
afterEach(() => readers.closeAll());
afterAll(() => vault?.stop());

const inMount = (mount: string) => ({ namespace: '', mount, name: 'app' });

/** A reader that has already read `app` from a new mount. */
async function openWarm(mount: string, version: 1 | 2) {
  await vault.enableKv(mount, version);
  await putInto(mount, version);
  const { reader, requests } = readers.open({ address: vault.address });
  await reader.read(inMount(mount), calm);
  requests.length = 0;
  const { uuid } = await reader.mount(inMount(mount), { fresh: false, signal: calm });
  return { reader, requests, uuid };
}

async function putInto(mount: string, version: 1 | 2): Promise<void> {
  if (version === 1) await must(vault, 'POST', `${mount}/app`, { user: canary });
  else await must(vault, 'POST', `${mount}/data/app`, { data: { user: canary } });
}

describe('a mount that changes', () => {
  test('proves nothing once it is disabled, for a reader that knew it and for a new one', async () => {
    const { reader } = await openWarm('disabled', 2);
    await must(vault, 'DELETE', 'sys/mounts/disabled');
    const stranger = readers.open({ address: vault.address }).reader;

    const warm = await ear.refusal(reader.read(inMount('disabled'), calm));
    const cold = await ear.refusal(stranger.read(inMount('disabled'), calm));
    const listing = await ear.refusal(collect(stranger.list({ ...inMount('disabled'), prefix: '' }, calm)));

    expect(warm).toMatchObject({ remedy: 'SourceUnavailable', reason: 'MountMissing' });
    expect(cold).toMatchObject({ remedy: 'SlowRetry', reason: 'PermissionDenied' });
    expect(cold.message).toContain('may not exist');
    expect(listing).toMatchObject({ remedy: 'SlowRetry' });
  });

  test('has another uuid when it was made anew', async () => {
    const { reader, uuid } = await openWarm('remade', 2);
    await must(vault, 'DELETE', 'sys/mounts/remade');
    await vault.enableKv('remade', 2);

    const read = await reader.read(inMount('remade'), calm);

    expect(read).toMatchObject({ found: false, because: 'notFound', mountUuid: expect.any(String) });
    expect(read).not.toMatchObject({ mountUuid: uuid });
  });

  test('proves nothing at its old place after a move, and keeps its uuid at the new one', async () => {
    const { reader, uuid } = await openWarm('before', 2);
    await must(vault, 'POST', 'sys/remount', { from: 'before', to: 'after/it' });
    await eventually(async () => (await vault.api('GET', 'after/it/data/app')).status === 200, { what: 'the move' });

    const old = await ear.refusal(reader.read(inMount('before'), calm));
    const moved = await reader.mount(inMount('after/it'), { fresh: true, signal: calm });

    expect(old).toMatchObject({ remedy: 'SourceUnavailable', reason: 'MountMissing' });
    expect(moved).toEqual({ kvVersion: 2, uuid });
    expect(await reader.read(inMount('after/it'), calm)).toMatchObject({ found: true, data: { user: canary } });
  });

  test.each([
    [1, 2],
    [2, 1],
  ] as const)('is read rightly at once when it was version %i and is made anew as version %i', async (from, to) => {
    const mount = `from${from}to${to}`;
    const { reader, requests } = await openWarm(mount, from);
    await must(vault, 'DELETE', `sys/mounts/${mount}`);
    await vault.enableKv(mount, to);
    await putInto(mount, to);

    const read = await reader.read(inMount(mount), calm);

    expect(read).toMatchObject({ found: true, data: { user: canary } });
    expect(requests).toEqual(['read', 'mount', 'read']);
  });

  test('is listed rightly at once when it was made anew as another version', async () => {
    const { reader } = await openWarm('relisted', 2);
    await must(vault, 'DELETE', 'sys/mounts/relisted');
    await vault.enableKv('relisted', 1);
    await putInto('relisted', 1);

    const names = await collect(reader.list({ ...inMount('relisted'), prefix: '' }, calm));

    expect(names).toEqual(['app']);
  });

  test('keeps its secrets readable through an upgrade from version 1 to 2', async () => {
    const { reader } = await openWarm('upgraded', 1);
    await must(vault, 'POST', 'sys/mounts/upgraded/tune', { options: { version: '2' } });

    const read = await eventually(() => reader.read(inMount('upgraded'), calm), { what: 'the upgrade' });

    expect(read).toMatchObject({ found: true, version: 1, data: { user: canary } });
  });

  test('is asked for anew only when told to', async () => {
    const { reader, requests } = await openWarm('asked', 2);

    await reader.mount(inMount('asked'), { fresh: false, signal: calm });
    await reader.mount(inMount('asked'), { fresh: true, signal: calm });

    expect(requests).toEqual(['mount']);
  });
});

describe('a sealed Vault', () => {
  test('proves nothing, and is read again once it is unsealed', async () => {
    const { reader } = await openWarm('sealed', 2);
    await vault.seal();

    const reading = await ear.refusal(reader.read(inMount('sealed'), calm));
    const listing = await ear.refusal(collect(reader.list({ ...inMount('sealed'), prefix: '' }, calm)));
    const check = await ear.refusal(reader.check(calm));
    await vault.unseal();
    const after = await eventually(() => reader.read(inMount('sealed'), calm), { what: 'the unsealed Vault' });

    for (const refusal of [reading, listing, check]) {
      expect(refusal).toMatchObject({ remedy: 'SourceUnavailable', reason: 'VaultSealed' });
    }
    expect(after).toMatchObject({ found: true });
    await reader.check(calm);
  });
});

test('no value was logged or thrown', () => {
  ear.expectNoSecretsIn([]);
});
