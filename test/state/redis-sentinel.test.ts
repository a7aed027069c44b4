import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { State, StateLoss, WebhookState } from '../../src/state/contract.ts';
import { accessRules } from '../../src/state/redis/access.ts';
import { eventually } from '../peers/processes.ts';
import { startRedis } from '../peers/start-redis.ts';
import { type RedisSentinels, startRedisSentinels } from '../peers/start-redis-group.ts';
import { redisState, redisWebhookState } from './redis-world.ts';
import { done, pathJob, Runs } from './runs.ts';

const prefix = 'vss';

describe('a Redis behind Sentinels, as two users with the least rights', () => {
  let group: RedisSentinels;
  let state: State;
  let webhook: WebhookState;
  let losses: { operator: StateLoss[]; webhook: StateLoss[] };
  beforeAll(async () => {
    const rules = accessRules(prefix);
    group = await startRedisSentinels({
      users: [
        'user default on nopass ~* &* +@all',
        `user webhook on >hook ${rules.webhook}`,
        `user operator on >oper ${rules.operator}`,
      ],
    });
  }, 60_000);
  afterAll(() => group.stop());
  beforeEach(async () => {
    const place = {
      prefix,
      sentinel: { name: group.name, nodes: group.sentinels, tls: false, database: 2 },
      deadlineMs: 800,
      lookEveryMs: 300,
    };
    state = redisState({ ...place, credentials: () => ({ username: 'operator', password: 'oper' }) });
    webhook = redisWebhookState({ ...place, credentials: () => ({ username: 'webhook', password: 'hook' }) });
    losses = { operator: [], webhook: [] };
    state.watch.whenLost((loss) => losses.operator.push(loss));
    webhook.watch.whenLost((loss) => losses.webhook.push(loss));
    await eventually(() => Promise.all([state.ping(), webhook.ping()]), { what: 'both to connect' });
  });
  afterEach(() => Promise.all([webhook.close(), state.close()]));

  const serverNow = async () => {
    const port = await group.primaryPort();
    return group.servers.find((server) => server.port === port);
  };

  /** Hands a job in until it is taken, as a sender that hears 503 does. */
  const handIn = (name: string) =>
    eventually(() => webhook.inbox.add([{ job: pathJob(name) }]).then(() => true), {
      what: `${name} to be taken`,
      every: 100,
      within: 15_000,
    });

  test('the primary that they name takes the jobs, in the database that was asked for', async () => {
    const runs = new Runs(state, () => done);

    await handIn('a');
    await runs.until('a', 1);

    const admin = new Redis((await serverNow())?.port ?? 0);
    expect(await admin.info('keyspace')).toMatch(/db2:/);
    expect(await admin.info('keyspace')).not.toMatch(/db0:/);
    expect(await admin.call('ACL', 'LOG')).toEqual([]);
    admin.disconnect();
  });

  test('the primary dies: the next one takes over, and webhook and operator learn that the last changes may be lost', async () => {
    const runs = new Runs(state, () => done);
    await handIn('before');
    await runs.until('before', 1);
    const first = await serverNow();

    await first?.kill();
    await handIn('after');

    await runs.until('after', 1);
    await eventually(() => losses.operator.length > 0 && losses.webhook.length > 0, { what: 'both to learn' });
    expect(losses).toEqual({ operator: ['another server'], webhook: ['another server'] });
    expect(await group.primaryPort()).not.toBe(first?.port);
    await first?.restart();
  });

  test('a change that only the dead primary knew is what they are told about', async () => {
    const old = await serverNow();
    const next = group.servers.filter((server) => server !== old);
    for (const server of next) server.pause();
    const admin = new Redis(old?.port ?? 0);
    await admin.call('CLIENT', 'KILL', 'TYPE', 'replica');
    admin.disconnect();
    await handIn('known to one');
    const before = await state.jobs.pending();

    await old?.kill();
    for (const server of next) server.resume();
    await eventually(() => losses.operator.length > 0 && losses.webhook.length > 0, {
      what: 'both to learn',
      within: 20_000,
    });

    expect({ before, after: await state.jobs.pending() }).toEqual({ before: 1, after: 0 });
    expect(losses).toEqual({ operator: ['another server'], webhook: ['another server'] });
    await old?.restart();
  }, 40_000);

  test('a Sentinel that was cut off and names another primary is outvoted', async () => {
    const stale = await startRedis();
    const cutOff = await startRedis({ sentinel: [`sentinel monitor ${group.name} 127.0.0.1 ${stale.port} 1`] });
    const nodes = [`127.0.0.1:${cutOff.port}`, ...group.sentinels];
    const other = redisState({ prefix, sentinel: { name: group.name, nodes, tls: false, database: 2 } });
    await eventually(() => other.ping().then(() => true), { what: 'it to connect' });

    await other.ledger.remember('team/a', 'mount', 'the true one');

    const admin = new Redis(stale.port, { db: 2 });
    expect(await admin.dbsize()).toBe(0);
    admin.disconnect();
    await other.close();
    await Promise.all([cutOff.stop(), stale.stop()]);
  });

  test('while no Sentinel answers, whoever asks is told whom it asked', async () => {
    const place = { prefix, sentinel: { name: group.name, nodes: ['127.0.0.1:1'], tls: false, database: 2 } };
    const lost = redisState({ ...place, deadlineMs: 800 });

    const refusal = await lost.ping().catch((error: unknown) => error);

    expect(String(refusal)).toMatch(/Redis at main \(Sentinels 127\.0\.0\.1:1\) did not answer/);
    await lost.close();
  });
});
