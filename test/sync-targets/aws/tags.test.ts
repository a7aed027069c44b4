import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import { tagChanges, tagsOf } from '../../../src/sync-targets/aws/tags.ts';
import { desire } from '../conformance/under-test.ts';
import { openStrictStore, type StrictStore } from './strict-store.ts';

const owner = '0123456789abcdef0123456789abcdef';
const desireCopy = (aws: AwsDestination) => desire({ name: 'db', value: 'x', destination: { aws }, owner });

describe('what must change in the tags of a copy', () => {
  const keys = fc.stringMatching(/^[a-z]{1,6}$/);
  const tags = fc.dictionary(keys, fc.constantFrom('1', '2'), { maxKeys: 6 });
  const apply = (before: ReadonlyMap<string, string>, aws: AwsDestination) => {
    const { set, remove } = tagChanges(desireCopy(aws), before);
    const after = new Map([...before, ...Object.entries(set)]);
    for (const key of remove) after.delete(key);
    return after;
  };

  test('brings it to the tags of the manifest and those of others, whatever the manifest said before', () => {
    fc.assert(
      fc.property(tags, tags, tags, (theirs, first, second) => {
        const foreign = new Map(Object.entries(theirs).map(([key, value]) => [`their-${key}`, value]));

        const after = apply(apply(foreign, { tags: first }), { tags: second });

        expect(after).toEqual(new Map([...foreign, ...Object.entries(tagsOf(desireCopy({ tags: second })))]));
        expect(tagChanges(desireCopy({ tags: second }), after)).toEqual({ set: {}, remove: [] });
      }),
      { seed: 20_261_121 },
    );
  });

  test('brings it to the tags of the manifest alone, marks and tags of AWS apart, where it is to be exact', () => {
    const before = new Map([
      ['team', 'theirs'],
      ['aws:cloudformation:stack-name', 'x'],
      ['vss-state', 'x'],
    ]);

    const after = apply(before, { tags: { stage: 'test' }, tagPolicy: 'Exact' });

    const kept = new Map([...before].filter(([key]) => key !== 'team'));
    const wanted = Object.entries(tagsOf(desireCopy({ tags: { stage: 'test' } })));
    expect(after).toEqual(new Map([...kept, ...wanted]));
  });

  test('leaves no mark of the keys where there are none', () => {
    expect(Object.keys(tagsOf(desireCopy({})))).toEqual(['vss-owner', 'vss-ref']);
    expect(Object.keys(tagsOf(desireCopy({ tags: {} })))).toEqual(['vss-owner', 'vss-ref']);
  });

  test('has room in one tag for the mark of 47 keys', () => {
    const most = Object.fromEntries(Array.from({ length: 47 }, (_, index) => [`key-${index}`, '']));

    const mark = tagsOf(desireCopy({ tags: most }))['vss-tags'] ?? '';

    expect(mark).toMatch(/^[A-Za-z0-9_-]{235}$/);
  });
});

describe('the tags of a copy in AWS', () => {
  let store: StrictStore;
  const tagsAt = (name: string) => Object.fromEntries(store.secrets.look(name).tags);
  const bring = async (name: string, aws: AwsDestination) => {
    const desired = store.desire(name, aws);
    const observed = await store.look(name);
    const differences = store.target.compare(desired, observed, null).filter((difference) => difference !== 'value');
    store.forget();
    await store.target.write(desired, { kind: 'observed', observed, differences }, store.signal);
    return differences;
  };

  beforeAll(async () => {
    store = await openStrictStore();
  });

  afterAll(() => store.close());

  test('are removed once the manifest has them no more, and the others stay', async () => {
    const name = 'removed';
    await store.target.write(
      store.desire(name, { tags: { team: 'a', stage: 'test' } }),
      { kind: 'absent' },
      store.signal,
    );
    store.secrets.answer('TagResource', { SecretId: name, Tags: [{ Key: 'cost-centre', Value: '7' }] });

    const differences = await bring(name, { tags: { stage: 'test' } });

    expect(differences).toEqual(['tags']);
    expect(store.operations).toEqual(['UntagResource', 'TagResource']);
    expect(tagsAt(name)).toEqual({ ...tagsOf(store.desire(name, { tags: { stage: 'test' } })), 'cost-centre': '7' });
    expect(await bring(name, { tags: { stage: 'test' } })).toEqual([]);
  });

  test('are still known as ours when they could not be removed', async () => {
    const name = 'half-done';
    const before = { team: 'a', stage: 'test' };
    await store.target.write(store.desire(name, { tags: before }), { kind: 'absent' }, store.signal);
    const Action = ['secretsmanager:DescribeSecret', 'secretsmanager:TagResource'];
    store.permit({ Statement: [{ Effect: 'Allow', Action, Resource: '*' }] });
    await expect(bring(name, { tags: { stage: 'test' } })).rejects.toThrow('allow secretsmanager:UntagResource');
    store.permit(null);

    await bring(name, {});

    expect(Object.keys(tagsAt(name))).toEqual(['vss-owner', 'vss-ref']);
  });

  test('that are too many with those of others are refused with the number', async () => {
    const name = 'crowded';
    const mine = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`mine-${index}`, '']));
    await store.target.write(store.desire(name, {}), { kind: 'absent' }, store.signal);
    const theirs = Array.from({ length: 20 }, (_, index) => ({ Key: `theirs-${index}`, Value: '' }));
    const stack = { Key: 'aws:cloudformation:stack-name', Value: 'app' };
    store.secrets.answer('TagResource', { SecretId: name, Tags: [...theirs, stack] });

    const refusal = bring(name, { tags: mine });

    await expect(refusal).rejects.toMatchObject({
      remedy: 'FixSpec',
      message: expect.stringContaining('have 53: leave out 3'),
    });
    expect(await bring(name, { tags: mine, tagPolicy: 'Exact' })).toEqual(['tags']);
    expect(Object.keys(tagsAt(name))).toHaveLength(34);
  });
});
