import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateSecretCommand, paginateListSecrets, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { project, region, type Stores, startStores } from '../../scripts/demo/stores.ts';
import { planClasses } from '../../src/sync/plan-class.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { classesIn, documentIn, manifestOf, runProgram, writeManifests } from './command-line.ts';
import { settingsFor } from './settings.ts';

/** In every value: must come out nowhere. */
const canary = 'canary-7be1f0';

let vault: VaultPeer;
let stores: Stores;
let aws: SecretsManagerClient;
let folder: string;
let settings: Record<string, unknown>;

beforeAll(async () => {
  [vault, stores, folder] = await Promise.all([
    startVault(),
    startStores({ aws: 'none', azure: 'none', gcp: 'none' }),
    mkdtemp(join(tmpdir(), 'vss-plan-')),
  ]);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  aws = new SecretsManagerClient({ endpoint: stores.aws.endpoint, region, credentials });
  settings = settingsFor(vault, stores);
});

afterAll(async () => {
  aws?.destroy();
  await Promise.all([vault?.stop(), stores?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function run(
  words: readonly string[],
  { manifests, ...changes }: Record<string, unknown> & { manifests: string },
) {
  const file = join(folder, 'settings.yml.txt');
  await writeFile(file, stringify({ ...settings, ...changes }));
  return runProgram([...words, '--settings', file, '--manifests', manifests], { folder });
}

async function put(name: string, value = 'one'): Promise<void> {
  await vault.api('POST', `secret/data/${name}`, { data: { password: `${canary} ${value}` } });
}

/** Into every store under one name. */
function into(name: string, tags: Record<string, string> = {}): object[] {
  const { vaultUrl } = stores.azure;
  return [
    { aws: { name, region, tags } },
    { azure: { vaultUrl, name, tags } },
    { gcp: { project, name, labels: tags } },
  ];
}

function manifest(name: string, spec: object): Record<string, object> {
  return { [`${name}.yaml`]: manifestOf(name, { source: { path: `secret/${name}` }, dest: into(name), ...spec }) };
}

/** Everything that the stores hold, as text. */
async function everythingStored(): Promise<string> {
  const inAws: unknown[] = [];
  for await (const page of paginateListSecrets({ client: aws }, { IncludePlannedDeletion: true })) {
    inAws.push(...(page.SecretList ?? []));
  }
  return JSON.stringify([inAws, await stores.azure.secrets(), await stores.gcp.secrets()]);
}

describe('vault-secret-sync plan --manifests', () => {
  test('says of every class of change what sync then does, and writes nothing itself', async () => {
    const made = ['update', 'metadata-only', 'delete', 'guarded', 'skip', 'unchanged'];
    for (const name of made) await put(name);
    const before = await writeManifests(folder, Object.assign({}, ...made.map((name) => manifest(name, {}))));
    expect(await run(['sync'], { manifests: before })).toMatchObject({ code: 0 });
    for (const name of ['create', 'update', 'adopt', 'conflict']) await put(name, 'two');
    for (const name of ['delete', 'guarded', 'skip']) await vault.api('DELETE', `secret/data/${name}`);
    await vault.api('POST', 'secret/data/failed', { data: { password: canary.repeat(3_000) } });
    for (const name of ['adopt', 'conflict']) {
      await aws.send(new CreateSecretCommand({ Name: name, SecretString: 'by hand' }));
      await stores.azure.setByHand(name, { value: 'by hand' });
    }
    const onlyWhereByHand = (name: string) => ({ dest: into(name).slice(0, 2) });
    const manifests = await writeManifests(folder, {
      ...manifest('create', {}),
      ...manifest('update', {}),
      ...manifest('metadata-only', { dest: into('metadata-only', { team: 'a' }) }),
      ...manifest('adopt', { adoptionPolicy: 'IfUnowned', ...onlyWhereByHand('adopt') }),
      ...manifest('delete', {}),
      ...manifest('guarded', { maxDeletions: 0 }),
      ...manifest('conflict', onlyWhereByHand('conflict')),
      ...manifest('failed', { dest: into('failed').slice(1, 2) }),
      ...manifest('skip', { deletionPolicy: 'Retain' }),
      ...manifest('unchanged', {}),
    });
    const stored = await everythingStored();
    await Promise.all([stores.gcp.forgetRequests(), stores.azure.clearRequests()]);

    const planned = await run(['plan', '--json'], { manifests });

    const storedAfter = await everythingStored();
    const asked = (await stores.gcp.requests()).map(({ method }) => method);
    const askedOfAzure = (await stores.azure.requests()).map(({ method, path }) => `${method} ${path}`);
    const synced = await run(['sync', '--json'], { manifests });
    expect(storedAfter).toBe(stored);
    expect(asked.filter((method) => !/^(Get|List)/.test(method))).toEqual([]);
    expect(askedOfAzure.filter((request) => !/^GET |\/oauth2\//.test(request))).toEqual([]);
    expect(planned.code).toBe(1);
    expect(new Set(classesIn(planned).map((line) => line.split(' ')[1]))).toEqual(new Set(planClasses));
    for (const line of classesIn(planned)) expect(line).toMatch(/^default\/(\S+) \1 /);
    expect(classesIn(synced)).toEqual(classesIn(planned));
    expect(documentIn(synced).summary).toEqual(documentIn(planned).summary);
    expect(planned.stdout + planned.stderr + synced.stdout + synced.stderr).not.toMatch(/canary|by hand/);
  });

  test('exits 3 while changes are pending and 0 when there are none, and tells by sync what is due and why', async () => {
    const azureHost = new URL(stores.azure.vaultUrl).host;
    for (const name of ['b-pending', 'a-settled']) await put(name);
    const files = { ...manifest('b-pending', {}), ...manifest('a-settled', {}) };
    const manifests = await writeManifests(folder, files);
    await run(['sync'], { manifests: await writeManifests(folder, manifest('a-settled', {})) });

    const pending = await run(['plan'], { manifests });
    await run(['sync'], { manifests });
    await put('b-pending', 'two');
    const changed = await run(['plan', '--all'], { manifests });
    await run(['sync'], { manifests });
    const settled = await run(['plan'], { manifests });

    const digits = '[0-9a-f]{8}';
    expect(pending).toMatchObject({ code: 3, stderr: '' });
    expect(pending.stdout).toMatch(
      new RegExp(
        [
          '^default/a-settled',
          '  3 unchanged',
          'default/b-pending',
          `  create  aws:${region}:/b-pending +none -> ${digits}  was not there`,
          `  create  azure:${azureHost}/b-pending +none -> ${digits}  was not there`,
          `  create  gcp:${project}/b-pending +none -> ${digits}  was not there`,
          'plan: 2 syncs: 3 create, 3 unchanged\n$',
        ].join('\n'),
      ),
    );
    expect(changed).toMatchObject({ code: 3 });
    expect(changed.stdout).toMatch(new RegExp(`  unchanged  gcp:${project}/a-settled +${digits}\n`));
    expect(changed.stdout).toMatch(
      new RegExp(`  update  azure:${azureHost}/b-pending +${digits} -> ${digits}  value(, tags)? differed\n`),
    );
    expect(settled).toMatchObject({ code: 0, stdout: expect.stringContaining('plan: 2 syncs: 6 unchanged') });
    expect(pending.stdout + changed.stdout).not.toContain('canary');
    expect(pending.stdout + changed.stdout).not.toContain('\u001b');
  });

  test('finds two syncs that want one copy: the earlier one creates it, the later one conflicts', async () => {
    for (const name of ['wanted/one', 'wanted/two']) await put(name);
    const dest = [{ gcp: { project, name: 'wanted-by-two' } }];
    const manifests = await writeManifests(folder, {
      'a.yaml': manifestOf('second', { source: { path: 'secret/wanted/two' }, dest }),
      'b.yaml': manifestOf('first', { source: { path: 'secret/wanted/(one)' }, dest }),
    });

    const planned = await run(['plan', '--json'], { manifests });
    const text = await run(['plan'], { manifests });
    const synced = await run(['sync', '--json'], { manifests });

    expect(planned.code).toBe(1);
    expect(classesIn(planned)).toEqual([
      `default/first create gcp:${project}/wanted-by-two`,
      `default/second conflict gcp:${project}/wanted-by-two`,
    ]);
    expect(text.stdout).toContain(`gcp:${project}/wanted-by-two belongs to default/first; nothing was written`);
    expect(classesIn(synced)).toEqual(classesIn(planned));
  });

  test('prints one document with --json, every field of it', async () => {
    await put('document');
    const dest = [{ gcp: { project, name: 'document' } }];
    const manifests = await writeManifests(folder, {
      ...manifest('document', { dest }),
      ...manifest('suspended', { suspend: true }),
      'bad.yaml': 'spec: {}',
    });

    const { code, stdout } = await run(['plan', '--json'], { manifests, writes: 'paused' });

    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      notes: [expect.stringContaining('writes: paused')],
      badManifests: expect.arrayContaining([{ manifest: 'bad.yaml', message: expect.any(String) }]),
      syncs: [
        {
          sync: 'default/document',
          mode: 'active',
          problems: [],
          copies: [
            {
              class: 'create',
              store: 'gcp',
              destination: `gcp:${project}`,
              name: 'document',
              source: 'secret/document',
              reason: '',
              message: 'was not there',
              fingerprints: { wanted: expect.stringMatching(/^[0-9a-f]{8}$/), found: null },
            },
          ],
        },
        { sync: 'default/suspended', mode: 'suspended', problems: [], copies: [] },
      ],
      summary: {
        syncs: 2,
        ...Object.fromEntries(planClasses.map((name) => [name === 'metadata-only' ? 'metadataOnly' : name, 0])),
        create: 1,
        problems: 0,
      },
    });
  });

  test('says that fingerprints are unknown where there is no key to make them with', async () => {
    await put('keyless');
    const manifests = await writeManifests(folder, manifest('keyless', { dest: [{ gcp: { project } }] }));

    const planned = await run(['plan'], { manifests, fingerprintKey: undefined });

    expect(planned).toMatchObject({ code: 3, stderr: expect.stringContaining('there is no fingerprint key yet') });
    expect(planned.stdout).toContain('none -> unknown');
  });

  test('exits 1 when Vault does not tell, and says why', async () => {
    await put('denied');
    const manifests = await writeManifests(folder, manifest('denied', {}));
    const vaults = [{ name: 'main', address: vault.address, auth: { token: 'no-such-token' } }];

    const planned = await run(['plan', '--json'], { manifests, vaults });

    expect(planned.code).toBe(1);
    expect(planned.stderr).toMatch(/default\/denied: .*(403|permission|refus)/i);
    expect(documentIn(planned).syncs).toMatchObject([{ problems: [{ reason: expect.any(String) }], copies: [] }]);
    expect(planned.stdout + planned.stderr).not.toContain('no-such-token');
  });
});
