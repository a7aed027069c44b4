import type { Settings } from '../config/settings.ts';
import type { VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { InputError } from '../errors.ts';
import { readFolder, syncOf } from '../operator/manifests/folder.ts';
import type { Report } from './report.ts';

/** Reads the folder of manifests that the settings name; what cannot be used is told. @throws InputError */
export async function readManifests(
  { manifests: { directory } }: Settings,
  report: Report,
): Promise<VaultSecretSync[]> {
  if (directory === undefined) throw new InputError('say which folder of manifests: --manifests DIR');
  const { manifests, bad } = await readFolder(directory);
  for (const { file, message } of bad) report.bad({ manifest: file, message });
  if (manifests.length === 0 && bad.length === 0)
    throw new InputError(`${directory} holds no manifest (*.yaml, *.yml, *.json)`);
  return manifests.map((manifest) => syncOf(manifest, 1));
}
