import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import { nameOf } from '../../../src/sync-targets/aws/names.ts';
import { preflight } from '../../../src/sync-targets/aws/rules.ts';
import { desire } from '../conformance/under-test.ts';

function check({ value = 'x', ...aws }: { value?: string } & AwsDestination) {
  const destination = { aws };
  return preflight(
    desire({ name: 'app/db', value, destination, owner: '0123456789abcdef0123456789abcdef' }),
    'eu-west-1',
  );
}

describe('a name in AWS', () => {
  test('is used as it is when it fits', () => {
    expect(nameOf('Team_a/db+1=x.y@z-0', { derived: false })).toBe('Team_a/db+1=x.y@z-0');
  });

  test('has a hyphen for each character that AWS lacks when it is derived', () => {
    expect(nameOf('team a/🔐/ü', { derived: true })).toBe('team-a/-/-');
  });

  test('is one that AWS takes, and stays what it is, whatever it is derived from', () => {
    const anyName = fc.string({ unit: 'binary', minLength: 1, maxLength: 512 });

    fc.assert(
      fc.property(anyName, (name) => {
        const derived = nameOf(name, { derived: true });
        expect(derived).toMatch(/^[A-Za-z0-9/_+=.@-]{1,512}$/);
        expect(nameOf(derived, { derived: false })).toBe(derived);
      }),
      { seed: 7 },
    );
  });

  test.each([true, false])('is refused when it is empty or too long (derived: %s)', (derived) => {
    expect(() => nameOf('', { derived })).toThrow('1 to 512 characters');
    expect(() => nameOf('n'.repeat(513), { derived })).toThrow('AWS allows 512 characters and this name has 513');
  });
});

describe('what AWS cannot hold', () => {
  test('is not found in 47 tags of 128 and 256 characters in any script', () => {
    const tags = Object.fromEntries(
      Array.from({ length: 47 }, (_, index) => [`ü${index}`.padEnd(128, '/'), 'ä b+c'.padEnd(256, '@')]),
    );

    expect(() => check({ tags })).not.toThrow();
  });

  test('is a description of more than 2,048 characters', () => {
    expect(() => check({ description: 'd'.repeat(2048) })).not.toThrow();
    expect(() => check({ description: 'd'.repeat(2049) })).toThrow(
      'AWS allows 2,048 characters and the description has 2049: shorten it',
    );
  });

  test('is a 48th tag beside the three marks', () => {
    const tags = Object.fromEntries(Array.from({ length: 48 }, (_, index) => [`tag-${index}`, '']));

    expect(() => check({ tags })).toThrow('AWS allows 50 tags, three of them ours: leave out 1');
  });

  test.each([
    ['an empty key', { '': 'x' }, 'keys of 1 to 128 characters'],
    ['a key of 129 characters', { ['k'.repeat(129)]: 'x' }, 'keys of 1 to 128 characters'],
    ['a value of 257 characters', { key: 'v'.repeat(257) }, 'values of at most 256 characters'],
    ['a reserved key', { 'AWS:key': 'x' }, 'reserved by AWS'],
    ['a mark of ours', { 'vss-owner': 'x' }, 'marks of vault-secret-sync'],
    ['a key with a strange character', { 'a#b': 'x' }, 'letters, digits, blanks and _.:/=+-@ only'],
    ['a value with a strange character', { key: 'a\nb' }, 'letters, digits, blanks and _.:/=+-@ only'],
  ])('is a tag with %s', (_what, tags: Record<string, string>, rule) => {
    expect(() => check({ tags })).toThrow(rule);
  });

  test('is an empty value', () => {
    expect(() => check({ value: '' })).toThrow('AWS refuses an empty value');
  });

  test('is half a character', () => {
    expect(() => check({ value: 'a\ud83d' })).toThrow('half a character');
  });

  test.each([
    ['no Base64', 'not base64!', 'which it is not'],
    ['Base64 that was cut short', 'AAE', 'which it is not'],
    ['Base64 of nothing', '==', 'which it is not'],
  ])('is %s with valueType: Base64', (_what, value, complaint) => {
    expect(() => check({ value, valueType: 'Base64' })).toThrow(complaint);
  });

  test('is counted in bytes as AWS holds them', () => {
    const most = Buffer.alloc(65_536).toString('base64');
    const tooMuch = Buffer.alloc(65_537).toString('base64');

    expect(() => check({ value: most, valueType: 'Base64' })).not.toThrow();
    expect(() => check({ value: tooMuch, valueType: 'Base64' })).toThrow(
      'AWS allows 65,536 bytes and the value has 65537',
    );
    expect(() => check({ value: most, valueType: 'Binary' })).toThrow('the value has 87384');
  });

  test.each([[{ replicas: [{ region: 'eu-west-1' }] }], [{ replicaRegions: ['us-east-1', 'eu-west-1'] }]])(
    "is a replica in the copy's own region, which need not be written out: %j",
    (aws) => {
      expect(() => check(aws)).toThrow('which is in eu-west-1: leave that region out of dest.aws.replicas');
    },
  );

  test.each(['cn-north-1', 'us-gov-west-1', 'us-iso-east-1', 'eu-isoe-west-1', 'eusc-de-east-1'])(
    'is a replica in another cloud of AWS: %s',
    (region) => {
      expect(() => check({ replicas: [{ region: 'us-east-1' }, { region }] })).toThrow(
        `AWS does not replicate from eu-west-1 to ${region}`,
      );
    },
  );

  test('is a resource policy without a statement', () => {
    expect(() => check({ resourcePolicy: '{}' })).toThrow(
      'app/db: dest.aws.resourcePolicy: it has no Statement: mend the policy',
    );
  });
});
