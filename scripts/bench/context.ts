import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RedisPeer, startRedis } from '../../test/peers/start-redis.ts';
import { awsCredentials } from '../loopback-settings.ts';

/** What a bench is handed. */
export interface BenchContext {
  /** As many as usual, or a tenth of it with `--quick`. */
  many(usual: number): number;
  /** Progress, on standard error. */
  say(line: string): void;
  /** A new empty folder, gone with this process. */
  newFolder(name: string): Promise<string>;
  /** Environment of the programs that are measured. */
  readonly programEnv: Readonly<Record<string, string>>;
}

/** A table and what has to be said about it. */
export interface Section {
  readonly title: string;
  readonly table: string;
  readonly notes: readonly string[];
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  run(context: BenchContext): Promise<readonly Section[]>;
}

export function createContext(options: { readonly quick: boolean; readonly profiles: string | null }): BenchContext {
  const root = mkdtempSync(join(tmpdir(), 'vss-bench-'));
  process.once('exit', () => rmSync(root, { recursive: true, force: true }));
  let folders = 0;
  const { quick, profiles } = options;
  return {
    many: (usual) => (quick ? Math.ceil(usual / 10) : usual),
    say: (line) => console.error(`  ${line}`),
    async newFolder(name) {
      folders += 1;
      const folder = join(root, `${folders}-${name}`);
      await mkdir(folder);
      return folder;
    },
    programEnv: {
      ...awsCredentials,
      ...(profiles === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` }),
    },
  };
}

/** A real Redis for as long as the stack lives; null, with a word, where there is none. */
export async function redisIfThere(stack: AsyncDisposableStack, { say }: BenchContext): Promise<RedisPeer | null> {
  try {
    const redis = await startRedis();
    stack.defer(() => redis.stop());
    return redis;
  } catch (error) {
    say(`without Redis: ${Error.isError(error) ? error.message.split('\n')[0] : String(error)}`);
    return null;
  }
}
