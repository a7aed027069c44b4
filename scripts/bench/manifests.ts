import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { apiVersion, type Destination, kind } from '../../src/crd/vault-secret-sync.ts';

/** Writes a manifest into a folder. */
export async function writeManifest(
  folder: string,
  options: { readonly name: string; readonly path: string; readonly dest: readonly Destination[] },
): Promise<void> {
  const { name, path, dest } = options;
  const manifest = { apiVersion, kind, metadata: { name }, spec: { source: { path }, dest } };
  await writeFile(join(folder, `${name}.yaml`), stringify(manifest));
}

/** Ids of so many secrets: `s-0001`, `s-0002`, … */
export function idsOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `s-${String(index + 1).padStart(4, '0')}`);
}

/** One sync for all secrets below `secret/bench/` whose ids `idsOf` makes. */
export const benchPath = 'secret/bench/(s-[0-9]+)';
