import { expect } from '@jest/globals';
import { markNames } from '../../../src/sync-targets/contract.ts';
import { eventually } from '../../peers/processes.ts';
import { minute, secretValue, type Wish } from './under-test.ts';
import {
  type Cases,
  createCopy,
  differences,
  expectRequests,
  expectWrites,
  lookAt,
  premiseOf,
  type World,
  writeUntilTaken,
} from './world.ts';

/** Creating, updating and removing a copy while nobody else touches it. */
export const copies = {
  'names its scope and its key without a call': async ({ openAnother, kind, destination, store, target }) => {
    await store.forgetRequests();

    const another = openAnother();

    expect(another.scope).toBe(target.scope);
    expect(kind.keyOf(destination({}))).toBe(kind.keyOf(destination({ team: 'payments' })));
    await expectRequests({ store }, 0);
  },

  'is led back to its place by its scope alone': async (world) => {
    const { desired } = await createCopy(world);
    const destination = world.kind.destinationAt({ scope: world.target.scope });

    const another = world.openAnother(destination ?? {});

    expect(another.scope).toBe(world.target.scope);
    expect(await lookAt({ ...world, target: another }, desired.name)).toMatchObject({ owner: desired.marks.owner });
    expect(world.kind.destinationAt({ scope: `other-${world.target.scope}` })).toBeNull();
  },

  'says how often it may be called': async ({ target }) => {
    const kinds = ['read', 'list', 'write'] as const;

    const rates = kinds.map((kind) => target.rates?.[kind] ?? { perSecond: 0, burst: 0 });

    expect(Math.min(...rates.map(({ perSecond }) => perSecond))).toBeGreaterThan(0);
    expect(Math.min(...rates.map(({ burst }) => burst))).toBeGreaterThanOrEqual(1);
  },

  'describes an absent copy as null': async ({ target, newName, signal }) => {
    const observed = await target.describe(newName(), signal);

    expect(observed).toBeNull();
  },

  'creates a copy with its value, its marks and its tags': async ({ target, store, destination, ...world }) => {
    const name = world.newName();
    const wish = { name, value: secretValue('new'), destination: destination({ team: 'payments' }) };
    const desired = world.desire(wish);

    await target.write(desired, { kind: 'absent' }, world.signal);

    expect(await store.valueOf(name)).toBe(desired.value);
    const { owner, ref } = desired.marks;
    expect(await store.tagsOf(name)).toMatchObject({
      team: 'payments',
      [markNames.owner]: owner,
      [markNames.ref]: ref,
    });
  },

  'describes a copy it has just written as its own and in sync, without a write': async (world) => {
    const desired = world.desire({ name: world.newName(), value: secretValue('new') });
    const written = await world.target.write(desired, { kind: 'absent' }, world.signal);
    await world.store.forgetRequests();

    const observed = await lookAt(world, desired.name);

    expect(observed).toMatchObject({ name: desired.name, existence: 'live', managedBy: null });
    expect(observed).toMatchObject({ owner: desired.marks.owner, ref: desired.marks.ref });
    expect(world.target.compare(desired, observed, written)).toEqual([]);
    await expectWrites(world, 0);
  },

  'finds its copy in sync when nothing is remembered of it': async (world) => {
    const desired = world.desire({ name: world.newName(), value: secretValue('new') });
    await world.target.write(desired, { kind: 'absent' }, world.signal);
    world.clock.advance(15 * minute);

    const another = world.openAnother();

    await eventually(async () => differences(world, desired, null, another).then(({ length }) => length === 0), {
      what: 'a copy without a difference',
    });
  },

  'finds an update in sync when nothing is remembered of it': async (world) => {
    const { desired, written } = await createCopy(world);
    const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });
    await world.target.write(next, { kind: 'remembered', written }, world.signal);
    world.clock.advance(15 * minute);

    const another = world.openAnother();

    await eventually(async () => differences(world, next, null, another).then(({ length }) => length === 0), {
      what: 'a copy without a difference',
    });
  },

  'updates a remembered copy with exactly one request': async (world) => {
    const { desired, written } = await createCopy(world);
    const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });
    await world.store.forgetRequests();

    const writtenNext = await world.target.write(next, { kind: 'remembered', written }, world.signal);

    await expectRequests(world, 1);
    await expectWrites(world, 1);
    expect(await world.store.valueOf(next.name)).toBe(next.value);
    expect(writtenNext).toEqual({ versionId: expect.any(String), at: world.clock.now() });
    expect(await differences(world, next, writtenNext)).toEqual([]);
  },

  'updates a described copy': async (world) => {
    const { desired } = await createCopy(world);
    const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });

    const written = await world.target.write(next, await premiseOf(world, next.name), world.signal);

    expect(await world.store.valueOf(next.name)).toBe(next.value);
    expect(await differences(world, next, written)).toEqual([]);
  },

  'sees changed tags and brings them to the copy': async (world) => {
    const name = world.newName();
    const wish = { name, value: secretValue('same'), destination: world.destination({ team: 'payments' }) };
    await createCopy(world, wish);
    const next = world.desire({ ...wish, destination: world.destination({ team: 'ledger', stage: 'test' }) });

    // What was written last had another fingerprint: it says nothing about this one.
    const before = await differences(world, next, null);
    const writtenNext = await world.target.write(next, await premiseOf(world, name), world.signal);

    expect(before).toContain('tags');
    expect(await world.store.tagsOf(name)).toMatchObject({ team: 'ledger', stage: 'test' });
    expect(await world.store.valueOf(name)).toBe(next.value);
    expect(await differences(world, next, writtenNext)).toEqual([]);
  },

  'creates a copy with its description, and brings a changed one to it': async (world) => {
    const { describedBy, store, target } = world;
    const wish = { name: world.newName(), value: secretValue('same') };
    await createCopy(world, { ...wish, ...described(describedBy, 'The first.') });
    const first = await store.descriptionOf?.(wish.name);
    const next = world.desire({ ...wish, ...described(describedBy, 'The second, größer.') });

    const before = await differences(world, next, null);
    const written = await target.write(next, await premiseOf(world, wish.name), world.signal);

    expect(first).toBe('The first.');
    expect(before).toContain('description');
    expect(await store.descriptionOf?.(wish.name)).toBe('The second, größer.');
    expect(await differences(world, next, written)).toEqual([]);
  },

  'leaves a description alone when the manifest has none': async (world) => {
    const wish = { name: world.newName(), value: secretValue('first') };
    await createCopy(world, { ...wish, ...described(world.describedBy, 'By somebody.') });
    const next = world.desire({ name: wish.name, value: secretValue('next'), version: 2 });

    const before = await differences(world, next, null);
    const written = await world.target.write(next, await premiseOf(world, wish.name), world.signal);

    expect(before).toEqual(['value']);
    expect(await world.store.descriptionOf?.(wish.name)).toBe('By somebody.');
    expect(await differences(world, next, written)).toEqual([]);
  },

  'brings back a value that the copy had before': async (world) => {
    const { desired, written } = await createCopy(world);
    const other = world.desire({ name: desired.name, value: secretValue('other'), version: 2 });
    const writtenOther = await world.target.write(other, { kind: 'remembered', written }, world.signal);

    const back = await world.target.write(desired, { kind: 'remembered', written: writtenOther }, world.signal);

    expect(await world.store.valueOf(desired.name)).toBe(desired.value);
    expect(await differences(world, desired, back)).toEqual([]);
  },

  'removes a copy': async (world) => {
    const { desired } = await createCopy(world);

    await world.target.remove(await lookAt(world, desired.name), world.signal);

    expect(await world.store.valueOf(desired.name)).toBeNull();
    expect(await premiseOf(world, desired.name)).not.toMatchObject({ observed: { existence: 'live' } });
  },

  'removes a copy that is gone already without complaint': async (world) => {
    const { desired } = await createCopy(world);
    const observed = await lookAt(world, desired.name);
    await world.store.deleteByHand(desired.name);

    await world.target.remove(observed, world.signal);

    expect(await world.store.valueOf(desired.name)).toBeNull();
  },

  'writes a removed copy again': async (world) => {
    const { desired } = await createCopy(world);
    await world.target.remove(await lookAt(world, desired.name), world.signal);
    const next = world.desire({ name: desired.name, value: secretValue('reborn'), version: 2 });

    const written = await writeUntilTaken(world, next);

    expect(await world.store.valueOf(next.name)).toBe(next.value);
    expect(await differences(world, next, written)).toEqual([]);
  },
} satisfies Cases;

function described(describedBy: World['describedBy'], description: string): Pick<Wish, 'destination'> {
  if (!describedBy) throw new Error('the store has no descriptions: skip this case and say why');
  return { destination: describedBy(description) };
}
