import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { InputError } from '../../src/errors.ts';
import { createLogger } from '../../src/logging.ts';
import { FolderManifests, readFolder } from '../../src/operator/manifests/folder.ts';

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

async function read() {
  const { manifests, bad } = await readFolder(directory);
  return { names: manifests.map(({ metadata }) => metadata.name), bad };
}

describe('readFolder', () => {
  test('reads YAML and JSON, several documents in a file, files in name order', async () => {
    write('b.yaml', `${manifest('b1')}\n---\n${manifest('b2')}\n---\n`);
    write('a.json', manifest('a'));
    write('c.yml', manifest('c'));
    write('notes.txt', 'not ours');
    write('empty.yaml', '# nothing yet\n');

    expect(await read()).toEqual({ names: ['a', 'b1', 'b2', 'c'], bad: [] });
  });

  test('fills in defaults', async () => {
    write('a.yaml', manifest('a'));

    const { manifests } = await readFolder(directory);

    expect(manifests[0]?.spec).toMatchObject({ deletionPolicy: 'Delete', removalPolicy: 'Retain', suspend: false });
  });

  test('a wrong manifest is reported with its file and path, and the others are read', async () => {
    write('bad.yaml', manifest('bad').replace('"source"', '"sorce"'));
    write('good.yaml', manifest('good'));

    const { names, bad } = await read();

    expect(names).toEqual(['good']);
    expect(bad[0]).toEqual({ file: 'bad.yaml', message: 'spec.sorce: unknown field; did you mean "source"?' });
  });

  test('a document that is no YAML is reported with its place, without its text', async () => {
    write('bad.yaml', `${manifest('good')}\n---\na: "hunter2\n`);

    const { names, bad } = await read();

    expect(names).toEqual(['good']);
    expect(bad).toHaveLength(1);
    expect(bad[0]?.message).toMatch(/^not YAML \(line \d+, column \d+\): [A-Z_]+$/);
  });

  test('aliases that unfold without end are reported', async () => {
    const bomb = Array.from({ length: 9 }, (_, level) => {
      const before = level === 0 ? 'x' : `*l${level - 1}`;
      return `l${level}: &l${level} [${Array(9).fill(before).join(', ')}]`;
    });
    write('bomb.yaml', bomb.join('\n'));
    write('good.yaml', manifest('good'));

    const { names, bad } = await read();

    expect(names).toEqual(['good']);
    expect(bad).toEqual([{ file: 'bomb.yaml', message: expect.stringContaining('aliases') }]);
  });

  test('what cannot be read is reported, and the others are read', async () => {
    mkdirSync(join(directory, 'folder.yaml'));
    symlinkSync(join(directory, 'nowhere'), join(directory, 'dangling.yaml'));
    write('good.yaml', manifest('good'));

    expect(await read()).toEqual({
      names: ['good'],
      bad: [
        { file: 'dangling.yaml', message: 'cannot be read (ENOENT)' },
        { file: 'folder.yaml', message: 'cannot be read (EISDIR)' },
      ],
    });
  });

  test("hidden files are an editor's", async () => {
    symlinkSync('nowhere', join(directory, '.#a.yaml'));
    write('.a.yaml.json', 'broken: "');

    expect(await read()).toEqual({ names: [], bad: [] });
  });

  test('a name that stands twice is reported where it stands again', async () => {
    write('a.yaml', manifest('same'));
    write('b.yaml', manifest('same', 'secret/other', 'default'));
    write('c.yaml', manifest('same', 'secret/other', 'team-a'));

    const { names, bad } = await read();

    expect(names).toEqual(['same', 'same']);
    expect(bad).toEqual([{ file: 'b.yaml', message: 'metadata.name: default/same is already defined in a.yaml' }]);
  });

  test('a folder that is not there is bad input', async () => {
    await expect(readFolder(join(directory, 'nowhere'))).rejects.toThrow(InputError);
  });
});

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

  async function start(): Promise<FolderManifests> {
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
    const logger = createLogger({ level: 'debug', destination });
    const manifests = new FolderManifests({ directory, logger, now: () => clock });
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
    unlinkSync(join(directory, 'c.yaml'));
    await until(() => heard.includes('gone c'));

    expect(heard).toEqual(['changed a', 'changed b', 'changed c', 'changed a', 'gone c']);
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

  test('reports statuses and announcements to the log', async () => {
    write('a.yaml', manifest('a'));
    const manifests = await start();
    const sync = latest.get('a')!;

    await manifests.writeStatus(sync, { copies: '1/1' });
    manifests.announce(sync, { type: 'Warning', reason: 'OwnedByAnother', message: 'it is theirs' });

    expect(lines.map(({ level, sync: key, msg, copies }) => [level, key, msg, copies])).toEqual([
      ['debug', 'default/a', 'status', '1/1'],
      ['warn', 'default/a', 'it is theirs', undefined],
    ]);
  });
});
