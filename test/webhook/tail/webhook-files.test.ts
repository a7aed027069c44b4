import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadSettings } from '../../../src/config/load.ts';
import { eventually, jobsOf, startWorld, type World } from '../fakes.ts';
import { changeOf } from './tail-world.ts';

let folder: string;
let world: World | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-files-'));
});

afterEach(async () => {
  await world?.webhook.close(100);
  world = null;
  await rm(folder, { recursive: true, force: true });
});

function fileOf(name: string) {
  return { path: join(folder, name), vault: 'main', checkpoint: join(folder, `${name}.json`) };
}

describe('a webhook that follows files', () => {
  const alone = { http: null, tcp: [], tokens: [] };

  test('needs no listener and no token, and makes jobs of what several of them say', async () => {
    const files = [fileOf('one.log'), fileOf('two.log')];
    for (const { path } of files) await writeFile(path, '');
    world = await startWorld({ settings: { ...alone, files } });

    await appendFile(files[0]?.path ?? '', changeOf('a'));
    await appendFile(files[1]?.path ?? '', changeOf('b'));

    const { state, webhook } = world;
    await eventually(() => state.added.length === 2, 'both jobs');
    expect(jobsOf(state.added).sort()).toEqual(['path main  secret a', 'path main  secret b']);
    expect(webhook.httpAddress).toBeNull();
    expect(webhook.ready()).toEqual({ ready: true, reason: '' });
  });

  test('is not ready, and says why, while one of them cannot be read', async () => {
    const files = [fileOf('one.log'), fileOf('two.log')];
    await writeFile(files[0]?.path ?? '', '');
    world = await startWorld({ settings: { ...alone, files } });
    const { webhook } = world;
    const { ready, reason } = webhook.ready();

    await writeFile(files[1]?.path ?? '', '');

    expect(ready).toBe(false);
    expect(reason).toBe(`the audit file ${files[1]?.path} does not exist (yet)`);
    await eventually(() => webhook.ready().ready, 'it to be ready');
  });

  test('does not start without the directory of a checkpoint', async () => {
    const files = [{ ...fileOf('one.log'), checkpoint: join(folder, 'missing', 'one.json') }];

    const starting = startWorld({ settings: { ...alone, files } });

    await expect(starting).rejects.toThrow('its directory is missing or read-only');
  });

  test('does not start for a Vault that it does not know', async () => {
    const starting = startWorld({ settings: { ...alone, files: [{ ...fileOf('one.log'), vault: 'other' }] } });

    await expect(starting).rejects.toThrow('webhook.files names the Vault "other"');
  });
});

describe('the settings of files', () => {
  const file = { path: '/vault/audit/audit.log', vault: 'main', checkpoint: '/var/lib/vss/audit.json' };

  /** The complaints about settings, one a line; empty when there are none. */
  function complaintsAbout(files: readonly object[], http: object = { enabled: false }): string[] {
    const settings = {
      roles: ['webhook'],
      state: { redis: 'redis://redis:6379' },
      vaults: [{ name: 'main', address: 'https://vault.example.com' }],
      webhook: { http, files },
    };
    try {
      loadSettings({ file: { name: 'settings.yaml', text: JSON.stringify(settings) }, env: {}, flags: {} });
      return [];
    } catch (error) {
      return Error.isError(error)
        ? error.message
            .split('\n')
            .slice(1)
            .map((line) => line.trim())
        : [];
    }
  }

  test('need no token where nothing is listened on', () => {
    expect(complaintsAbout([file])).toEqual([]);
    expect(complaintsAbout([file], { enabled: false, host: '0.0.0.0' })).toEqual([]);
    expect(complaintsAbout([file], { enabled: true })).toHaveLength(1);
  });

  test.each([
    ['a relative path', [{ ...file, path: 'audit.log' }], 'webhook.files[0].path: must be absolute'],
    ['a relative checkpoint', [{ ...file, checkpoint: './x' }], 'webhook.files[0].checkpoint: must be absolute'],
    ['an unknown Vault', [{ ...file, vault: 'x' }], 'webhook.files[0].vault: no Vault is called "x"'],
    ['one file twice', [file, { ...file, checkpoint: '/b' }], 'webhook.files[1].path: is followed already'],
    ['one checkpoint for two', [file, { ...file, path: '/b' }], "webhook.files[1].checkpoint: is another file's"],
  ])('are refused with %s', (_what, files, complaint) => {
    expect(complaintsAbout(files)).toEqual([expect.stringContaining(complaint)]);
  });
});
