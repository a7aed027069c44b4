import { afterEach, describe, expect, test } from '@jest/globals';
import type { Metrics } from '../../src/metrics.ts';
import { AuditReader } from '../../src/webhook/audit/reader.ts';
import { auditLine } from './entries.ts';
import { interestIn, jobsOf, settle } from './fakes.ts';
import { closeInsides, now, startInside } from './inside.ts';

async function gaugeOf(metrics: Metrics): Promise<number | undefined> {
  return (await metrics.interestMissing.get()).values[0]?.value;
}

afterEach(closeInsides);

describe('ingest', () => {
  test('queues a change that somebody wants, with the version and time heard', async () => {
    const { state, hear } = await startInside();

    await hear({ version: 3 });

    expect(state.added).toEqual([
      {
        job: { kind: 'path', vault: 'main', namespace: '', mount: 'secret', name: 'app/db' },
        heard: { version: 3, at: Date.parse('2026-03-01T12:00:00.123Z') },
      },
    ]);
  });

  test('makes one job of many changes of one path, with the highest version and the latest time', async () => {
    const { state, hear } = await startInside();

    await hear({ version: 5 }, { version: 4, time: '2026-03-01T12:00:03Z' }, { operation: 'delete' });

    expect(state.added).toMatchObject([{ heard: { version: 5, at: Date.parse('2026-03-01T12:00:03Z') } }]);
    expect(state.calls).toBe(1);
  });

  test.each([
    { what: 'without a time', time: '' },
    { what: 'from a clock that is ahead', time: '2030-01-01T00:00:00Z' },
  ])('takes its own time for an entry $what', async ({ time }) => {
    const { state, hear } = await startInside();

    await hear({ time });

    expect(state.added).toMatchObject([{ heard: { version: null, at: now } }]);
  });

  test('queues nothing that nobody wants', async () => {
    const { state, hear } = await startInside();

    await hear({ path: 'other/data/app', mountPoint: 'other/' }, { operation: 'read' }, { error: 'permission denied' });

    expect(state.calls).toBe(0);
  });

  test('gives the version to the KV v2 reading only', async () => {
    const { state, hear } = await startInside(interestIn([{}], {}));

    await hear({ version: 3 });

    expect(state.added).toMatchObject([
      { job: { name: 'app/db' }, heard: { version: 3 } },
      { job: { name: 'data/app/db' }, heard: { version: null } },
    ]);
  });

  test('queues a reconcile of a mount that somebody selects from, and of no other', async () => {
    const { state, hear } = await startInside();
    const system = { mountPoint: 'sys/', mountType: 'system' };

    await hear({ ...system, path: 'sys/mounts/secret/tune' }, { ...system, path: 'sys/mounts/other' });

    expect(jobsOf(state.added)).toEqual(['mount main  secret']);
  });

  test('takes <mount>/config for a secret in a KV v1 mount', async () => {
    const inV1 = await startInside(interestIn([{ literal: 'config' }], { '["main","","secret"]': 1 }));
    const inV2 = await startInside(interestIn([{ literal: 'config' }]));

    await inV1.hear({ path: 'secret/config' });
    await inV2.hear({ path: 'secret/config' });

    expect(jobsOf(inV1.state.added)).toEqual(['path main  secret config']);
    expect(jobsOf(inV2.state.added)).toEqual(['mount main  secret']);
  });

  test('matches the changes of the last minute against a new revision', async () => {
    const { clock, state, hear } = await startInside(interestIn([]));
    await hear({ path: 'secret/data/early' });
    await clock.advance(30_000);
    await hear({ path: 'secret/data/late', version: 2 }, { path: 'secret/data/unwanted' });
    await clock.advance(31_000);

    state.publish(interestIn([{ literal: 'early' }, { literal: 'late' }]));
    await settle();

    expect(jobsOf(state.added)).toEqual(['path main  secret late']);
    expect(state.added[0]?.heard?.version).toBe(2);
  });

  test('counts what nobody wants by its words, parsed or not', async () => {
    const { metrics, hear } = await startInside(interestIn([]));

    await hear({}, {}, { operation: 'read' }, { path: 'sys/mounts/kv', mountType: 'system' });
    await hear({ path: 'transit/encrypt/app', mountPoint: 'transit/', mountType: 'transit' });

    const { values } = await metrics.auditEntries.get();
    expect(Object.fromEntries(values.map(({ labels, value }) => [labels.verdict, value]))).toEqual({
      changed: 2,
      reconcile: 1,
      ignored: 2,
    });
  });

  test('queues a change once only, however often the interest is published', async () => {
    const { state, hear } = await startInside(interestIn([]));
    await hear({});

    for (let times = 0; times < 3; times++) {
      state.publish(interestIn());
      await settle();
    }

    expect(jobsOf(state.added)).toEqual(['path main  secret app/db']);
  });

  test('asks for a reconcile when remembered changes cannot be queued', async () => {
    const { clock, state, hear } = await startInside(interestIn([]));
    await hear({});

    state.publish(interestIn());
    // The interest is being read; the jobs that follow come too late.
    state.mode = 'refusing';
    await settle();
    state.mode = 'up';
    await clock.advance(2_000);

    expect(jobsOf(state.added)).toEqual(['mount main  ']);
  });

  test('queues every change while no interest is published, and says so in a metric', async () => {
    const { state, metrics, hear } = await startInside(null);

    await hear({}, { path: 'other/config/x', mountPoint: 'other/', operation: 'read' });

    expect(jobsOf(state.added)).toEqual(['path main  secret app/db', 'path main  secret data/app/db']);
    expect(await gaugeOf(metrics)).toBe(1);
  });

  test('without an interest and beyond 10,000 pending jobs lets one job stand for the Vault', async () => {
    const { state, hear } = await startInside(null);
    state.waiting = 9_999;

    await hear({});

    expect(state.added).toEqual([{ job: { kind: 'mount', vault: 'main', namespace: '', mount: '' } }]);
  });

  test('matches again as soon as the interest is published', async () => {
    const { state, metrics, hear } = await startInside(null);

    state.publish(interestIn([{ literal: 'app/web' }]));
    await settle();
    await hear({}, { path: 'secret/data/app/web' });

    expect(jobsOf(state.added)).toEqual(['path main  secret app/web']);
    expect(await gaugeOf(metrics)).toBe(0);
  });

  test('keeps its last good index while the state is away', async () => {
    const { clock, state, hear } = await startInside();

    state.mode = 'refusing';
    state.publish(null);
    await clock.advance(5_000);
    state.mode = 'up';
    await hear({}, { path: 'other/data/app', mountPoint: 'other/' });

    expect(jobsOf(state.added)).toEqual(['path main  secret app/db']);
  });

  test.each(['refusing', 'silent'] as const)(
    'reads the interest when a state that was %s at the start is back',
    async (mode) => {
      const { clock, state, ingest, hear } = await startInside(interestIn([{ literal: 'app/db' }]), mode);
      const readyBefore = ingest.isReady();

      state.mode = 'up';
      await clock.advance(2_000);
      await hear({}, { path: 'secret/data/other' });

      expect(readyBefore).toBe(false);
      expect(ingest.isReady()).toBe(true);
      expect(jobsOf(state.added)).toEqual(['path main  secret app/db']);
    },
  );

  test('keeps the jobs that the queue did not take, and hands them in with the next commit', async () => {
    const { state, ingest } = await startInside();
    const intake = ingest.open('main');
    const reader = new AuditReader({ maxRecordBytes: 1_000_000, prefilter: true, sink: intake });
    reader.push(Buffer.from(auditLine({ version: 2 })));
    state.mode = 'refusing';

    await expect(intake.commit()).rejects.toMatchObject({ remedy: 'Retry', reason: 'QueueAway' });
    state.mode = 'up';
    reader.push(Buffer.from(auditLine({ version: 1 })));
    await intake.commit();

    expect(state.added).toMatchObject([{ job: { name: 'app/db' }, heard: { version: 2 } }]);
  });

  test('gives up on a silent queue within a second', async () => {
    const { clock, state, hear } = await startInside();
    state.mode = 'silent';
    let error: unknown = null;

    const hearing = hear({}).catch((caught: unknown) => {
      error = caught;
    });
    await clock.advance(999);
    await hearing;

    expect(error).toMatchObject({ reason: 'QueueAway' });
  });
});

describe('reconcile requests', () => {
  test('ask at most once in five minutes for each Vault', async () => {
    const { clock, state, requests } = await startInside();

    requests.ask('main', 'start');
    requests.ask('other', 'start');
    await clock.advance(1_000);
    requests.ask('main', 'reconnect');
    requests.ask('main', 'shed');
    await clock.advance(298_000);
    const early = jobsOf(state.added);
    await clock.advance(2_000);
    const late = jobsOf(state.added);

    expect(early).toEqual(['mount main  ', 'mount other  ']);
    expect(late).toEqual(['mount main  ', 'mount other  ', 'mount main  ']);
  });

  test('wait until the queue is back', async () => {
    const { clock, state, requests, hear } = await startInside();
    state.mode = 'refusing';
    await expect(hear({})).rejects.toMatchObject({ reason: 'QueueAway' });

    requests.ask('main', 'refused');
    await clock.advance(10_000);
    const meanwhile = [...state.added];
    state.mode = 'up';
    await clock.advance(1_500);

    expect(meanwhile).toEqual([]);
    expect(state.added).toMatchObject([{ job: { kind: 'mount', vault: 'main', namespace: '', mount: '' } }]);
  });
});
