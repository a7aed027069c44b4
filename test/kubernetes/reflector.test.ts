import { afterEach, describe, expect, test } from '@jest/globals';
import type { ReflectOptions, Reflector } from '../../src/kubernetes/contract.ts';
import { HttpFailure } from '../../src/kubernetes/failure.ts';
import { backoffMs, type FollowTimes, usualTimes } from '../../src/kubernetes/follow.ts';
import { startReflector } from '../../src/kubernetes/reflector.ts';
import { createLogger } from '../../src/logging.ts';
import { eventually } from '../peers/processes.ts';
import { createFakeSource, type FakeSource, page, type Thing, thing } from './fake-source.ts';

const times: FollowTimes = { ...usualTimes, firstRetryMs: 1, lastRetryMs: 4, pageSize: 2 };
const expired = () => new HttpFailure(410, '{"reason":"Expired"}', {});
const refused = () => Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } });
const bookmark = (version: string) =>
  ({ type: 'BOOKMARK', object: { metadata: { resourceVersion: version } } }) as const;

const started: Reflector<Thing>[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((reflector) => reflector.stop()));
});

function reflect(source: FakeSource, given: Partial<ReflectOptions<Thing>> & { times?: FollowTimes } = {}) {
  const heard: string[] = [];
  const say = (what: string) => (object: Thing) =>
    void heard.push(`${what} ${object.metadata.name} ${object.colour} ${object.metadata.uid}`);
  const reflector = startReflector<Thing>(
    {
      resource: { group: 'test.example.com', version: 'v1', plural: 'things' },
      onSynced: () => void heard.push('synced'),
      onChange: say('changed'),
      onDelete: say('deleted'),
      ...given,
    },
    {
      sourceOf: () => source,
      logger: createLogger({ level: 'silent' }),
      times: given.times ?? times,
      random: () => 0.5,
      now: () => performance.now(),
    },
  );
  started.push(reflector);
  const hears = (what: string) => eventually(() => heard.includes(what), { what: `"${what}" in ${heard}` });
  return { reflector, heard, hears };
}

describe('a reflector', () => {
  test('lists page by page, tells each object, then says that it is synced', async () => {
    const source = createFakeSource({
      lists: [[page([thing('a'), thing('b')], { next: '1' }), page([thing('c')])]],
    });

    const { reflector, heard } = reflect(source);

    expect(await reflector.synced).toBe(true);
    expect(heard).toEqual(['changed a red uid-a', 'changed b red uid-b', 'changed c red uid-c', 'synced']);
    expect(source.asked.slice(0, 2)).toEqual(['list 2 null', 'list 2 1']);
    expect(reflector.store.list()).toHaveLength(3);
    expect(reflector.store.get('ns', 'b')).toEqual(thing('b'));
  });

  test('goes on from the version heard last when the server ends the watch', async () => {
    const source = createFakeSource({
      watches: [[{ type: 'ADDED', object: thing('a', { version: 101 }) }], [bookmark('200')], ['open']],
    });

    reflect(source);

    await eventually(() => source.asked.length >= 4, { what: 'four requests' });
    expect(source.asked).toEqual(['list 2 null', 'watch 100', 'watch 101', 'watch 200']);
  });

  test('lists again after an ERROR event, and tells only what is different', async () => {
    const before = [thing('same'), thing('gone'), thing('other')];
    const after = [thing('same'), thing('other', { version: 7, colour: 'blue' }), thing('new')];
    const source = createFakeSource({
      lists: [[page(before)], [page(after, { version: '300' })]],
      watches: [[bookmark('101'), { type: 'ERROR', object: { code: 410 } }]],
    });

    const { heard, hears } = reflect(source);

    await hears('changed new red uid-new');
    expect(heard.slice(4)).toEqual([
      'deleted gone red uid-gone',
      'changed other blue uid-other',
      'changed new red uid-new',
    ]);
    expect(source.asked).toContain('watch 300');
  });

  test('lists again when the server no longer has the version', async () => {
    const source = createFakeSource({ lists: [[page([])], [page([thing('a')])]], watches: [expired()] });

    const { hears } = reflect(source);

    await hears('changed a red uid-a');
  });

  test('takes everything at once when the server forgets a list between two pages', async () => {
    const everything = [page([thing('a'), thing('b'), thing('c')])];
    const source = createFakeSource({ lists: [[page([thing('a')], { next: '1' })], everything] });
    const list = source.list.bind(source);
    let forgotten = false;
    source.list = (asked, signal) => {
      if (asked.next === null || forgotten) return list(asked, signal);
      forgotten = true;
      source.lists.shift();
      return Promise.reject(expired());
    };

    const { reflector } = reflect(source);

    await reflector.synced;
    expect(source.asked.slice(0, 2)).toEqual(['list 2 null', 'list 0 null']);
    expect(reflector.store.list()).toHaveLength(3);
  });

  test('goes on from the same version after a connection that could not be made', async () => {
    const source = createFakeSource({ watches: [refused(), refused(), [bookmark('101'), 'open']] });

    const { reflector } = reflect(source);

    await eventually(() => source.asked.length === 4, { what: 'three watches' });
    expect(source.asked).toEqual(['list 2 null', 'watch 100', 'watch 100', 'watch 100']);
    await eventually(() => reflector.problem() === null, { what: 'no problem' });
  });

  test('says what is wrong until it can hear again', async () => {
    const denied = { reason: 'Forbidden', message: 'things is forbidden: User "u" cannot list resource "things"' };
    const failure = new HttpFailure(403, JSON.stringify(denied), {});
    const source = createFakeSource({ lists: [failure] });

    const { reflector } = reflect(source);
    await eventually(() => reflector.problem(), { what: 'a problem' });

    expect(reflector.problem()).toBe(
      'Kubernetes does not allow us to list things.test.example.com in all namespaces: add to a ClusterRole {apiGroups: ["test.example.com"], resources: ["things"], verbs: ["list"]}',
    );
    source.lists.splice(0, 1, [page([])]);
    await eventually(() => reflector.problem() === null, { what: 'no problem' });
    expect(await reflector.synced).toBe(true);
  });

  test('tells a deletion before the creation when an object was replaced by another of its name', async () => {
    const source = createFakeSource({
      lists: [[page([thing('a')])]],
      watches: [[{ type: 'MODIFIED', object: thing('a', { uid: 'second' }) }, 'open']],
    });

    const { heard, hears } = reflect(source);

    await hears('changed a red second');
    expect(heard.slice(2)).toEqual(['deleted a red uid-a', 'changed a red second']);
  });

  test('outlives a handler that throws', async () => {
    const source = createFakeSource({
      watches: [[{ type: 'ADDED', object: thing('a') }, { type: 'DELETED', object: thing('a') }, 'open']],
    });

    const { hears } = reflect(source, {
      onChange: () => {
        throw new Error('a defect');
      },
    });

    await hears('deleted a red uid-a');
  });

  test('lists again after a silence in which a bookmark was due', async () => {
    const source = createFakeSource({ lists: [[page([])], [page([thing('a')])]], watches: [['open']] });

    const { hears } = reflect(source, { times: { ...times, silenceLimitMs: 20 } });

    await hears('changed a red uid-a');
  });

  test('does not ask without pause a server that ends each watch at once', async () => {
    const watches = Array.from({ length: 200 }, () => []);
    const source = createFakeSource({ watches });
    const slow = { ...times, firstRetryMs: 10, lastRetryMs: 10_000 };

    reflect(source, { times: slow });

    await eventually(() => source.asked.length >= 4, { what: 'three watches', every: 1 });
    const { length } = source.asked;
    // 3 pauses took 52 ms or more; a busy loop would have used up all 200 by now.
    expect(length).toBeLessThan(8);
  });

  test('is synced only when every namespace has been listed', async () => {
    const sources = new Map([
      ['one', createFakeSource({ lists: [[page([thing('a')])]] })],
      ['two', createFakeSource({ lists: [refused(), [page([thing('b')])]] })],
    ]);
    const fallback = createFakeSource({});
    const heard: string[] = [];

    const reflector = startReflector<Thing>(
      {
        resource: { group: 'test.example.com', version: 'v1', plural: 'things' },
        namespaces: ['one', 'two', 'two'],
        onSynced: () => void heard.push('synced'),
        onChange: ({ metadata }) => void heard.push(metadata.name),
        onDelete: () => undefined,
      },
      {
        sourceOf: (namespace) => sources.get(namespace ?? '') ?? fallback,
        logger: createLogger({ level: 'silent' }),
        times,
        random: () => 0.5,
        now: () => performance.now(),
      },
    );
    started.push(reflector);

    expect(await reflector.synced).toBe(true);
    expect(heard).toEqual(['a', 'b', 'synced']);
  });
});

describe('a reflector that is stopped', () => {
  test('leaves no watch open and calls no handler any more', async () => {
    const source = createFakeSource({ watches: [['open']] });
    const { reflector } = reflect(source);
    await eventually(() => source.open === 1, { what: 'an open watch' });

    await reflector.stop();

    expect(source.open).toBe(0);
    expect(source.asked).toHaveLength(2);
  });

  test('while it waits after a failure asks nothing any more', async () => {
    const source = createFakeSource({ lists: [refused()] });
    const { reflector } = reflect(source, { times: { ...times, firstRetryMs: 60_000, lastRetryMs: 60_000 } });
    await eventually(() => reflector.problem(), { what: 'a problem' });

    await reflector.stop();

    expect(source.asked).toEqual(['list 2 null']);
    expect(await reflector.synced).toBe(false);
  });

  test('while the server thinks about the watch leaves none open', async () => {
    const source = createFakeSource({});
    const answer = Promise.withResolvers<void>();
    const watch = source.watch.bind(source);
    source.watch = async (from, signal) => {
      await answer.promise;
      return watch(from, signal);
    };
    const { reflector } = reflect(source);
    await reflector.synced;

    const stopped = reflector.stop();
    answer.resolve();
    await stopped;

    expect(source.open).toBe(0);
  });
});

test('failures are waited for twice as long each time, up to a limit, and by chance for less', () => {
  const wait = (failures: number, random: number) => backoffMs({ failures, times: usualTimes, random });

  expect([1, 2, 3, 10].map((failures) => wait(failures, 0))).toEqual([250, 500, 1000, 5000]);
  expect(wait(1, 1)).toBe(125);
});
