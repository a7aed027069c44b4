import { expect } from '@jest/globals';
import { PremiseChanged } from '../../../src/sync-targets/contract.ts';
import { minute, secretValue } from './under-test.ts';
import { type Cases, createCopy, differences, lookAt, newOwner, premiseOf, writeUntilTaken } from './world.ts';

/** What somebody else did to a copy, or to a name that we want. */
export const others = {
  'sees a value changed by hand and puts it right': async (world) => {
    const { desired, written } = await createCopy(world);
    world.clock.advance(15 * minute);
    await world.store.changeByHand(desired.name, secretValue('by hand'));

    const before = await differences(world, desired, written);
    const repaired = await world.target.write(desired, await premiseOf(world, desired.name), world.signal);

    expect(before).toContain('value');
    expect(await world.store.valueOf(desired.name)).toBe(desired.value);
    expect(await differences(world, desired, repaired)).toEqual([]);
  },

  'refuses to update a remembered copy that was deleted by hand, and writes it after looking again': async (world) => {
    const { desired, written } = await createCopy(world);
    const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });
    await world.store.deleteByHand(desired.name);

    const refusal = world.target.write(next, { kind: 'remembered', written }, world.signal);
    await expect(refusal).rejects.toBeInstanceOf(PremiseChanged);
    await writeUntilTaken(world, next);

    expect(await world.store.valueOf(next.name)).toBe(next.value);
  },

  'refuses to create over a secret that appeared meanwhile': async (world) => {
    const desired = world.desire({ name: world.newName(), value: secretValue('ours') });
    await world.store.createForeign(desired.name, 'theirs');

    const refusal = world.target.write(desired, { kind: 'absent' }, world.signal);

    await expect(refusal).rejects.toBeInstanceOf(PremiseChanged);
    expect(await world.store.valueOf(desired.name)).toBe('theirs');
  },

  'sees that a foreign secret bears no mark': async (world) => {
    const name = world.newName();
    await world.store.createForeign(name, 'theirs');

    const observed = await lookAt(world, name);

    expect(observed).toMatchObject({ existence: 'live', owner: null, ref: null });
  },

  "sees another owner's marks": async (world) => {
    const name = world.newName();
    const marks = { owner: newOwner(), ref: 'team-b/db' };
    await world.store.createForeign(name, 'theirs', marks);

    const observed = await lookAt(world, name);

    expect(observed).toMatchObject({ existence: 'live', ...marks });
  },

  'takes over a foreign secret when it is told to write one': async (world) => {
    const desired = world.desire({ name: world.newName(), value: secretValue('ours') });
    await world.store.createForeign(desired.name, 'theirs', { owner: newOwner(), ref: 'team-b/db' });

    const written = await world.target.write(desired, await premiseOf(world, desired.name), world.signal);

    expect(await world.store.valueOf(desired.name)).toBe(desired.value);
    expect(await lookAt(world, desired.name)).toMatchObject({ owner: desired.marks.owner, ref: desired.marks.ref });
    expect(await differences(world, desired, written)).toEqual([]);
  },

  "lists exactly one owner's copies": async (world) => {
    const owner = newOwner();
    const ours = [world.newName(), world.newName()];
    for (const name of ours) await createCopy(world, { name, value: secretValue('ours'), owner });
    await createCopy(world, { name: world.newName(), value: secretValue('another'), owner: newOwner() });
    await world.store.createForeign(world.newName(), 'theirs');

    const found: string[] = [];
    for await (const observed of world.target.list?.(owner, world.signal) ?? []) {
      expect(observed).toMatchObject({ owner, existence: 'live' });
      found.push(observed.name);
    }

    expect(found).toHaveLength(ours.length);
    expect(found).toEqual(expect.arrayContaining(ours));
  },
} satisfies Cases;
