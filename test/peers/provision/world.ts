import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { runCommand } from '../processes.ts';
import { findVersion } from './choose.ts';

/** The machine as provisioning sees it. */
export interface World {
  env: Readonly<Record<string, string>>;
  /** Where everything that was built or installed for this project lies. */
  cache: string;
  /** Whether missing system packages may be installed: Debian's, when we are root. */
  mayInstallPackages: boolean;
  report: (line: string) => void;
}

export function thisMachine(): World {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) env[name] = value;
  return {
    env,
    cache: findCache(env),
    mayInstallPackages: process.getuid?.() === 0 && lookUp(env, 'apt-get').length > 0,
    report: (line) => process.stderr.write(`${line}\n`),
  };
}

export function findCache(env: Readonly<Record<string, string>>): string {
  if (env['VSS_PEERS_CACHE']) return env['VSS_PEERS_CACHE'];
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'vault-secret-sync', 'peers');
}

export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Every program of that name on PATH, in order. */
function lookUp(env: Readonly<Record<string, string>>, program: string): string[] {
  const { PATH = '' } = env;
  const folders = PATH.split(delimiter).filter((folder) => folder !== '');
  return [...new Set(folders)].map((folder) => join(folder, program)).filter(isProgram);
}

/** Every program of that name on PATH, with its version. */
export async function findOnPath(
  world: World,
  program: string,
  versionArgs: readonly string[],
): Promise<{ path: string; version: string | undefined }[]> {
  const found: { path: string; version: string | undefined }[] = [];
  for (const path of lookUp(world.env, program))
    found.push({ path, version: await readVersion(world, path, versionArgs) });
  return found;
}

type KnownVersions = Record<string, { size: number; mtimeMs: number; version: string }>;

/** Asks a program for its version once; the answer is kept in the cache until the file changes. */
async function readVersion(world: World, path: string, versionArgs: readonly string[]): Promise<string | undefined> {
  const file = join(world.cache, 'versions.json');
  const { size, mtimeMs } = await stat(path);
  const before = (await readKnownVersions(file))[path];
  if (before?.size === size && before.mtimeMs === mtimeMs) return before.version;

  const answer = await runCommand(path, versionArgs, { cwd: '/', env: world.env }).catch(() => undefined);
  const version = answer === undefined ? undefined : findVersion(`${answer.stdout}\n${answer.stderr}`);
  if (version === undefined) return undefined;
  await mkdir(world.cache, { recursive: true });
  const draft = `${file}.${process.pid}`;
  const known = { ...(await readKnownVersions(file)), [path]: { size, mtimeMs, version } };
  await writeFile(draft, JSON.stringify(known, null, 2));
  await rename(draft, file);
  return version;
}

async function readKnownVersions(file: string): Promise<KnownVersions> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return {};
  }
}

/** The first hex digits of what `files` contain: another content is another product. Missing files count as empty. */
export function hashOf(files: readonly string[], ...more: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(existsSync(file) ? readFileSync(file) : '').update('\0');
  for (const text of more) hash.update(text).update('\0');
  return hash.digest('hex').slice(0, 10);
}
