import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { createLogger } from '../../src/logging.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { type Operator, startOperator } from '../../src/operator/index.ts';
import type { State } from '../../src/state/contract.ts';
import { createMemoryState, type MemoryState } from '../../src/state/memory/state.ts';
import type { CopyRecord } from '../../src/sync/ports.ts';
import { eventually } from '../peers/processes.ts';
import { FakeWorld } from '../sync/fake-world.ts';
import { someSync } from '../sync/some-sync.ts';
import { FakeManifests } from './fake-manifests.ts';

const logger = createLogger({ level: 'silent' });
const release = 'deletions.vaultsecretsync.dev/release';

let world: FakeWorld;
let state: MemoryState<CopyRecord>;
let asked: string[];
let metrics: Metrics;
let open: { operator: Operator; manifests: FakeManifests }[];

beforeEach(() => {
  world = new FakeWorld();
  world.vault.put('app/db', { user: 'ada' });
  state = createMemoryState<CopyRecord>({ log: logger });
  asked = [];
  metrics = createMetrics({ withProcess: false });
  open = [];
});

afterEach(async () => {
  for (const { operator } of open) await operator.close(1_000);
  await state.close();
});

/** An operator in the state that all of them share, with manifests that it has been told of. */
async function start(...syncs: VaultSecretSync[]): Promise<{ operator: Operator; manifests: FakeManifests }> {
  const manifests = new FakeManifests();
  const listing = manifests.start.bind(manifests);
  manifests.start = async (handlers) => {
    await listing(handlers);
    for (const sync of syncs) handlers.changed(sync);
  };
  const { jobs } = state;
  const recording: State['jobs'] = {
    add: async (added) => {
      asked.push(...added.map(({ job }) => (job.kind === 'sync' ? job.sync : job.kind)));
      return jobs.add(added);
    },
    pending: () => jobs.pending(),
    consume: (options) => jobs.consume(options),
    isHeard: (job) => jobs.isHeard(job),
    deadLetters: (limit) => jobs.deadLetters(limit),
    countDeadLetters: () => jobs.countDeadLetters(),
    replay: (id) => jobs.replay(id),
  };
  const operator = await startOperator({
    world: {
      installation: world.installation,
      fingerprintKey: world.fingerprintKey,
      vaults: world.vaults,
      defaultAdoptionPolicy: world.defaultAdoptionPolicy,
      deletions: world.deletions,
      budgets: world.budgets,
      leases: state.leases,
      ledger: state.ledger,
      writes: () => world.writes(),
      reader: () => world.vault,
      target: (destination, namespace) => world.target(destination, namespace),
      targetAt: (place, namespace) => world.targetAt(place, namespace),
      allows: (wish) => world.allows(wish),
      onCopy: (result) => world.onCopy(result),
      now: () => world.now(),
    },
    vaults: world.vaults,
    state: { ...state, jobs: recording },
    manifests,
    concurrency: 4,
    metrics,
    logger,
    random: () => 0.5,
  });
  const started = { operator, manifests };
  open.push(started);
  return started;
}

async function untilReady(manifests: FakeManifests, sync: VaultSecretSync): Promise<void> {
  await eventually(() => manifests.statusOf(sync)?.observedGeneration === sync.generation, { what: 'the status' });
}

/** Everything that was asked for so far has been done. */
async function untilIdle(): Promise<void> {
  await eventually(async () => (await state.jobs.pending()) === 0, { what: 'the queue to be empty' });
}

describe('an operator', () => {
  test('publishes what it cares about, makes the copies and says so', async () => {
    const sync = someSync();

    const { operator, manifests } = await start(sync);
    await untilReady(manifests, sync);

    expect((await state.interest.read())?.entries).toHaveLength(1);
    expect(world.aws.values()).toEqual({ 'app/db': '{"user":"ada"}' });
    expect(manifests.statusOf(sync)).toMatchObject({
      copies: '1/1',
      destinations: [{ destination: 'aws:eu-west-1:' }],
    });
    expect(operator.problem()).toBeNull();
  });

  test('observes how long a change took until its copy was written, and nothing where none was written', async () => {
    const sync = someSync();
    const { manifests } = await start(sync);
    await untilReady(manifests, sync);
    await untilIdle();
    const observed = async () => {
      const { values } = await metrics.changeToCopySeconds.get();
      const of = (what: string) => values.find(({ metricName }) => metricName?.endsWith(what))?.value ?? 0;
      return { changes: of('_count'), seconds: of('_sum') };
    };
    const before = await observed();
    const job = { kind: 'path', vault: 'main', namespace: '', mount: 'secret', name: 'app/db' } as const;

    world.vault.put('app/db', { user: 'grace' });
    await state.jobs.add([{ job, heard: { version: 2, at: world.now() - 2_000 } }]);
    await eventually(() => world.aws.values()['app/db'] === '{"user":"grace"}', { what: 'the copy' });
    await eventually(async () => (await observed()).changes > 0, { what: 'the time' });
    await state.jobs.add([{ job, heard: { version: 2, at: world.now() - 9_000 } }]);
    await untilIdle();

    expect(before).toEqual({ changes: 0, seconds: 0 });
    expect(await observed()).toEqual({ changes: 1, seconds: 2 });
  });

  test('asks for the first reconcile of a new sync only once the webhook can know of it', async () => {
    const first = someSync();
    let held: Promise<void> | null = null;
    const { interest } = state;
    const { promise, resolve: publishNow } = Promise.withResolvers<void>();
    let wanted = 0;
    state = {
      ...state,
      interest: {
        read: () => interest.read(),
        watch: (changed) => interest.watch(changed),
        async publish(document) {
          wanted = document.entries.length;
          await held;
          return interest.publish(document);
        },
      },
    };
    const { manifests } = await start(first);
    await untilReady(manifests, first);
    await untilIdle();
    const before = asked.length;
    held = promise;

    manifests.handlers?.changed(someSync({ path: 'secret/app/web' }, { name: 'web' }));
    await eventually(() => wanted === 2, { what: 'the publication' });
    await untilIdle();
    const askedTooSoon = asked.slice(before);
    publishNow();
    await eventually(() => asked.length > before, { what: 'the reconcile to be asked for' });

    expect(askedTooSoon).toEqual([]);
    expect(asked.slice(before)).toEqual(['team-a/web']);
    expect((await interest.read())?.entries).toHaveLength(2);
  });

  test('looks at everything again, and publishes anew, when the shared state may have lost something', async () => {
    const sync = someSync();
    let lose: () => void = () => undefined;
    state = {
      ...state,
      watch: {
        whenLost(listener) {
          lose = () => listener('another server');
          return () => undefined;
        },
        mayEvict: () => false,
      },
    };
    const { manifests } = await start(sync);
    await untilReady(manifests, sync);
    await untilIdle();
    const before = asked.length;
    const published = (await state.interest.read())?.revision ?? 0;

    lose();
    await eventually(() => asked.length > before, { what: 'the reconcile to be asked for' });

    expect(asked.slice(before)).toEqual(['team-a/db']);
    expect((await state.interest.read())?.revision).toBeGreaterThan(published);
  });

  test('follows an edit, and nothing else that changes about a sync', async () => {
    const sync = someSync();
    const { manifests } = await start(sync);
    await untilReady(manifests, sync);
    const before = asked.length;

    manifests.handlers?.changed({ ...sync, status: { copies: '1/1' }, annotations: { team: 'a' } });
    await untilIdle();
    const afterStatus = asked.length;
    const edited = someSync({ dest: [{ gcp: {} }] }, { generation: 2 });
    manifests.handlers?.changed(edited);
    await untilReady(manifests, edited);

    expect(afterStatus).toBe(before);
    expect([...world.gcp.copies.keys()]).toEqual(['app/db']);
  });

  test('reconciles once for a request, and not again when its annotation is taken away', async () => {
    const sync = someSync();
    const { manifests } = await start(sync);
    await untilReady(manifests, sync);
    const before = asked.length;

    manifests.handlers?.changed({ ...sync, annotations: { 'force-sync': 'x' } });
    await eventually(() => manifests.removed.length > 0, { what: 'the request to be answered' });
    manifests.handlers?.changed(sync);
    manifests.handlers?.changed({ ...sync, annotations: { 'force-sync': 'x' } });
    await eventually(() => manifests.removed.length > 2, { what: 'the same words to be answered again' });

    expect(asked.slice(before)).toEqual(['team-a/db', 'team-a/db']);
  });

  test('lets stopped deletions go when an annotation releases just these', async () => {
    const sync = someSync({ path: 'secret/app/.*', maxDeletions: 0 });
    const { manifests } = await start(sync);
    await untilReady(manifests, sync);
    world.vault.delete('app/db');
    await state.jobs.add([{ job: { kind: 'sync', sync: 'team-a/db' } }]);
    const stopped = await eventually(() => manifests.statusOf(sync)?.stoppedDeletions, { what: 'the guard' });

    manifests.handlers?.changed({ ...sync, annotations: { [release]: stopped.digest } });
    await eventually(() => world.aws.copies.size === 0, { what: 'the deletion' });

    expect(stopped).toMatchObject({ count: 1, names: ['aws:eu-west-1:/app/db'] });
    expect(manifests.announced).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'DeletionGuard' }));
    await eventually(() => !manifests.statusOf(sync)?.stoppedDeletions, { what: 'the status to say so' });
  });

  test('deals with the copies of a sync whose object is gone', async () => {
    const sync = someSync({ removalPolicy: 'Delete' });
    const { manifests } = await start(sync);
    await untilReady(manifests, sync);

    manifests.handlers?.gone(sync);
    await eventually(() => world.aws.copies.size === 0, { what: 'the deletion' });

    await eventually(async () => (await state.interest.read())?.entries.length === 0, { what: 'the interest to end' });
  });

  test('has nothing left to do for one that it had let go itself', async () => {
    const sync = someSync({ removalPolicy: 'Delete' });
    const { manifests } = await start(sync);
    await untilReady(manifests, sync);
    const leaving = { ...sync, generation: 2, deleting: true };
    manifests.handlers?.changed(leaving);
    await eventually(() => world.aws.copies.size === 0, { what: 'the deletion' });
    const before = asked.length;

    manifests.handlers?.gone(leaving);
    await untilIdle();

    expect(asked.length).toBe(before);
  });

  test('remembers mounts that only the status knows, before anything is reconciled', async () => {
    const sync = someSync({}, { status: { sourceMounts: [{ mount: 'secret', uuid: 'uuid-1' }] } });
    world.vault.deleteMetadata('app/db');
    const owner = world.resolve(sync).owner;
    world.aws.place('app/db', { owner, ref: 'team-a/db' });

    await start(sync);

    await eventually(() => world.aws.copies.size === 0, { what: 'the absence to be proven by the mount' });
  });
});

describe('of two operators', () => {
  test('only one asks, publishes and plans; the other is ready all the same', async () => {
    const sync = someSync();
    const first = await start(sync);
    await untilReady(first.manifests, sync);
    const before = asked.length;

    const second = await start(sync);
    second.manifests.handlers?.changed({ ...sync, generation: 2 });
    await untilIdle();

    expect(asked.length).toBe(before);
    expect([first, second].map(({ operator }) => operator.problem())).toEqual([null, null]);
  });

  test('the second asks for everything when the first ends', async () => {
    const sync = someSync();
    const first = await start(sync);
    await untilReady(first.manifests, sync);
    await start(sync);
    const before = asked.length;

    await first.operator.close(1_000);
    open.shift();

    await eventually(() => asked.length > before, { what: 'the second to lead' });
    expect(asked.slice(before)).toEqual(['team-a/db']);
  });

  test('whichever learns last that writes are enabled asks for everything, leader or not', async () => {
    const sync = someSync();
    world.paused = true;
    const first = await start(sync);
    const second = await start(sync);
    await eventually(() => first.manifests.statusOf(sync) ?? second.manifests.statusOf(sync), { what: 'a status' });
    await untilIdle();
    // The leader has heard of it while the other one still did the work.
    first.operator.reconcileAll();
    await untilIdle();
    const before = world.aws.copies.size;

    world.paused = false;
    second.operator.reconcileAll();

    await eventually(() => world.aws.copies.size === 1, { what: 'the copy' });
    expect(before).toBe(0);
  });
});
