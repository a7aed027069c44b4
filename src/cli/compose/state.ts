import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../logging.ts';
import type { State, WebhookState } from '../../state/contract.ts';
import type { CopyRecord } from '../../sync/ports.ts';
import { redisServerOf } from './redis-server.ts';

/** The shared state as each role of this process sees it; null for a role that it does not have. */
export interface States {
  readonly operator: State<CopyRecord> | null;
  readonly webhook: WebhookState | null;
  close(): Promise<void>;
}

/**
 * Redis where the settings name one, else the memory of this process. `deadlineMs`: after how many milliseconds without an answer
 * Redis counts as away, if not as soon as for a server.
 */
export async function composeState(
  settings: Pick<Settings, 'roles' | 'state'>,
  log: Logger,
  patience: { readonly deadlineMs?: number } = {},
): Promise<States> {
  const { prefix } = settings.state;
  const server = await redisServerOf(settings.state, log);
  const roles = new Set<string>(settings.roles);
  if (server === null) {
    const { createMemoryState } = await import('../../state/memory/state.ts');
    const state = createMemoryState<CopyRecord>({ log });
    return { operator: state, webhook: roles.has('webhook') ? state.asWebhook() : null, close: () => state.close() };
  }
  const { createRedisState, createRedisWebhookState } = await import('../../state/redis/state.ts');
  const options = { ...server, prefix, log, ...patience };
  const operator = roles.has('operator') ? createRedisState<CopyRecord>(options) : null;
  const webhook = roles.has('webhook') ? createRedisWebhookState(options) : null;
  return {
    operator,
    webhook,
    async close() {
      await Promise.allSettled([operator?.close(), webhook?.close()]);
    },
  };
}
