import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** Runs a Lua script: everything in it happens at once, as far as any other client can see. */
export type Script = (client: Redis, keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/** A script that Redis is asked for by its digest, and is told in full only when it does not know it (after a restart). */
export function script(lua: string): Script {
  const digest = hash('sha1', lua, 'hex');
  return async (client, keys, args) => {
    try {
      return await client.evalsha(digest, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return client.eval(lua, keys.length, ...keys, ...args);
    }
  };
}
