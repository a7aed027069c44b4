import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ObjectStore } from '../../src/kubernetes/object-store.ts';
import { type Thing, thing } from './fake-source.ts';

const news = fc.record({ name: fc.constantFrom('a', 'b', 'c'), uid: fc.constantFrom('1', '2'), version: fc.nat(3) });
const things = fc.array(news).map((all) => all.map(({ name, ...rest }) => thing(name, rest)));
const step = fc.oneof(
  news.map(({ name, ...rest }) => ({ kind: 'put' as const, object: thing(name, rest) })),
  news.map(({ name, ...rest }) => ({ kind: 'remove' as const, object: thing(name, rest) })),
  things.map((all) => ({
    kind: 'replace' as const,
    objects: [...new Map(all.map((one) => [one.metadata.name, one])).values()],
  })),
);

test('whoever applies the changes in their order has what the store has, and never two lives of one name', () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const store = new ObjectStore<Thing>();
      const mirror = new Map<string, Thing>();

      for (const one of steps) {
        const changes =
          one.kind === 'put'
            ? store.put(one.object)
            : one.kind === 'remove'
              ? store.remove(one.object)
              : store.replace(one.objects);
        for (const { change, object } of changes) {
          const { name, uid } = object.metadata;
          const known = mirror.get(name);
          if (known) expect(known.metadata.uid).toBe(uid);
          if (change === 'deleted') expect(mirror.delete(name)).toBe(true);
          else mirror.set(name, object);
        }
        if (one.kind === 'replace') expect(store.list()).toHaveLength(one.objects.length);
      }

      const byName = (left: Thing, right: Thing) => left.metadata.name.localeCompare(right.metadata.name);
      expect([...mirror.values()].sort(byName)).toEqual(store.list().sort(byName));
    }),
    { seed: 1, numRuns: 500 },
  );
});
