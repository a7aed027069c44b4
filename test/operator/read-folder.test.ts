import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { InputError } from '../../src/errors.ts';
import { readFolder } from '../../src/operator/manifests/folder.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'manifests-'));
});

afterEach(async () => {
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
