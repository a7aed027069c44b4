import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type GeneratedFile, generatedFiles } from './generated-files.ts';

/**
 * `node scripts/generate.ts` writes every generated file; with `--check` it writes nothing and fails where one is not what
 * would be written. `--root` is another folder than the project's.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, root: { type: 'string' } } });
  const root = values.root ?? join(import.meta.dirname, '..');
  let stale = 0;
  for (const file of generatedFiles()) {
    if (await isFresh(file, root)) continue;
    stale += 1;
    if (values.check) {
      console.error(
        `${file.path} is not what ${file.source} says: run "node scripts/generate.ts" and commit the result.`,
      );
    } else {
      await write(file, root);
      console.log(`wrote ${file.path}`);
    }
  }
  return values.check && stale > 0 ? 1 : 0;
}

async function isFresh({ path, text }: GeneratedFile, root: string): Promise<boolean> {
  const at = join(root, path);
  return existsSync(at) && (await readFile(at, 'utf8')) === text;
}

async function write({ path, text }: GeneratedFile, root: string): Promise<void> {
  const at = join(root, path);
  await mkdir(dirname(at), { recursive: true });
  await writeFile(at, text);
}

process.exitCode = await main();
