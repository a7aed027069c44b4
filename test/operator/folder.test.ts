import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { SyncError } from '../../src/errors.ts';
import { createLogger } from '../../src/logging.ts';
import { FolderManifests } from '../../src/operator/manifests/folder.ts';
import { agreedGenerations, type Generations } from '../../src/operator/manifests/generations.ts';
import { FakeLeases, FakeLedger } from '../sync/fake-world.ts';
import { someSync } from '../sync/some-sync.ts';

let directory: string;
let open: FolderManifests[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'manifests-'));
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((manifests) => manifests.close()));
  rmSync(directory, { recursive: true });
});

function manifest(name: string, path = 'secret/app/db', namespace?: string): string {
  const metadata = namespace === undefined ? { name } : { name, namespace };
  const spec = { source: { path }, dest: [{ aws: {} }] };
  return JSON.stringify({ apiVersion: 'vaultsecretsync.dev/v1alpha1', kind: 'VaultSecretSync', metadata, spec });
}

function write(file: string, text: string): void {
  writeFileSync(join(directory, file), text);
}

describe('a folder of manifests, live', () => {
  const lines: Record<string, unknown>[] = [];
  let heard: string[];
  let latest: Map<string, VaultSecretSync>;
  let clock: number;

  beforeEach(() => {
    lines.length = 0;
    heard = [];
    latest = new Map();
    clock = 1_000;
  });

  async function start(more: { generations?: Generations } = {}): Promise<FolderManifests> {
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
    const logger = createLogger({ level: 'debug', destination });
    const manifests = new FolderManifests({ directory, logger, now: () => clock, ...more });
    open.push(manifests);
    await manifests.start({
      changed: (sync) => {
        heard.push(`changed ${sync.name}`);
        latest.set(sync.name, sync);
      },
      gone: (sync) => heard.push(`gone ${sync.name}`),
    });
    return manifests;
  }

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Until a manifest of another folder, which is taken away now, counts as gone there. */
  async function longEnoughToBeGone(): Promise<void> {
    const other = mkdtempSync(join(tmpdir(), 'manifests-'));
    const file = join(other, 'x.yaml');
    writeFileSync(file, manifest('x'));
    let isGone = false;
    const manifests = new FolderManifests({ directory: other, logger: createLogger({ level: 'silent' }) });
    await manifests.start({
      changed: () => undefined,
      gone: () => {
        isGone = true;
      },
    });
    unlinkSync(file);
    await until(() => isGone);
    await manifests.close();
    rmSync(other, { recursive: true });
  }

  const problems = () =>
    lines.filter(({ level }) => level === 'error').map(({ file, problem }) => `${file}: ${problem}`);

  test('hands over everything before it has started', async () => {
    write('a.yaml', manifest('a'));
    write('b.yaml', manifest('b', 'secret/b', 'team-a'));

    await start();

    expect(heard).toEqual(['changed a', 'changed b']);
    expect(latest.get('b')).toMatchObject({ namespace: 'team-a', deleting: false, status: null });
    expect(latest.get('a')?.namespace).toBe('default');
  });

  test('fails to start where there is no folder', async () => {
    rmSync(directory, { recursive: true });

    await expect(start()).rejects.toThrow('does it exist?');

    mkdirSync(directory);
  });

  test('tells of a new, an edited and a removed file, and of nothing else', async () => {
    write('a.yaml', manifest('a'));
    write('b.yaml', manifest('b'));
    await start();

    write('c.yaml', manifest('c'));
    await until(() => heard.includes('changed c'));
    write('a.yaml', manifest('a', 'secret/edited'));
    await until(() => heard.length === 4);
    unlinkSync(join(directory, 'b.yaml'));
    await until(() => heard.includes('gone b'));

    expect(heard).toEqual(['changed a', 'changed b', 'changed c', 'changed a', 'gone b']);
    expect(latest.get('a')?.spec.source.path).toBe('secret/edited');
  });

  test('a file written anew with the same content is no change', async () => {
    write('a.yaml', manifest('a'));
    await start();

    write('a.yaml', `${manifest('a')}\n# a comment`);
    write('b.yaml', manifest('b'));
    await until(() => heard.includes('changed b'));

    expect(heard).toEqual(['changed a', 'changed b']);
  });

  test('moving a manifest to another file is no change', async () => {
    write('a.yaml', manifest('a'));
    await start();

    renameSync(join(directory, 'a.yaml'), join(directory, 'z.yaml'));
    write('b.yaml', manifest('b'));
    await until(() => heard.includes('changed b'));

    expect(heard).toEqual(['changed a', 'changed b']);
  });

  test('the generation grows with each edit, over a restart, and when a file goes and comes back', async () => {
    write('a.yaml', manifest('a'));
    const first = await start();
    const generations = [latest.get('a')?.generation];
    write('a.yaml', manifest('a', 'secret/edited'));
    await until(() => heard.length === 2);
    generations.push(latest.get('a')?.generation);
    clock = 2_000;
    unlinkSync(join(directory, 'a.yaml'));
    await until(() => heard.includes('gone a'));
    write('a.yaml', manifest('a'));
    await until(() => heard.length === 4);
    generations.push(latest.get('a')?.generation);
    await first.close();
    clock = 3_000;
    await start();
    generations.push(latest.get('a')?.generation);

    expect(generations).toEqual([1_000, 1_001, 2_000, 3_000]);
  });

  test('while a file cannot be understood nothing counts as gone, and the others run', async () => {
    write('a.yaml', manifest('a'));
    write('b.yaml', manifest('b'));
    await start();

    write('b.yaml', 'broken: "');
    unlinkSync(join(directory, 'a.yaml'));
    write('c.yaml', manifest('c'));
    await until(() => heard.includes('changed c'));
    await longEnoughToBeGone();
    const whileBad = [...heard];
    write('b.yaml', manifest('b'));
    await until(() => heard.includes('gone a'));

    expect(whileBad).toEqual(['changed a', 'changed b', 'changed c']);
    expect(heard).toEqual([...whileBad, 'gone a']);
  });

  test('a file that an editor empties or replaces is never gone', async () => {
    write('a.yaml', manifest('a'));
    write('b.yaml', manifest('b'));
    await start();

    write('a.yaml', '');
    unlinkSync(join(directory, 'b.yaml'));
    write('c.yaml', manifest('c'));
    await until(() => heard.includes('changed c'));
    write('a.yaml', manifest('a', 'secret/edited'));
    write('b.yaml', manifest('b'));
    await until(() => heard.length === 4);
    await longEnoughToBeGone();
    unlinkSync(join(directory, 'b.yaml'));
    write('d.yaml', manifest('d'));
    await until(() => heard.includes('changed d'));

    expect(heard).toEqual(['changed a', 'changed b', 'changed c', 'changed a', 'changed d']);
  });

  test('a bad file is reported once, and again when it is bad in another way', async () => {
    write('a.yaml', manifest('a').replace('"source"', '"sorce"'));
    await start();
    const first = problems();

    write('b.yaml', manifest('b'));
    await until(() => heard.includes('changed b'));
    const same = problems();
    write('a.yaml', 'kind: [');
    await until(() => problems().length > same.length);

    expect(first).toContain('a.yaml: spec.sorce: unknown field; did you mean "source"?');
    expect(same).toEqual(first);
    expect(problems().at(-1)).toContain('a.yaml: not YAML');
  });

  test('a folder that cannot be read is a problem until it can, and nothing counts as gone meanwhile', async () => {
    write('a.yaml', manifest('a'));
    const manifests = await start();
    const away = `${directory}-away`;

    renameSync(directory, away);
    await until(() => manifests.problem() !== null);
    const problem = manifests.problem();
    renameSync(away, directory);
    await until(() => manifests.problem() === null);

    expect(problem).toBe(`the folder of manifests ${directory} cannot be read`);
    expect(heard).toEqual(['changed a']);
  });

  test('a change that leaves size and time of a file as they were is seen all the same', async () => {
    write('a.yaml', manifest('a', 'secret/one'));
    const at = new Date('2026-01-01T00:00:00Z');
    utimesSync(join(directory, 'a.yaml'), at, at);
    await start();

    write('a.yaml', manifest('a', 'secret/two'));
    utimesSync(join(directory, 'a.yaml'), at, at);
    await until(() => heard.length === 2);

    expect(latest.get('a')?.spec.source.path).toBe('secret/two');
  });

  test('wait for the shared state, in which replicas agree on generations', async () => {
    write('a.yaml', manifest('a'));
    let away = true;
    const generations: Generations = async (_key, { proposed }) => {
      if (!away) return proposed + 7;
      away = false;
      throw new SyncError({ remedy: 'Retry', reason: 'StateUnavailable', message: 'Redis does not answer' });
    };

    const manifests = await start({ generations });

    expect(latest.get('a')?.generation).toBe(1_007);
    expect(manifests.problem()).toBeNull();
  });

  test('are read anew each minute, and follow what other replicas have agreed on meanwhile', async () => {
    write('a.yaml', manifest('a'));
    let agreed = 1_000;
    await start({ generations: async () => agreed });
    const before = latest.get('a')?.generation;

    agreed = 2_000;
    clock += 60_000;
    await until(() => latest.get('a')?.generation === 2_000);

    expect(before).toBe(1_000);
  });

  test('reports statuses and announcements to the log', async () => {
    write('a.yaml', manifest('a'));
    const manifests = await start();
    const sync = latest.get('a')!;

    await manifests.writeStatus(sync, { before: null, after: { copies: '1/1' } });
    manifests.announce(sync, { type: 'Warning', reason: 'OwnedByAnother', message: 'it is theirs' });

    expect(lines.map(({ level, sync: key, msg, copies }) => [level, key, msg, copies])).toEqual([
      ['debug', 'default/a', 'status', '1/1'],
      ['warn', 'default/a', 'it is theirs', undefined],
    ]);
  });

  test('keep the status for as long as the process lives, also when the file is edited', async () => {
    write('a.yaml', manifest('a'));
    const manifests = await start();
    const sync = latest.get('a')!;
    const status = { copies: '1/1' };

    const first = await manifests.writeStatus(sync, { before: null, after: status });
    const outdated = await manifests.writeStatus(sync, { before: null, after: { copies: '0/1' } });
    write('a.yaml', manifest('a', 'secret/edited'));
    await until(() => latest.get('a')?.spec.source.path === 'secret/edited');

    expect([first, outdated]).toEqual(['written', 'outdated']);
    expect(manifests.statusOf(sync)).toEqual(status);
    expect(latest.get('a')?.status).toEqual(status);
  });

  test('a status of a manifest that is gone goes nowhere', async () => {
    const manifests = await start();

    expect(await manifests.writeStatus(someSync(), { before: null, after: {} })).toBe('gone');
  });
});

describe('replicas that read the same folder', () => {
  const ledger = new FakeLedger();
  const agree = agreedGenerations({ ledger, leases: new FakeLeases() } as unknown as Parameters<
    typeof agreedGenerations
  >[0]);

  beforeEach(() => ledger.lose());

  test('agree on the generation of a manifest, whenever they started', async () => {
    const first = await agree('team-a/db', { words: 'one', isNew: true, proposed: 100 });
    const second = await agree('team-a/db', { words: 'one', isNew: true, proposed: 200 });
    const edited = await agree('team-a/db', { words: 'two', isNew: true, proposed: 201 });
    const late = await agree('team-a/db', { words: 'two', isNew: true, proposed: 150 });

    expect([first, second, edited, late]).toEqual([100, 100, 201, 201]);
  });

  test('never go back, though the clock of one is behind', async () => {
    await agree('team-a/db', { words: 'one', isNew: true, proposed: 500 });

    expect(await agree('team-a/db', { words: 'two', isNew: true, proposed: 100 })).toBe(501);
  });

  test('follow when the others saw an edit that was taken back before this one looked', async () => {
    await agree('team-a/db', { words: 'one', isNew: true, proposed: 100 });
    await agree('team-a/db', { words: 'two', isNew: true, proposed: 101 });
    await agree('team-a/db', { words: 'one', isNew: true, proposed: 102 });

    expect(await agree('team-a/db', { words: 'one', isNew: false, proposed: 100 })).toBe(102);
  });

  test('keep what they have when another has read something newer, which they are about to find', async () => {
    await agree('team-a/db', { words: 'one', isNew: true, proposed: 100 });
    await agree('team-a/db', { words: 'two', isNew: true, proposed: 101 });

    expect(await agree('team-a/db', { words: 'one', isNew: false, proposed: 100 })).toBe(100);
    expect(await agree('team-a/db', { words: 'two', isNew: true, proposed: 0 })).toBe(101);
  });

  test('agree again after the shared state was lost', async () => {
    await agree('team-a/db', { words: 'one', isNew: true, proposed: 100 });
    ledger.lose();

    const kept = await agree('team-a/db', { words: 'one', isNew: false, proposed: 100 });
    const restarted = await agree('team-a/db', { words: 'one', isNew: true, proposed: 900 });

    expect([kept, restarted]).toEqual([100, 100]);
  });

  test('give one number to those that ask at once', async () => {
    const asked = [100, 200, 300].map((proposed) => agree('team-a/db', { words: 'one', isNew: true, proposed }));

    expect(new Set(await Promise.all(asked)).size).toBe(1);
  });
});
