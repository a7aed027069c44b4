import { describe, expect, test } from '@jest/globals';
import { parseManifest } from '../../../src/crd/manifest.ts';
import { FakeWorld } from '../fake-world.ts';
import { everywhere, someSync } from '../some-sync.ts';

function worldWith(...names: string[]): FakeWorld {
  const world = new FakeWorld();
  for (const name of names) world.vault.put(name, { name });
  return world;
}

function copiesIn(world: FakeWorld): string[] {
  return [...world.aws.copies.keys()].sort();
}

describe('a sync with filters', () => {
  const filtered = someSync({
    path: 'secret/app/(.*)',
    filters: { regex: { include: ['app/.*-[0-9]+$'], exclude: ['internal'] }, path: { exclude: ['secret/app/b-2'] } },
  });

  test('copies of what its pattern selects only what passes', async () => {
    const world = worldWith('app/a-1', 'app/b-2', 'app/plain', 'app/internal-3', 'other/c-4');

    const { results } = await world.reconcile(filtered);

    expect(copiesIn(world)).toEqual(['app/a-1']);
    expect(results).toHaveLength(1);
  });

  test('does not even read a secret that does not pass when it changes', async () => {
    const world = worldWith('app/plain');

    const outcome = await world.follow('app/plain', filtered);

    expect(outcome).toMatchObject({ outcome: 'done', results: [] });
    expect([world.vault.reads, world.calls()]).toEqual([0, []]);
  });

  test('says nothing of a broken destination for a secret that does not pass', async () => {
    const world = worldWith('app/plain');
    world.target = () => Promise.reject(new Error('no such store'));

    await world.follow('app/plain', filtered);

    expect([...world.ledger.entries]).toEqual([]);
  });

  test('does not delete the copy of an excluded secret whose source goes, but follows one that passes', async () => {
    const open = someSync({ path: 'secret/app/(.*)' });
    const world = worldWith('app/a-1', 'app/internal-3');
    await world.reconcile(open);
    for (const name of ['app/a-1', 'app/internal-3']) world.vault.delete(name);

    for (const name of ['app/a-1', 'app/internal-3']) await world.follow(name, filtered);

    expect(copiesIn(world)).toEqual(['app/internal-3']);
  });

  test('that become narrower leave copies behind as removalPolicy says', async () => {
    const world = worldWith('app/a-1', 'app/internal-3');
    await world.reconcile(someSync({ path: 'secret/app/(.*)' }));
    world.clock.now += 1_000;

    const narrower = someSync(
      { ...filtered.spec, path: 'secret/app/(.*)', removalPolicy: 'Delete' },
      { generation: 2 },
    );
    await world.reconcile(narrower);

    expect(copiesIn(world)).toEqual(['app/a-1']);
  });

  test('filters a source that is one path, too', async () => {
    const world = worldWith('app/db');

    await world.reconcile(someSync({ filters: { path: { exclude: ['secret/app/db'] } } }));

    expect(world.calls()).toEqual([]);
  });
});

describe('a sync with transforms', () => {
  function valuesOf(world: FakeWorld): unknown[] {
    return world.stores.map((store) => store.copies.get('app/db')?.value);
  }

  test('writes the keys that are left, under their new names', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada', password: 'p', db_host: 'h', db_port: 5432 });
    const transforms = {
      exclude: ['password'],
      include: ['user', '^db_(.+)$'],
      rename: [{ from: 'user', to: 'username' }],
    };

    await world.reconcile(someSync({ dest: everywhere, transforms }));

    expect(valuesOf(world)).toEqual(Array(3).fill('{"db_host":"h","db_port":5432,"username":"ada"}'));
  });

  test('writes what the template makes of them, byte for byte', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada', password: '<p>' });
    const template = '\nuser={{ .name }}\npassword={{ .password | json }}\n\nrest={{ .none }}  \n';

    await world.reconcile(
      someSync({ dest: everywhere, transforms: { rename: [{ from: 'user', to: 'name' }], template } }),
    );

    expect(valuesOf(world)).toEqual(Array(3).fill('user=ada\npassword="\\u003cp\\u003e"\n\nrest=<no value>'));
  });

  test('writes nothing when a new version of the secret renders the same', async () => {
    const world = new FakeWorld();
    const sync = someSync({ transforms: { include: ['user'] } });
    world.vault.put('app/db', { user: 'ada', changed: 1 });
    await world.reconcile(sync);
    world.vault.put('app/db', { user: 'ada', changed: 2 });
    world.quiet();

    await world.follow('app/db', sync);

    expect(world.calls()).toEqual([]);
    expect(world.results.map(({ change }) => change)).toEqual(['unchanged']);
  });

  test('that cannot be rendered fail the copy with a sentence that holds no value, and leave the store alone', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'hunter2', port: 1 });

    await world.reconcile(someSync({ transforms: { template: 'x\n{{ upper .port }}' } }));

    const [result] = world.results;
    expect(result).toMatchObject({ change: 'failed', reason: 'TemplateFailed', retry: null });
    expect(result?.message).toContain('transforms.template, line 2, column 10: upper wants a text here');
    expect(JSON.stringify([world.results, [...world.ledger.entries]])).not.toContain('hunter2');
    expect(world.aws.callsOf('write')).toEqual([]);
  });

  test('whose keys meet fail the copy', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { a: 1, b: 2 });

    await world.reconcile(someSync({ transforms: { rename: [{ from: 'a', to: 'b' }] } }));

    expect(world.results).toMatchObject([{ change: 'failed', reason: 'KeysMeet', retry: null }]);
  });

  test('without anything in them change no fingerprint and write nothing', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { b: 1, a: 12 });
    await world.reconcile(someSync());
    world.quiet();

    await world.reconcile(someSync({ transforms: { template: '' }, filters: {} }));

    expect(world.aws.callsOf('write')).toEqual([]);
  });
});

describe('a sync that cannot be compiled', () => {
  test.each([
    [{ filters: { regex: { include: ['('] } } }, 'PatternInvalid', 'filters.regex.include[0]'],
    [{ transforms: { exclude: ['(?=x)'] } }, 'PatternInvalid', 'transforms.exclude[0]'],
    [{ transforms: { template: '{{ if }}' } }, 'TemplateInvalid', 'line 1, column 7'],
  ])('is refused as a whole: %j', (wishes, reason, sentence) => {
    const resolve = () => new FakeWorld().resolve(someSync(wishes));

    expect(resolve).toThrow(
      expect.objectContaining({ remedy: 'FixSpec', reason, message: expect.stringContaining(sentence) }),
    );
  });
});

describe('a manifest', () => {
  const manifest = (spec: object) => ({
    apiVersion: 'vaultsecretsync.dev/v1alpha1',
    kind: 'VaultSecretSync',
    metadata: { name: 'db' },
    spec: { source: { path: 'secret/app/db' }, dest: [{ aws: {} }], ...spec },
  });

  test("of the ancestor's with filters and transforms is taken as it is", () => {
    const spec = {
      filters: {
        regex: { include: ['foo/bar/hello-[0-9]+'], exclude: ['foo/bar/hello-2'] },
        path: { include: [], exclude: ['foo/bar/hello-3'] },
      },
      transforms: { include: [], exclude: ['a'], rename: [{ from: 'a', to: 'b' }], template: '{{ .b }}' },
    };

    expect(parseManifest(manifest(spec))).toMatchObject({ sync: { spec } });
  });

  test.each([
    [{ filters: { paths: {} } }, 'spec.filters.paths', 'did you mean "path"?'],
    [{ transforms: { renames: [] } }, 'spec.transforms.renames', 'did you mean "rename"?'],
    [{ transforms: { rename: [{ from: 'a' }] } }, 'spec.transforms.rename', 'to'],
  ])('with %j is refused', (spec, path, sentence) => {
    const judged = parseManifest(manifest(spec));

    const problems = 'problems' in judged ? judged.problems : [];
    expect(problems[0].path).toContain(path);
    expect(problems[0].message).toContain(sentence);
  });
});
