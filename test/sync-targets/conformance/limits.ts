import { expect } from '@jest/globals';
import { canary, secretValue } from './under-test.ts';
import { type Cases, createCopy, digitsIn, errorOf, lookAt } from './world.ts';

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
    expect(await world.store.requests()).toEqual([]);
  },

  'holds a name of exactly the limit, and refuses a longer one': async (world) => {
    const { target, limits } = world;
    const longest = 'n'.repeat(limits.nameCharacters);

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
} satisfies Cases;

/** Values that other tools have been seen to spoil. */
export const samples: Readonly<Record<string, string>> = {
  'a nested value': JSON.stringify({ a: { b: [1, 2.5, null, true, { c: canary }] }, long: '12345678901234567890' }),
  'a value in many scripts': `${canary} grüße 日本語 🔐 e\u0301 \u202eright to left`,
  'a binary-looking value': `${canary}\u0000\u0001\u007f\ufffd\r\n\t\\x00 AAEC/+8=`,
  'a value with 64 KB under one key': JSON.stringify({ key: canary.padEnd(64_000, 'v') }),
  'an object without keys': '{}',
  'an empty value': '',
  'a value of blanks': '  \n',
};
