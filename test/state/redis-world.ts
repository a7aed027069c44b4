import { randomUUID } from 'node:crypto';
import { createLogger } from '../../src/logging.ts';
import type { StateLoss } from '../../src/state/contract.ts';
import { accessRules } from '../../src/state/redis/access.ts';
import {
  createRedisState,
  createRedisWebhookState,
  type RedisStateOptions,
  type RedisWebhookStateOptions,
} from '../../src/state/redis/state.ts';
import { eventually } from '../peers/processes.ts';
import { pathJob, type StateUnderTest } from './runs.ts';

/** Short enough for tests, long enough for a machine that has no time for us for a second. */
export const quick = { lockMs: 3000, stalledMs: 300, leaseMs: 3000, abortGraceMs: 500 };

/** Where a test is not about Redis being away, a busy machine must not look like it. In milliseconds. */
const patience = 10_000;

export const silent = createLogger({ level: 'silent' });

/** A prefix of its own: one server serves many tests. */
export function freshPrefix(): string {
  return `test-${randomUUID()}`;
}

export function redisState(options: Partial<RedisStateOptions> & { prefix: string }) {
  return createRedisState({ log: silent, deadlineMs: patience, ...quick, ...options });
}

export function redisWebhookState(options: Partial<RedisWebhookStateOptions> & { prefix: string }) {
  return createRedisWebhookState({ log: silent, deadlineMs: patience, ...options });
}

type Place = Partial<RedisWebhookStateOptions> & { prefix: string };

/** Lines of an ACL file: one user who may do everything, and the two with the rights that we tell people to give. */
export function leastUsers(prefix: string): string[] {
  const rules = accessRules(prefix);
  return [
    'user default on nopass ~* &* +@all',
    `user webhook on >hook ${rules.webhook}`,
    `user operator on >oper ${rules.operator}`,
  ];
}

/** An operator and a webhook on one Redis, as one user or as the two of `leastUsers`. */
export function openBoth(place: Place, options: { readonly asLeastUsers: boolean }): StateUnderTest {
  const as = (username: string, password: string) =>
    options.asLeastUsers ? { credentials: () => ({ username, password }) } : {};
  const state = redisState({ ...place, ...as('operator', 'oper') });
  const webhook = redisWebhookState({ ...place, ...as('webhook', 'hook') });
  return {
    state,
    webhook,
    async close() {
      await webhook.close();
      await state.close();
    },
  };
}

/** Both, once they are connected, with what each was told that Redis may have lost. */
export interface Pair extends StateUnderTest {
  readonly losses: { readonly operator: StateLoss[]; readonly webhook: StateLoss[] };
  untilBothLearnt(): Promise<void>;
  /** Hands a job in until it is taken, as a sender that hears 503 does. */
  handIn(name: string): Promise<void>;
}

/** Opens both with looks at Redis that are frequent, and a deadline short enough to see it away, longer than a busy machine takes. */
export async function openPair(place: Place, options: { readonly asLeastUsers: boolean }): Promise<Pair> {
  const both = openBoth({ deadlineMs: 2000, lookEveryMs: 300, ...place }, options);
  const { state, webhook } = both;
  const losses: Pair['losses'] = { operator: [], webhook: [] };
  state.watch.whenLost((loss) => losses.operator.push(loss));
  webhook.watch.whenLost((loss) => losses.webhook.push(loss));
  try {
    await eventually(() => Promise.all([state.ping(), webhook.ping()]), { what: 'both to connect' });
  } catch (error) {
    await both.close();
    throw error;
  }
  return {
    ...both,
    losses,
    async untilBothLearnt() {
      await eventually(() => losses.operator.length > 0 && losses.webhook.length > 0, {
        what: 'both to learn of the loss',
      });
    },
    async handIn(name) {
      await eventually(() => webhook.inbox.add([{ job: pathJob(name) }]).then(() => true), {
        what: `${name} to be taken`,
        every: 100,
      });
    },
  };
}
