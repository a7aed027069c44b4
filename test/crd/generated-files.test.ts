import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { generatedFiles } from '../../scripts/generated-files.ts';

const root = join(import.meta.dirname, '../..');

test.each(generatedFiles())('$path is what $source says', async ({ path, text }) => {
  const onDisk = await readFile(join(root, path), 'utf8');

  expect(onDisk).toBe(text);
});

describe('scripts/generate.ts', () => {
  let copy: string;

  beforeEach(async () => {
    copy = await mkdtemp(join(tmpdir(), 'vss-generate-'));
    for (const { path } of generatedFiles()) await cp(join(root, path), join(copy, path));
  });

  afterEach(() => rm(copy, { recursive: true }));

  function generate(...flags: string[]): Promise<{ code: number; stderr: string }> {
    const args = ['--disable-warning=ExperimentalWarning', join(root, 'scripts/generate.ts'), '--root', copy, ...flags];
    return new Promise((resolve) => {
      const child = execFile(process.execPath, args, (_error, _stdout, stderr) =>
        resolve({ code: child.exitCode ?? -1, stderr }),
      );
    });
  }

  test('--check says nothing when every file is fresh', async () => {
    const checked = await generate('--check');

    expect(checked).toEqual({ code: 0, stderr: '' });
  });

  test('--check names the stale file and leaves it alone', async () => {
    const stale = join(copy, 'docs/reference/vaultsecretsync.md');
    await writeFile(stale, 'edited by hand');

    const checked = await generate('--check');

    expect(checked).toEqual({
      code: 1,
      stderr:
        'docs/reference/vaultsecretsync.md is not what src/crd says: run "node scripts/generate.ts" and commit the result.\n',
    });
    expect(await readFile(stale, 'utf8')).toBe('edited by hand');
  });

  test('without --check it writes what is missing', async () => {
    await rm(join(copy, 'deploy'), { recursive: true });

    const written = await generate();
    const checked = await generate('--check');

    expect([written.code, checked.code]).toEqual([0, 0]);
  });
});
