import type { Settings } from '../../config/settings.ts';
import { publicMessage } from '../../errors.ts';
import type { Logger } from '../../logging.ts';
import type { DeletionLog, Ledger } from '../../state/contract.ts';
import type { CopyRecord } from '../../sync/ports.ts';
import { redisServerOf } from './redis-server.ts';

/** Milliseconds without an answer after which Redis counts as away: nobody's jobs wait for a plan. */
const deadlineMs = 5_000;

/** What the operator remembers, for reading. */
export interface Remembered {
  readonly ledger: Ledger<CopyRecord>;
  readonly deletions: DeletionLog;
  close(): Promise<void>;
}

/**
 * Opens what the operator remembers in Redis, and nothing else of it: a queue would announce itself there. Null where the
 * settings name no Redis, and, after `onAway`, when it does not answer.
 */
export async function openRemembered(
  { state }: Settings,
  { log, onAway }: { log: Logger; onAway: (why: string) => void },
): Promise<Remembered | null> {
  const server = await redisServerOf(state, log);
  if (server === null) return null;
  const { Link } = await import('../../state/redis/connection.ts');
  const { keysOf } = await import('../../state/redis/keys.ts');
  const { RedisLedger } = await import('../../state/redis/ledger.ts');
  const { RedisDeletionLog } = await import('../../state/redis/deletions.ts');
  const link = new Link(server, { deadlineMs, log });
  const keys = keysOf(state.prefix);
  try {
    await link.use('answer', (client) => client.ping());
  } catch (error) {
    await link.close();
    onAway(publicMessage(error));
    return null;
  }
  return {
    ledger: new RedisLedger<CopyRecord>({ link, keys }),
    deletions: new RedisDeletionLog({ link, keys }),
    close: () => link.close(),
  };
}
