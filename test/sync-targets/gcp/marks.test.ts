import { describe, expect, test } from '@jest/globals';
import { markNames } from '../../../src/sync-targets/contract.ts';
import { markStepMs } from '../../../src/sync-targets/gcp/state-marks.ts';
import { eventually } from '../../peers/processes.ts';
import { minute } from '../conformance/under-test.ts';
import { project, resourceName } from './under-test.ts';
import { owner, signal, useGcp } from './world.ts';

const { gcpStore, open } = useGcp();

describe('the state mark', () => {
  test('of many updates within a minute is written once, the last, and keeps what others added', async () => {
    const { store, somebody } = gcpStore();
    const { target, clock, wish, create, operations } = open();
    const { desired, written } = await create();
    const note = {
      secret: {
        name: resourceName(desired.name),
        annotations: { note: 'theirs' },
        labels: { [markNames.owner]: owner, cost: 'theirs' },
      },
      updateMask: { paths: ['annotations', 'labels'] },
    };
    await somebody.updateSecret(note);
    const updates = [2, 3, 4].map((version) => wish({ name: desired.name, version }));
    await store.forgetRequests();

    for (const next of updates) await target.write(next, { kind: 'remembered', written }, signal);
    clock.advance(minute - 1);
    const before = await operations();
    clock.advance(1);
    await eventually(async () => (await operations()).includes('UpdateSecret'), { what: 'the state mark' });

    expect(before).toEqual(['AddSecretVersion', 'AddSecretVersion', 'AddSecretVersion']);
    expect(await operations()).toEqual([...before, 'GetSecret', 'GetSecretVersion', 'UpdateSecret']);
    expect(await store.tagsOf(desired.name)).toEqual({
      note: 'theirs',
      cost: 'theirs',
      [markNames.owner]: owner,
      [markNames.state]: updates[2]?.marks.state,
    });
  });

  test('of many copies are written one after the other, each in its turn', async () => {
    const { target, clock, wish, create, operations } = open();
    for (let copy = 0; copy < 3; copy += 1) {
      const { desired, written } = await create();
      await target.write(wish({ name: desired.name, version: 2 }), { kind: 'remembered', written }, signal);
    }
    const marksAfter = async (ms: number, count: number): Promise<boolean> => {
      clock.advance(ms);
      const marked = async () => (await operations()).filter((operation) => operation === 'UpdateSecret').length;
      await eventually(async () => (await marked()) >= count, { what: `mark ${count}` });
      return (await marked()) === count;
    };
    await gcpStore().store.forgetRequests();

    expect(await marksAfter(minute, 1)).toBe(true);
    expect(await marksAfter(markStepMs - 1, 1)).toBe(true);
    expect(await marksAfter(1, 2)).toBe(true);
    expect(await marksAfter(markStepMs, 3)).toBe(true);
  });

  test('that still waits is written at the end', async () => {
    const { store } = gcpStore();
    const { target, wish, create } = open();
    const { desired, written } = await create();
    const next = wish({ name: desired.name, version: 2 });
    await target.write(next, { kind: 'remembered', written }, signal);

    await target.close?.();

    expect(await store.tagsOf(desired.name)).toMatchObject({ [markNames.state]: next.marks.state });
  });

  test('that still waits counts as there', async () => {
    const { target, wish, create, look } = open();
    const { desired, written } = await create();
    const next = wish({ name: desired.name, version: 2 });

    await target.write(next, { kind: 'remembered', written }, signal);

    expect(target.compare(next, await look(desired.name), null)).toEqual([]);
  });

  test('is not written on a secret that became another owner’s meanwhile', async () => {
    const { store, somebody } = gcpStore();
    const { target, wish, create } = open();
    const { desired, written } = await create();
    await target.write(wish({ name: desired.name, version: 2 }), { kind: 'remembered', written }, signal);
    const taken = { name: resourceName(desired.name), labels: { [markNames.owner]: 'another' } };
    await somebody.updateSecret({ secret: taken, updateMask: { paths: ['labels'] } });

    await target.close?.();

    expect(await store.tagsOf(desired.name)).toMatchObject({
      [markNames.owner]: 'another',
      [markNames.state]: desired.marks.state,
    });
  });

  test('that could not be written is reported and tried again after a minute', async () => {
    const { store, standIn } = gcpStore();
    const { target, clock, errors, wish, create } = open();
    const { desired, written } = await create();
    const next = wish({ name: desired.name, version: 2 });
    await target.write(next, { kind: 'remembered', written }, signal);
    await standIn.fault({ kind: 'throttle', method: 'UpdateSecret', count: 1 });

    clock.advance(minute);
    await eventually(() => errors.length > 0, { what: 'the report' });
    clock.advance(minute);
    await eventually(async () => (await store.tagsOf(desired.name))[markNames.state] === next.marks.state, {
      what: 'the mark',
    });

    expect(errors).toEqual([expect.objectContaining({ remedy: 'RateLimited', code: 'RESOURCE_EXHAUSTED' })]);
  });

  test('of a former owner is taken away before the value follows', async () => {
    const { store, somebody, standIn } = gcpStore();
    const { target, wish, look } = open();
    const desired = wish();
    const secret = {
      replication: { automatic: {} },
      labels: { [markNames.owner]: 'another' },
      annotations: { [markNames.state]: desired.marks.state },
    };
    await somebody.createSecret({ parent: `projects/${project.number}`, secretId: desired.name, secret });
    await store.changeByHand(desired.name, 'theirs');
    await standIn.fault({ kind: 'unavailable', method: 'AddSecretVersion', count: 1 });

    const adoption = target.write(desired, { kind: 'observed', observed: await look(desired.name) }, signal);
    await expect(adoption).rejects.toMatchObject({ remedy: 'Retry' });

    const observed = await look(desired.name);
    expect(observed).toMatchObject({ owner, ref: desired.marks.ref, state: null });
    expect(target.compare(desired, observed, null)).toEqual(['value']);
  });
});

describe('drift', () => {
  test('a copy of which our own version is the newest is in sync, though its mark was never written', async () => {
    const { target, clock, wish, create } = open();
    const { desired, written } = await create();
    const next = wish({ name: desired.name, version: 2, value: 'next' });
    const writtenNext = await target.write(next, { kind: 'remembered', written }, signal);
    const { look } = open();
    const observed = await look(desired.name);
    clock.advance(11 * minute);

    const known = target.compare(next, observed, writtenNext);
    const unknown = target.compare(next, observed, null);

    expect([known, unknown]).toEqual([[], ['value']]);
  });

  test('a higher version than ours is drift, but not within ten minutes of our write', async () => {
    const { store } = gcpStore();
    const { target, clock, create, look } = open();
    const { desired, written } = await create();
    await store.changeByHand(desired.name, 'by hand');
    const observed = await look(desired.name);

    clock.advance(10 * minute - 1);
    const early = target.compare(desired, observed, written);
    clock.advance(1);
    const late = target.compare(desired, observed, written);

    expect(early).toEqual([]);
    expect(late).toEqual(['value']);
  });

  test('a lower version than ours is only an old answer', async () => {
    const { target, clock, create, look } = open();
    const { desired } = await create();
    const observed = await look(desired.name);

    const differences = target.compare(desired, observed, { versionId: '2', at: clock.now() - 11 * minute });

    expect(differences).toEqual([]);
  });

  test('a newest version that cannot be read is a value that differs', async () => {
    const { somebody } = gcpStore();
    const { target, clock, create, look } = open();
    const { desired, written } = await create();
    await somebody.disableSecretVersion({ name: `${resourceName(desired.name)}/versions/1` });
    clock.advance(11 * minute);

    const differences = target.compare(desired, await look(desired.name), written);

    expect(differences).toEqual(['value']);
  });

  test('a mark of another rendering is a value that differs when no version is remembered', async () => {
    const { target, wish, create, look } = open();
    const { desired } = await create();
    const next = wish({ name: desired.name, version: 2, value: 'another' });

    const differences = target.compare(next, await look(desired.name), null);

    expect(differences).toEqual(['value']);
  });

  test('a new version with the content of the one before is no difference', async () => {
    const { target, wish, create, look } = open();
    const { desired } = await create();
    const next = wish({ name: desired.name, version: 2, value: desired.value });

    const differences = target.compare(next, await look(desired.name), null);

    expect(differences).toEqual([]);
  });
});
