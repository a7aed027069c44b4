import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { project, region, type Stores, startStores } from '../../scripts/demo/stores.ts';
import type { CommandResult } from '../peers/processes.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { documentIn, manifestOf, runProgram, writeManifests } from './command-line.ts';
import { settingsFor } from './settings.ts';

const copies = { aws: 'one', azure: 'one', gcp: 'one' };
let vault: VaultPeer;
let stores: Stores;
let folder: string;
let settingsFile: string;

beforeAll(async () => {
  [vault, stores, folder] = await Promise.all([
    startVault({ mounts: { 'team/kv1': 1 } }),
    startStores(copies),
    mkdtemp(join(tmpdir(), 'vss-commands-')),
  ]);
  settingsFile = join(folder, 'settings.yml.txt');
  const settings = settingsFor(vault, stores);
  const policies = [{ namespaces: ['*'], paths: ['**'], destinations: ['aws:**', 'azure:**', 'gcp:**'] }];
  await writeFile(settingsFile, stringify({ ...settings, policies }));
});

afterAll(async () => {
  await Promise.all([vault?.stop(), stores?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

function run(args: readonly string[], stdin?: string): Promise<CommandResult> {
  return runProgram(args, { folder, ...(stdin === undefined ? {} : { stdin }) });
}

function manifests(files: Readonly<Record<string, unknown>>): Promise<string> {
  return writeManifests(folder, files);
}

const azureUrl = () => stores.azure.vaultUrl;

function syncOf(name: string, source: object, dest: object[]): unknown {
  return manifestOf(name, { source, dest });
}

/** The copies in the document that `--json` prints. */
function copiesIn(result: CommandResult): Record<string, unknown>[] {
  return documentIn(result).syncs.flatMap(({ copies: shown }) => shown);
}

function toAllStores(name: string): object[] {
  return [{ aws: { name, region } }, { azure: { vaultUrl: azureUrl(), name } }, { gcp: { project, name } }];
}

describe('vault-secret-sync sync', () => {
  test('reconciles once, prints what it did per copy, and exits 0', async () => {
    await vault.api('POST', 'secret/data/one', { data: { user: 'ada' } });
    const directory = await manifests({ 'one.yaml': syncOf('one', { path: 'secret/one' }, toAllStores('one')) });

    const first = await run(['sync', '--settings', settingsFile, '--manifests', directory]);
    const second = await run(['sync', '--settings', settingsFile, '--manifests', directory, '--json']);

    expect(first).toMatchObject({ code: 0 });
    const [head, ...lines] = first.stdout.trim().split('\n');
    expect(head).toBe('default/one');
    expect(lines.map((line) => line.trim().split(/\s+/).slice(0, 2).join(' '))).toEqual([
      `created aws:${region}:/one`,
      `created azure:${new URL(azureUrl()).host}/one`,
      `created gcp:${project}/one`,
      'sync: 1',
    ]);
    expect(lines.at(-1)).toBe('sync: 1 sync: 3 created');
    expect(second).toMatchObject({ code: 0 });
    expect(copiesIn(second).map(({ change }) => change)).toEqual(['unchanged', 'unchanged', 'unchanged']);
    for (const store of stores.all) expect(await store.look()).toBe('{"user":"ada"}');
  });

  test('copies every kind of value exactly, or refuses it by name with the limit', async () => {
    const values: Record<string, unknown> = {
      empty: {},
      nested: { list: [1, { deep: null }], on: true, float: 0.5 },
      unicode: { 'schlüssel 🔑': 'naïve\u0000\u2028 ‮rtl' },
      binary: { bytes: Buffer.from([0, 255, 254, 10, 13]).toString('latin1') },
      large: { blob: 'x'.repeat(60_000) },
      huge: { blob: 'y'.repeat(70_000) },
    };
    for (const [name, data] of Object.entries(values)) await vault.api('POST', `secret/data/kinds/${name}`, { data });
    await vault.api('POST', 'team/kv1/exact', { n: 12345, text: 'v1' });
    const directory = await manifests({
      'kinds.yaml': syncOf('kinds', { path: 'secret/kinds/(.*)' }, toAllStores('kinds-$1')),
      'v1.yaml': syncOf('v1', { mount: 'team/kv1', path: 'exact' }, [{ aws: { name: 'v1/exact', region } }]),
    });

    const result = await run(['sync', '--settings', settingsFile, '--manifests', directory, '--json']);

    const failed = copiesIn(result)
      .filter(({ change }) => change === 'failed')
      .map(({ store, name, message }) => [store, name, message]);
    expect(result.code).toBe(1);
    expect(failed.map(([store, name]) => `${store} ${name}`).sort()).toEqual([
      'aws kinds-huge',
      'azure kinds-huge',
      'azure kinds-large',
      'gcp kinds-huge',
    ]);
    for (const [, , message] of failed) expect(message).toMatch(/25,?600|65,?536/);
    expect(result.stdout + result.stderr).not.toMatch(/xxxx|yyyy/);
    for (const [name, data] of Object.entries(values).filter(([name]) => name !== 'huge')) {
      const gcp = (await stores.gcp.payload(project, `kinds-${name}`))?.toString('utf8') ?? 'null';
      expect(JSON.parse(gcp)).toEqual(data);
      if (name !== 'large')
        expect(JSON.parse((await stores.azure.secret(`kinds-${name}`))?.value ?? 'null')).toEqual(data);
    }
  });

  test('reports a wrong manifest with the nearest known name, runs the others, and exits 2', async () => {
    await vault.api('POST', 'secret/data/two', { data: { user: 'bob' } });
    const directory = await manifests({
      'bad.yaml': syncOf('bad', { path: 'secret/bad', naemspace: 'x' }, toAllStores('bad')),
      'broken.yaml': 'spec: [',
      'good.yaml': syncOf('two', { path: 'secret/two' }, [{ gcp: { project, name: 'two' } }]),
    });

    const result = await run(['sync', '--settings', settingsFile, '--manifests', directory]);

    expect(result.code).toBe(2);
    expect(result.stderr).toContain('bad.yaml: spec.source.naemspace: unknown field; did you mean "namespace"?');
    expect(result.stderr).toContain('broken.yaml: not YAML');
    expect(result.stdout).toContain(`  created  gcp:${project}/two`);
  });

  test('exits 1 and deletes nothing when Vault refuses to say', async () => {
    const directory = await manifests({ 'one.yaml': syncOf('one', { path: 'secret/one' }, toAllStores('one')) });
    const vaults = [{ name: 'main', address: vault.address, auth: { token: 'no-such-token' } }];

    const result = await run([
      'sync',
      '--settings',
      settingsFile,
      '--manifests',
      directory,
      '--vaults',
      JSON.stringify(vaults),
    ]);

    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/default\/one: .*(403|permission|refus)/i);
    expect(result.stderr).not.toContain('no-such-token');
    for (const store of stores.all) expect(await store.look()).toBe('{"user":"ada"}');
  });

  test('exits 2 for settings that it does not know, and for a folder that is not there', async () => {
    const unknown = await run(['sync', '--settings', settingsFile, '--manifests', folder, '--stores-awss-region', 'x']);
    const missing = await run(['sync', '--settings', settingsFile, '--manifests', join(folder, 'nowhere')]);

    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean --stores-aws-region?') });
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('does it exist?') });
  });
});

describe('vault-secret-sync test-event', () => {
  test('says what the webhook makes of what a real Vault wrote, and no value, token or accessor', async () => {
    await vault.api('POST', 'secret/data/events', { data: { password: 'canary-events' } });
    await vault.api('DELETE', 'secret/data/events', undefined, { 'X-Vault-Token': 'denied' });

    const fromFile = await run(['test-event', vault.auditFile]);
    const fromInput = await run(['test-event'], await readFile(vault.auditFile, 'utf8'));

    const lines = fromFile.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(fromFile.code).toBe(0);
    expect(fromInput.stdout.startsWith(fromFile.stdout)).toBe(true);
    expect(
      lines
        .filter(({ path }) => path === 'secret/data/events')
        .map(({ verdict, operation }) => `${verdict} ${operation}`),
    ).toEqual(['ignored create', 'changed create', 'ignored delete', 'ignored delete']);
    expect(fromFile.stdout).not.toMatch(/canary|hmac-sha256|accessor/);
  });
});

describe('the program', () => {
  test.each([
    { args: ['sync', 'extra'], says: 'sync takes no name, and extra is none of its flags' },
    { args: ['sync', '--manifest', 'x'], says: 'unknown flag --manifest; did you mean --manifests? Try --help' },
    {
      args: ['plan', '-N', 'x'],
      says: 'unknown flag -N; there are -n (--namespace), -A (--all-namespaces), -v (--all)',
    },
    { args: ['plan', '-n'], says: '-n needs a value' },
    { args: ['plan', '--json=yes'], says: '--json takes no value' },
    { args: ['plan', 'databases'], says: 'vault-secret-sync plan -n NAMESPACE databases' },
    { args: ['plan', '-n', 'team-a', 'one', 'two'], says: 'plan takes one name' },
    { args: ['plan', '-n', 'team-a', '-A'], says: 'either one namespace (-n) or all of them (-A)' },
    { args: ['plan', '-A', '--manifests', 'x'], says: 'either in a folder (--manifests) or in a cluster (-n, -A)' },
  ])('exits 2 for $args, and says what to do', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(args);

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });

  test('exits 2 for a plan of nothing, and says what can be planned', async () => {
    const { code, stderr } = await run(['plan', '--settings', settingsFile]);

    expect(code).toBe(2);
    expect(stderr).toContain('say what to plan: --manifests DIR, -n NAMESPACE [NAME], or --all-namespaces');
  });

  test('explains itself, and exits 2 for a command that it does not know', async () => {
    const [help, start, unknown] = await Promise.all([run(['--help']), run(['start', '--help']), run(['snyc'])]);

    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('vault-secret-sync COMMAND --help') });
    expect(start).toMatchObject({ code: 0, stdout: expect.stringContaining('--webhook-http-port') });
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean sync?') });
    expect(help.stdout).not.toContain('\u001b[');
  });

  test('refuses to start a webhook that anybody could use, and says what to set', async () => {
    const settings = settingsFor(vault, stores);
    const file = join(folder, 'open.yml.txt');
    await writeFile(file, stringify({ ...settings, webhook: {}, manifests: { directory: folder } }));

    const result = await run(['start', '--settings', file]);

    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('webhook.allowUnauthenticated: true') });
  });
});
