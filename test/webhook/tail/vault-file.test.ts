import { copyFile, rename, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startVault, type VaultPeer } from '../../peers/start-vault.ts';
import { eventually } from '../fakes.ts';
import { makeTailWorld, type TailWorld } from './tail-world.ts';

let vault: VaultPeer;
let world: TailWorld;

beforeAll(async () => {
  vault = await startVault();
}, 600_000);

afterAll(() => vault.stop());

beforeEach(async () => {
  world = await makeTailWorld();
  const options = { file_path: world.log, mode: '0640' };
  const { status } = await vault.api('PUT', 'sys/audit/followed', { type: 'file', options });
  expect(status).toBe(204);
});

afterEach(async () => {
  await vault.api('DELETE', 'sys/audit/followed');
  await world.close();
});

async function put(name: string): Promise<void> {
  const { status } = await vault.api('POST', `secret/data/${name}`, { data: { user: 'ada' } });
  expect(status).toBe(200);
}

/** What was heard once all of these were; a secret in a mount of version 2 makes one job a change. */
async function heardAll(...names: string[]): Promise<string[]> {
  const heard: string[] = [];
  await eventually(async () => {
    heard.push(...(await world.heard(1)));
    return names.every((name) => heard.includes(name));
  }, names.join());
  return heard;
}

/** Tells Vault to open its audit files anew, and waits until it has made this one. */
async function reopen(): Promise<void> {
  process.kill(vault.pid, 'SIGHUP');
  await eventually(async () => (await stat(world.log).catch(() => null)) !== null, 'the new file');
}

describe("the file of Vault's own file audit device", () => {
  test('is heard, and writes its mode', async () => {
    await world.start();

    await put('a');
    await vault.api('GET', 'secret/data/a');
    await put('b');

    expect(await heardAll('a', 'b')).toEqual(['a', 'b']);
    expect((await stat(world.log)).mode & 0o777).toBe(0o640);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(0);
  });

  test('is followed over a rename, before and after Vault is told', async () => {
    await world.start();
    await put('a');

    await rename(world.log, join(world.folder, 'audit.log.1'));
    await put('before');
    await reopen();
    await put('after');

    expect(await heardAll('a', 'before', 'after')).toEqual(['a', 'before', 'after']);
    expect(await world.count('fileRotations', { how: 'renamed' })).toBe(1);
    expect(await world.count('fileLosses')).toBe(0);
  });

  test('is gone on with after a restart in which it was renamed twice', async () => {
    await world.start();
    await put('a');
    await heardAll('a');
    await world.stop();

    await put('b');
    await rename(world.log, join(world.folder, 'audit.log-20261120'));
    await reopen();
    await put('c');
    await rename(world.log, join(world.folder, 'audit.log-20261121'));
    await reopen();
    await put('d');
    await world.start();

    expect(await heardAll('b', 'c', 'd')).toEqual(['b', 'c', 'd']);
    expect(await world.count('fileLosses')).toBe(0);
  });

  test('is followed over copytruncate, and a reconcile makes up for what that may have lost', async () => {
    await world.start();
    await put('a');
    await heardAll('a');

    await copyFile(world.log, join(world.folder, 'audit.log.1'));
    await truncate(world.log);
    await put('b');

    expect(await heardAll('b')).toEqual(['b']);
    expect(await world.count('fileLosses')).toBe(1);
    await eventually(() => world.reconciles() === 1, 'the reconcile');
  });
});
