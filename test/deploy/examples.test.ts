import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadSettings } from '../../src/config/load.ts';
import { Settings } from '../../src/config/settings.ts';
import { parseManifest } from '../../src/crd/manifest.ts';
import { type Destination, type Manifest, storeOf } from '../../src/crd/vault-secret-sync.ts';
import { compilePolicies } from '../../src/sync/policies.ts';
import { resolveSync } from '../../src/sync/resolve.ts';
import { unitOf, wantCopy } from '../../src/sync/unit.ts';
import type { Target, TargetContext } from '../../src/sync-targets/contract.ts';
import { targetKinds } from '../../src/sync-targets/registry.ts';
import { root } from './chart.ts';

const readExample = (name: string) => readFile(join(root, 'examples', name), 'utf8');
const manifests = globSync('*.yaml', { cwd: join(root, 'examples') }).filter((name) => name !== 'settings.yaml');
const env = { VSS_STATE_REDIS: 'redis://redis:6379' };

async function exampleSettings(flags: Record<string, string> = {}): Promise<Settings> {
  return loadSettings({
    file: { name: 'examples/settings.yaml', text: await readExample('settings.yaml') },
    env,
    flags,
  });
}

async function exampleSync(name: string): Promise<Manifest> {
  const parsed = parseManifest(parse(await readExample(name)));
  if ('sync' in parsed) return parsed.sync;
  throw new Error(JSON.stringify(parsed.problems));
}

/** The real target, which connects to nothing until it is asked for something. */
function openTarget(destination: Destination, { stores }: Settings): Target {
  const context = <T>(settings: T): TargetContext<T> => ({
    settings,
    now: Date.now,
    schedule: () => ({ cancel: () => undefined }),
    onBackgroundError: () => undefined,
  });
  const { caFile: _none, ...aws } = stores.aws;
  switch (storeOf(destination)) {
    case 'aws':
      return targetKinds.aws.open(destination, context(aws));
    case 'azure':
      return targetKinds.azure.open(destination, context(stores.azure));
    case 'gcp':
      return targetKinds.gcp.open(destination, context(stores.gcp));
  }
}

/** Where the copies of a secret go under the example settings. @throws SyncError for what they do not allow */
async function copiesOf(name: string, secret: string): Promise<string[]> {
  const settings = await exampleSettings();
  const { metadata, spec } = await exampleSync(name);
  const sync = { namespace: metadata.namespace ?? '', name: metadata.name, spec };
  const read = { ...sync, generation: 1, annotations: {}, createdAt: 0, deleting: false, status: null };
  const resolved = resolveSync(read, { vaults: settings.vaults, installation: 'examples' });
  const [mount = '', ...rest] = secret.split('/');
  const unit = unitOf(resolved, { namespace: '', mount, name: rest.join('/') });
  return resolved.destinations.map((into) => {
    if (!unit) return 'not selected';
    const target = openTarget(into.destination, settings);
    const allows = compilePolicies(settings.policies);
    return `${into.store} ${wantCopy({ unit, into, target, content: null, key: null, allows }).name}`;
  });
}

test.each(manifests)('examples/%s is a right manifest', async (name) => {
  const parsed = parseManifest(parse(await readExample(name)));

  expect(parsed).toHaveProperty('sync');
});

describe('under the example settings, which allow them', () => {
  test('app-to-three-stores copies one secret', async () => {
    const copies = await copiesOf('app-to-three-stores.yaml', 'secret/team-a/app');

    expect(copies).toEqual(['aws team-a/app', 'azure app', 'gcp app']);
  });

  test('team-pattern copies every database, and nothing else', async () => {
    const shop = await copiesOf('team-pattern.yaml', 'secret/team-a/shop/db');
    const other = await copiesOf('team-pattern.yaml', 'secret/team-a/shop/api');

    expect(shop).toEqual(['aws team-a/shop/db', 'azure shop-db', 'gcp shop-db']);
    expect(new Set(other)).toEqual(new Set(['not selected']));
  });
});

describe('examples/settings.yaml', () => {
  test.each(['webhook', 'operator', 'webhook,operator'])('is right for %s', async (roles) => {
    const settings = await exampleSettings({ roles });

    expect(settings.roles.join()).toBe(roles);
  });

  test('mentions every setting there is', async () => {
    const text = await readExample('settings.yaml');

    const missing = namesOf(Settings).filter((name) => !new RegExp(`[ #-]${name}:|^${name}:`, 'm').test(text));

    expect(missing).toEqual([]);
  });
});

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

function namesOf(schema: unknown): string[] {
  const { properties = {}, items = {} } = schema as Node;
  const own = Object.entries(properties).flatMap(([name, child]) => [name, ...namesOf(child)]);
  return [...new Set([...own, ...(items.properties ? namesOf(items) : [])])];
}
