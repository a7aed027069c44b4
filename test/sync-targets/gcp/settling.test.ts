import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { markNames, PremiseChanged, type Target } from '../../../src/sync-targets/contract.ts';
import { changesPerSecond } from '../../../src/sync-targets/gcp/pace.ts';
import { startGcpSecretManager } from '../../stand-ins/gcp-secret-manager/start.ts';
import { minute } from '../conformance/under-test.ts';
import { project, resourceName } from './under-test.ts';
import { owner, signal, useGcp } from './world.ts';

const { gcpStore, open } = useGcp();

describe('while our write is not everywhere yet', () => {
  beforeEach(() => gcpStore().standIn.settleIn(60 * minute));
  afterEach(() => gcpStore().standIn.settle());

  test('a new copy is neither drift nor written again, and no list is needed for that', async () => {
    const { target, create, look, view } = open();
    const { desired, written } = await create();

    const observed = await look(desired.name);

    expect(observed).toMatchObject({ owner, versionId: null });
    expect(await listed(target)).not.toContain(desired.name);
    expect(target.compare(desired, observed, written)).toEqual([]);
    expect((await view(desired.name)).versions).toHaveLength(1);
  });

  test('an updated copy is no drift, though its newest version seems to be the one before', async () => {
    const { target, wish, create, look } = open();
    const { desired, written } = await create();
    await gcpStore().standIn.settle();
    const next = wish({ name: desired.name, version: 2, value: 'next' });
    const writtenNext = await target.write(next, { kind: 'remembered', written }, signal);

    const observed = await look(desired.name);

    expect([writtenNext.versionId, observed.versionId]).toEqual(['2', '1']);
    expect(target.compare(next, observed, writtenNext)).toEqual([]);
  });

  test('an older value never counts as in sync when nothing is remembered', async () => {
    const { target, wish, create } = open();
    const { desired, written } = await create();
    await gcpStore().standIn.settle();
    const next = wish({ name: desired.name, version: 2, value: 'next' });
    await target.write(next, { kind: 'remembered', written }, signal);
    const { target: another, look } = open();

    const observed = await look(desired.name);

    expect(observed.versionId).toBe('1');
    expect(another.compare(next, observed, null)).toEqual(['value']);
  });

  test('a version made by hand after ours is seen ten minutes after our write', async () => {
    const { store, standIn } = gcpStore();
    const { target, clock, create, look } = open();
    const { desired, written } = await create();
    clock.advance(9 * minute);
    await store.changeByHand(desired.name, 'by hand');
    const early = target.compare(desired, await look(desired.name), written);
    clock.advance(minute);

    const late = target.compare(desired, await look(desired.name), written);
    await standIn.settle();

    expect([early, late]).toEqual([[], ['value']]);
  });

  test('the mark of a value that was replaced meanwhile is not written', async () => {
    const { store, somebody } = gcpStore();
    const { target, wish, create } = open();
    const { desired, written } = await create();
    const next = wish({ name: desired.name, version: 2, value: 'next' });
    await target.write(next, { kind: 'remembered', written }, signal);
    const payload = { data: Buffer.from('of another replica') };
    await somebody.addSecretVersion({ parent: resourceName(desired.name), payload });

    await target.close?.();

    expect(await store.tagsOf(desired.name)).toMatchObject({ [markNames.state]: desired.marks.state });
  });

  test('a copy that no list shows is not created a second time', async () => {
    const { create, look, view } = open();
    const { desired } = await create();
    const { target: another } = open();

    const second = another.write(desired, { kind: 'absent' }, signal);

    await expect(second).rejects.toBeInstanceOf(PremiseChanged);
    expect(await listed(another)).not.toContain(desired.name);
    expect(await look(desired.name)).toMatchObject({ owner });
    expect((await view(desired.name)).versions).toHaveLength(1);
  });

  async function listed(target: Target): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of target.list?.(owner, signal) ?? []) names.push(name);
    return names;
  }
});

describe('a secret that changes faster than Google takes it', () => {
  let standIn: Awaited<ReturnType<typeof startGcpSecretManager>>;
  beforeAll(async () => {
    standIn = await startGcpSecretManager({ projects: [project], secretQuotas: true });
  });
  afterAll(() => standIn.stop());

  test('is written as often as Google takes it, and ends with its last value', async () => {
    const { target, wish } = open({ endpoint: standIn.endpoint });
    const { name } = wish();
    const begun = performance.now();
    const valueNow = () => `value-${Math.min(24, Math.floor((performance.now() - begun) / 100))}`;

    // As jobs of one path do: each reads what is there now, and runs again as long as there was a change meanwhile.
    let current = { value: valueNow(), version: 1 };
    let written = await target.write(wish({ name, ...current }), { kind: 'absent' }, signal);
    while (current.value !== 'value-24') {
      current = { value: valueNow(), version: current.version + 1 };
      written = await target.write(wish({ name, ...current }), { kind: 'remembered', written }, signal);
    }
    const took = (performance.now() - begun) / 1_000;

    const requests = await standIn.requests();
    expect(requests.filter(({ status }) => status !== 'OK')).toEqual([]);
    expect((await standIn.payload(project.id, name))?.toString()).toBe('value-24');
    expect(requests.length).toBeLessThanOrEqual(1 + changesPerSecond.global * Math.ceil(took));
  });

  test('waits no longer than its time limit, and leaves other secrets alone', async () => {
    const { target, wish } = open({ endpoint: standIn.endpoint });
    const desired = wish();
    let written = await target.write(desired, { kind: 'absent' }, signal);
    written = await target.write(wish({ name: desired.name, version: 2 }), { kind: 'remembered', written }, signal);
    const third = wish({ name: desired.name, version: 3 });

    const waiting = target.write(third, { kind: 'remembered', written }, AbortSignal.timeout(100));
    await target.write(wish(), { kind: 'absent' }, signal);
    await expect(waiting).rejects.toMatchObject({ remedy: 'Retry' });

    const added = (await standIn.requests()).filter(({ resource }) => resource.endsWith(`/${desired.name}`));
    expect(added.map(({ method }) => method)).toEqual(['CreateSecret', 'AddSecretVersion', 'AddSecretVersion']);
  });
});
