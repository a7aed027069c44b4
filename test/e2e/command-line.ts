import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type CommandResult, runCommand } from '../peers/processes.ts';
import { programFile } from '../program/start-program.ts';
import { awsCredentials } from './settings.ts';

/** Runs the compiled program to its end, at home in a folder, with credentials for AWS and nothing else. */
export function runProgram(
  args: readonly string[],
  { folder, stdin }: { folder: string; stdin?: string },
): Promise<CommandResult> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, ...awsCredentials };
  const input = stdin === undefined ? {} : { stdin };
  return runCommand(process.execPath, [programFile, ...args], { cwd: folder, env, ...input });
}

/** Writes manifests, as objects or as text, into a new folder inside `folder`. */
export async function writeManifests(folder: string, files: Readonly<Record<string, unknown>>): Promise<string> {
  const directory = await mkdtemp(join(folder, 'manifests-'));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(directory, name), typeof content === 'string' ? content : stringify(content));
  }
  return directory;
}

/** A manifest. */
export function manifestOf(name: string, spec: object, metadata: object = {}): object {
  return {
    apiVersion: 'vaultsecretsync.dev/v1alpha1',
    kind: 'VaultSecretSync',
    metadata: { name, ...metadata },
    spec,
  };
}

/** The document that `plan --json` and `sync --json` print. */
export interface ReportDocument {
  readonly notes: string[];
  readonly badManifests: { manifest: string; message: string }[];
  readonly syncs: {
    sync: string;
    mode: string;
    problems: { reason: string; message: string }[];
    copies: Record<string, unknown>[];
  }[];
  readonly summary: Record<string, number>;
}

export function documentIn({ stdout, stderr }: CommandResult): ReportDocument {
  try {
    return JSON.parse(stdout) as ReportDocument;
  } catch (cause) {
    throw new Error(`no document: ${stdout}\n${stderr}`, { cause });
  }
}

/** Every copy of a document, e.g. `default/one create gcp:demo-project/one`. */
export function classesIn(result: CommandResult): string[] {
  return documentIn(result)
    .syncs.flatMap(({ sync, copies }) =>
      copies.map((copy) => `${sync} ${copy['class']} ${copy['destination']}/${copy['name']}`),
    )
    .sort();
}
