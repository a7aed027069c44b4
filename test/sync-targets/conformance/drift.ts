import { expect } from '@jest/globals';
import { eventually } from '../../peers/processes.ts';
import { type Field, type FieldUnderTest, secretValue } from './under-test.ts';
import { type Cases, createCopy, type World } from './world.ts';

/** Every field that there is: the compiler sees to it. */
const fields = Object.keys({
  tags: true,
  description: true,
  encryptionKey: true,
  replicas: true,
  resourcePolicy: true,
  contentType: true,
  enabled: true,
  notBefore: true,
  expires: true,
  annotations: true,
  topics: true,
  versionAliases: true,
  versionDestroyTtl: true,
} satisfies Record<Field, true>) as Field[];

/** Each field, changed by somebody else or taken out of the manifest. */
export const drift: Cases = Object.fromEntries(
  fields.flatMap((field) => [
    [putRight(field), (world: World) => expectPutRight(world, field)],
    [takenOut(field), (world: World) => expectTakenOut(world, field)],
  ]),
);

/** Both cases of a field that a store does not have, to be skipped for that reason. */
export function skipFields(reasons: Readonly<Partial<Record<Field, string>>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(reasons).flatMap(([field, reason]) => [
      [putRight(field), reason],
      [takenOut(field), reason],
    ]),
  );
}

function putRight(field: string): string {
  return `sees that somebody changed ${field}, and puts it right without a new version`;
}

function takenOut(field: string): string {
  return `does with ${field} what the reference says once the manifest has no word about it`;
}

async function expectPutRight(world: World, field: Field): Promise<void> {
  const { destination, spoil } = fieldOf(world, field);
  const { desired } = await createCopy(world, { name: world.newName(), value: secretValue('same'), destination });
  const look = async () => {
    const observed = await world.target.describe(desired.name, world.signal, destination);
    if (observed === null) throw new Error(`${desired.name} is absent`);
    return { observed, differences: world.target.compare(desired, observed, null) };
  };
  const before = await look();
  const versions = await world.store.versionCount?.(desired.name);

  await spoil(desired.name);
  const spoilt = await eventually(
    async () => {
      const seen = await look();
      return seen.differences.length > 0 ? seen : null;
    },
    { what: `a difference in ${field}` },
  );
  await world.target.write(desired, { kind: 'observed', ...spoilt }, world.signal);

  expect(before.differences).toEqual([]);
  expect(spoilt.differences).toEqual([field]);
  expect((await look()).differences).toEqual([]);
  expect(await world.store.valueOf(desired.name)).toBe(desired.value);
  expect(await world.store.versionCount?.(desired.name)).toBe(versions);
}

async function expectTakenOut(world: World, field: Field): Promise<void> {
  const { destination, takenOut: outcome } = fieldOf(world, field);
  const { desired } = await createCopy(world, { name: world.newName(), value: secretValue('same'), destination });
  const without = world.desire({ name: desired.name, value: desired.value });
  // The writing has another fingerprint, so a store by whose version ids we go shows another value.
  const look = async () => {
    const observed = await world.target.describe(desired.name, world.signal, without.destination);
    if (observed === null) throw new Error(`${desired.name} is absent`);
    return { observed, differences: world.target.compare(without, observed, null) };
  };

  const first = await look();
  await world.target.write(without, { kind: 'observed', ...first }, world.signal);
  const asBefore = await world.target.describe(desired.name, world.signal, destination);

  expect(first.differences.includes(field)).toBe(outcome === 'Goes');
  expect((await look()).differences).toEqual([]);
  const still = asBefore === null ? [] : world.target.compare(desired, asBefore, null);
  expect(still.includes(field)).toBe(outcome === 'Goes');
}

function fieldOf({ fields: known }: World, field: Field): FieldUnderTest {
  const found = known[field];
  if (!found) throw new Error(`the store has no ${field}: skip its cases and say why`);
  return found;
}
