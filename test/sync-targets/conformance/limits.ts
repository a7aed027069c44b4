import { expect } from '@jest/globals';
import { canary, secretValue } from './under-test.ts';
import { type Cases, createCopy, digitsIn, errorOf, expectRequests, lookAt, type World } from './world.ts';

/** What a store can hold. */
export const limits = {
  'holds a value of exactly the limit, and refuses one byte more before any call': async (world) => {
    const name = world.newName();
    const largest = world.desire({ name, value: canary.padEnd(world.limits.valueBytes, 'x') });
    const tooLarge = world.desire({ name, value: canary.padEnd(world.limits.valueBytes - 1, 'x').concat('ä') });

    world.target.preflight(largest);
    await world.target.write(largest, { kind: 'absent' }, world.signal);
    await world.store.forgetRequests();
    const refusal = errorOf(() => world.target.preflight(tooLarge));

    expect(await world.store.valueOf(name)).toBe(largest.value);
    expect(refusal).toMatchObject({ remedy: 'FixSpec' });
    expect(digitsIn(refusal)).toContain(String(world.limits.valueBytes));
    await expectRequests(world, 0);
  },

  'holds a name of exactly the limit, and refuses a longer one': async (world) => {
    const { target, limits } = world;
    const longest = world.newName().padEnd(limits.nameCharacters, 'n');

    const name = target.nameOf(longest, { derived: false });
    await createCopy(world, { name, value: secretValue('long name') });
    const refusal = errorOf(() => target.nameOf(`${longest}n`, { derived: false }));

    expect(await lookAt(world, name)).toMatchObject({ name: longest });
    expect(refusal).toMatchObject({ remedy: 'FixSpec' });
    expect(digitsIn(refusal)).toContain(String(limits.nameCharacters));
  },

  'refuses a written name with what the store lacks, and replaces it in a derived one': async (world) => {
    const { target } = world;
    const impossible = `${world.newName()} über:alles`;

    const refusal = errorOf(() => target.nameOf(impossible, { derived: false }));
    const name = target.nameOf(impossible, { derived: true });
    await createCopy(world, { name, value: secretValue('derived') });

    expect(refusal).toMatchObject({ remedy: 'FixSpec' });
    expect(target.nameOf(name, { derived: false })).toBe(name);
    expect(await lookAt(world, name)).toMatchObject({ name });
  },

  'makes of a path a name that holds all of it, and reads the path back': async (world) => {
    const { target } = world;
    const base = world.newName();
    // Readable names of the two meet where a store has neither / nor _.
    const path = `${base}/Team_a/db-main.größe`;
    const neighbour = `${base}-Team/a/db_main.größe`;
    const options = { derived: true, naming: 'Reversible' } as const;

    const name = target.nameOf(path, options);
    const other = target.nameOf(neighbour, options);
    await createCopy(world, { name, value: secretValue('reversible') });
    const shown = await lookAt(world, name);

    expect(target.nameOf(name, { derived: false })).toBe(name);
    expect(target.identityOf(name)).not.toBe(target.identityOf(other));
    expect(target.originalOf?.(shown.name)).toBe(path);
    expect(await world.target.describe(other, world.signal)).toBeNull();
  },

  'refuses a path that gets too long to be read back, and says what else to do': async ({ target, limits }) => {
    const path = `ü${'n'.repeat(limits.nameCharacters - 1)}`;

    const refusal = errorOf(() => target.nameOf(path, { derived: true, naming: 'Reversible' }));

    expect(refusal).toMatchObject({ remedy: 'FixSpec', reason: 'NameTooLong' });
    expect(refusal?.message).toMatch(/Readable.*template/);
    expect(digitsIn(refusal)).toContain(String(limits.nameCharacters));
    expect(target.nameOf(path, { derived: true, naming: 'Readable' })).toHaveLength(limits.nameCharacters);
  },

  'holds as many tags as the limit, and refuses one more before any call': async (world) => {
    const { count } = world.limits.tags;

    await expectHeldAndRefused(world, {
      held: Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, 'x'])),
      refused: Object.fromEntries(Array.from({ length: count + 1 }, (_, index) => [`tag${index}`, 'x'])),
      limit: /\d/,
    });
  },

  'holds tags with keys and values of exactly the limit, and refuses longer keys before any call': async (world) => {
    const { keyCharacters, valueCharacters } = world.limits.tags;
    const value = 'v'.repeat(valueCharacters);

    await expectHeldAndRefused(world, {
      held: { ['k'.repeat(keyCharacters)]: value },
      refused: { ['k'.repeat(keyCharacters + 1)]: value },
      limit: /\d/,
    });
  },

  'refuses a tag whose value is longer than the limit before any call': async (world) => {
    const { valueCharacters } = world.limits.tags;

    await expectHeldAndRefused(world, {
      held: { key: 'v'.repeat(valueCharacters) },
      refused: { key: 'v'.repeat(valueCharacters + 1) },
      limit: /\d/,
    });
  },

  'holds tags in many scripts, and refuses one that could be taken for a mark of ours': async (world) => {
    await expectHeldAndRefused(world, {
      held: { größe: 'übergröße_2', 日本: '東京' },
      refused: { 'vss-owner': 'somebody' },
      limit: /vss-/,
    });
  },
} satisfies Cases;

/** Tags that the store takes and then shows, and others that are refused, with the limit, before it is asked. */
async function expectHeldAndRefused(
  world: World,
  tags: {
    readonly held: Readonly<Record<string, string>>;
    readonly refused: Readonly<Record<string, string>>;
    /** What the refusal names. */
    readonly limit: RegExp;
  },
): Promise<void> {
  const name = world.newName();
  const desireTags = (given: Readonly<Record<string, string>>) =>
    world.desire({ name, value: secretValue('tagged'), destination: world.destination(given) });
  const possible = desireTags(tags.held);

  world.target.preflight(possible);
  await world.target.write(possible, { kind: 'absent' }, world.signal);
  const held = await world.store.tagsOf(name);
  const before = await lookAt(world, name);
  await world.store.forgetRequests();
  const refusal = errorOf(() => world.target.preflight(desireTags(tags.refused)));

  expect(held).toMatchObject(tags.held);
  expect(world.target.compare(possible, before, null)).not.toContain('tags');
  expect(refusal).toMatchObject({ remedy: 'FixSpec' });
  expect(refusal?.message).toMatch(tags.limit);
  await expectRequests(world, 0);
}

/** Values that other tools have been seen to spoil. */
export const samples: Readonly<Record<string, string>> = {
  'a nested value': JSON.stringify({ a: { b: [1, 2.5, null, true, { c: canary }] }, long: '12345678901234567890' }),
  'a value in many scripts': `${canary} grüße 日本語 🔐 e\u0301 \u202eright to left`,
  'a binary-looking value': `${canary}\u0000\u0001\u007f\ufffd\r\n\t\\x00 AAEC/+8=`,
  'a value with 64 KB under one key': JSON.stringify({ key: canary.padEnd(64_000, 'v') }),
  'an object without keys': '{}',
  'an empty value': '',
  'a value of blanks': '  \n',
  'every character of a byte': `${canary}${String.fromCharCode(...Array(256).keys())}`,
  'half a character': `${canary}\ud83d`,
};
