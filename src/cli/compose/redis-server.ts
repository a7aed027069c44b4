import { readFileSync } from 'node:fs';
import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../logging.ts';
import { keysOf } from '../../state/redis/keys.ts';
import type { Credentials, RedisServer, TlsMaterial } from '../../state/redis/server.ts';
import { readCredential } from '../read-settings.ts';

/**
 * The Redis that the settings name; null where state stays in this process. Files are read now, so that a wrong one is told at
 * once, and again before each connection, so that what was rotated serves without a restart.
 * @throws InputError naming a file that cannot be read
 */
export async function redisServerOf(state: Settings['state'], log: Logger): Promise<RedisServer | null> {
  const { redis, sentinel, cluster, serverName } = state;
  if (redis === undefined && sentinel === undefined && cluster === undefined) return null;
  const followed = (file: string | undefined, setting: string) => follow({ file, setting: `state.${setting}`, log });
  const username = await followed(state.usernameFile, 'usernameFile');
  const password = await followed(state.passwordFile, 'passwordFile');
  const [ca, cert, key] = [
    await followed(state.caFile, 'caFile'),
    await followed(state.certFile, 'certFile'),
    await followed(state.keyFile, 'keyFile'),
  ];
  const credentials = (): Credentials =>
    known({ username: username() ?? state.username, password: password() ?? state.password });
  const tls = (): TlsMaterial => known({ ca: ca(), cert: cert(), key: key(), servername: serverName });
  const common = { credentials, tls };
  if (redis !== undefined) return { ...common, url: redis };
  if (cluster !== undefined) {
    return { ...common, cluster: { nodes: cluster.nodes, tls: cluster.tls ?? false, root: keysOf(state.prefix).root } };
  }
  const { name = '', nodes = [], tls: isSecure = false, database = 0, username: user } = sentinel ?? {};
  const sentinelPassword = await followed(sentinel?.passwordFile, 'sentinel.passwordFile');
  return {
    ...common,
    sentinel: {
      ...{ name, nodes, tls: isSecure, database },
      credentials: () => known({ username: user, password: sentinelPassword() }),
    },
  };
}

/** A file whose text is read anew each time; while it cannot be read, or is empty, what it held before is taken. */
async function follow(options: {
  file: string | undefined;
  setting: string;
  log: Logger;
}): Promise<() => string | undefined> {
  const { file, setting, log } = options;
  if (file === undefined) return () => undefined;
  let text = await readCredential(file, setting);
  return () => {
    try {
      text = readFileSync(file, 'utf8').trim() || text;
    } catch (err) {
      log.warn({ err, setting }, 'a file for Redis cannot be read; what it held before is used');
    }
    return text;
  };
}

type Known<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

/** Without the fields that nobody gave. */
function known<T extends Record<string, string | undefined>>(fields: T): Partial<Known<T>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Known<T>>;
}
