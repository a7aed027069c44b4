import { expect } from '@jest/globals';
import { SyncError } from '../../../src/errors.ts';
import {
  type Desired,
  type Premise,
  PremiseChanged,
  type Target,
  type Written,
} from '../../../src/sync-targets/contract.ts';
import { minute, secretValue } from './under-test.ts';
import {
  type Cases,
  createCopy,
  differences,
  lookAt,
  newOwner,
  premiseOf,
  reconcileUntilDone,
  type World,
} from './world.ts';

/** Two that write at once, though leases should keep them apart, and strangers that keep no lease. */
export const rivals = {
  'lets exactly one value win when two create the same copy at once': async (world) => {
    const name = world.newName();

    await expectOneWinner(world, { name, premises: [{ kind: 'absent' }, { kind: 'absent' }] });
  },

  'lets exactly one value win when two update what both remember': async (world) => {
    const { desired, written } = await createCopy(world);
    const premise = { kind: 'remembered', written } as const;

    await expectOneWinner(world, { name: desired.name, premises: [premise, premise] });
  },

  'lets exactly one value win when two update what both have looked at': async (world) => {
    const { desired } = await createCopy(world);
    const premise = await premiseOf(world, desired.name);

    await expectOneWinner(world, { name: desired.name, premises: [premise, premise] });
  },

  'is in sync for both when two write the same at once': async (world) => {
    const { desired, written } = await createCopy(world);
    const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });
    const premise = { kind: 'remembered', written } as const;

    const outcomes = await writeAtOnce(world, [next, next], [premise, premise]);
    const another = world.openAnother();
    world.clock.advance(15 * minute);
    await reconcileUntilDone(world, next, another);

    expect(outcomes.some((outcome) => outcome !== null)).toBe(true);
    expect(await world.store.valueOf(next.name)).toBe(next.value);
    expect(await differences(world, next, null, another)).toEqual([]);
  },

  'puts right what somebody wrote between the look and the write': async (world) => {
    const { desired } = await createCopy(world);
    const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });
    const premise = await premiseOf(world, next.name);
    await world.store.changeByHand(next.name, secretValue('by hand'));

    const written = await asOutcome(world.target.write(next, premise, world.signal));

    if (written === null) await reconcileUntilDone(world, next);
    expect(await world.store.valueOf(next.name)).toBe(next.value);
    if (written) expect(await differences(world, next, written)).toEqual([]);
  },

  'reports no write of a copy that was deleted between the look and the write, or has written it': async (world) => {
    const { desired } = await createCopy(world);
    const next = world.desire({ name: desired.name, value: secretValue('next'), version: 2 });
    const premise = await premiseOf(world, next.name);
    await world.store.deleteByHand(next.name);

    const written = await asOutcome(world.target.write(next, premise, world.signal));
    const valueThen = await world.store.valueOf(next.name);
    await reconcileUntilDone(world, next);

    expect(valueThen).toBe(written === null ? null : next.value);
    expect(await world.store.valueOf(next.name)).toBe(next.value);
  },

  'sees whose a name is after a stranger took it between the look and the creation': async (world) => {
    const desired = world.desire({ name: world.newName(), value: secretValue('ours') });
    const marks = { owner: newOwner(), ref: 'team-b/db' };
    expect(await world.target.describe(desired.name, world.signal)).toBeNull();
    await world.store.createForeign(desired.name, 'theirs', marks);

    const refusal = world.target.write(desired, { kind: 'absent' }, world.signal);

    await expect(refusal).rejects.toBeInstanceOf(PremiseChanged);
    expect(await lookAt(world, desired.name)).toMatchObject({ existence: 'live', ...marks });
    expect(await world.store.valueOf(desired.name)).toBe('theirs');
  },
} satisfies Cases;

/**
 * Two values from one belief. The value that stands was reported as written; whoever else was told so did write before,
 * and sees now that it is gone. One more round of whoever is right ends it.
 */
async function expectOneWinner(
  world: World,
  { name, premises }: { readonly name: string; readonly premises: readonly [Premise, Premise] },
): Promise<void> {
  const rivals = [2, 3].map((version) => world.desire({ name, value: secretValue(`rival ${version}`), version }));

  const outcomes = await writeAtOnce(world, rivals, premises);
  const standing = await world.store.valueOf(name);
  world.clock.advance(15 * minute);
  const found = await Promise.all(
    rivals.map((rival, index) => differences(world, rival, outcomes[index] ?? null, world.openAnother())),
  );

  expect(rivals.map(({ value }) => value)).toContain(standing);
  rivals.forEach(({ value }, index) => {
    if (value === standing) expect(outcomes[index]).not.toBeNull();
    else expect(found[index]).toContain('value');
  });
  const [right] = rivals;
  if (right) await reconcileUntilDone(world, right, world.openAnother());
  expect(await world.store.valueOf(name)).toBe(right?.value);
}

/** Each through a target of its own, as two processes would. */
function writeAtOnce(
  world: World,
  desired: readonly Desired[],
  premises: readonly [Premise, Premise],
): Promise<(Written | null)[]> {
  const targets: Target[] = desired.map(() => world.openAnother());
  const writes = targets.map((target, index) => {
    const [wanted, premise] = [desired[index], premises[index]];
    if (!wanted || !premise) throw new Error('two of each are needed');
    return asOutcome(target.write(wanted, premise, world.signal));
  });
  return Promise.all(writes);
}

/** Null = refused, with the word that it is to be looked at again or tried again. */
async function asOutcome(writing: Promise<Written>): Promise<Written | null> {
  try {
    return await writing;
  } catch (error) {
    const isRefusal =
      error instanceof PremiseChanged ||
      (error instanceof SyncError && ['Retry', 'RateLimited', 'PendingDeletion'].includes(error.remedy));
    if (!isRefusal) throw error;
    return null;
  }
}
