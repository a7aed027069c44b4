import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { GcpDestination } from '../../../src/crd/destinations/gcp.ts';
import { eventually } from '../../peers/processes.ts';
import { minute } from '../conformance/under-test.ts';
import { signal, useGcp, type World } from './world.ts';

const { gcpStore, open } = useGcp();

afterEach(() => gcpStore().standIn.allow());

const page = readFileSync(new URL('../../../docs/reference/stores/gcp.md', import.meta.url), 'utf8');

/** What each feature needs, as the table of the page has it. */
const rows = new Map(
  [...page.matchAll(/^\| ([^|]+) \| ((?:`secretmanager\.[a-zA-Z.]+`(?:, )?)+) \|$/gm)].map(
    ([, feature = '', permissions = '']) => [feature.trim(), permissions.replaceAll('`', '').split(', ')],
  ),
);

const fields: GcpDestination = {
  labels: { team: 'a' },
  annotations: { note: 'a' },
  topics: ['projects/p/topics/a'],
  versionAliases: { first: 1 },
  versionDestroyTtl: '24h',
};

const uses: Readonly<Record<string, () => Promise<unknown>>> = {
  'a new copy': createOne,
  'a changed value': updateRemembered,
  'look, drift, marks, labels, annotations and the other fields': lookAndRepair,
  'a listing of the copies of a sync': listOwn,
  delete: removeOne,
  '`versions`': destroyOld,
};

async function createOne(): Promise<void> {
  await open().create();
}

async function updateRemembered(world: World = open()): Promise<void> {
  const { target, wish } = world;
  const { desired, written } = await asEverybody(() => world.create());
  await target.write(wish({ name: desired.name, value: 'v2', version: 2 }), { kind: 'remembered', written }, signal);
}

async function lookAndRepair(): Promise<void> {
  const world = open();
  const { desired } = await asEverybody(() => world.create());
  const { differences } = await world.bring(world.with(desired, fields));
  expect(differences).not.toEqual([]);
}

async function listOwn(): Promise<void> {
  const { target } = open();
  await Array.fromAsync(target.list?.('0'.repeat(32), signal) ?? []);
}

async function removeOne(): Promise<void> {
  const world = open();
  const { desired } = await asEverybody(() => world.create());
  const observed = await asEverybody(() => world.look(desired.name));
  await world.target.remove(observed, signal);
}

async function destroyOld(): Promise<void> {
  const world = open({}, { versions: { keepEnabled: 1, destroyAfter: '0' } });
  await asEverybody(() => updateRemembered(world));
  const { requests } = gcpStore().standIn;
  const before = (await requests()).length;
  world.clock.advance(minute);
  // The state mark is written in the same minute; that is another feature.
  const failures = () => world.errors.filter((error) => !/UpdateSecret|GetSecretVersion/.test(String(error)));
  const isDestroyed = async () =>
    (await requests()).slice(before).some(({ method, status }) => method === 'DestroySecretVersion' && status === 'OK');
  await eventually(
    async () => {
      world.clock.advance(1_000);
      return failures().length > 0 || (await isDestroyed());
    },
    { what: 'a version to be destroyed, or a refusal' },
  );
  for (const failure of failures()) throw failure;
}

let now: readonly string[] | undefined;

async function allow(permissions?: readonly string[]): Promise<void> {
  now = permissions;
  await gcpStore().standIn.allow(permissions);
}

/** What comes before the feature itself. */
async function asEverybody<Result>(act: () => Promise<Result>): Promise<Result> {
  const before = now;
  await allow();
  const result = await act();
  await allow(before);
  return result;
}

describe('the permissions that the reference names', () => {
  test('are those of all features, and of no other', () => {
    expect([...rows.keys()]).toEqual(Object.keys(uses));
  });

  test.each(Object.entries(uses))('for %s are enough, and none can be left out', async (feature, use) => {
    const needed = rows.get(feature) ?? [];

    await allow(needed);
    await use();

    for (const left of needed) {
      await allow(needed.filter((permission) => permission !== left));
      await expect(use()).rejects.toMatchObject({ reason: 'PermissionDenied', message: expect.stringContaining(left) });
    }
  });

  test('are those of the role, without the right to read values', () => {
    const role = /--permissions=(\S+)/.exec(page)?.[1]?.split(',') ?? [];

    expect(new Set(role)).toEqual(new Set([...rows.values()].flat()));
    expect(role).not.toContain('secretmanager.versions.access');
  });
});
