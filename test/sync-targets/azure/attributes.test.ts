import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { attributesAt, attributesThatDiffer } from '../../../src/sync-targets/azure/attributes.ts';
import { errorOf } from '../conformance/world.ts';
import { type AzureWorld, createAzureWorld, seen, wish } from './world.ts';

let world: AzureWorld;
let names = 0;

beforeAll(async () => {
  world = await createAzureWorld();
});

afterAll(() => world.close());

beforeEach(() => world.standIn.clearRequests());

function freshName(): string {
  names += 1;
  return `copy-${names}`;
}

const day = 86_400;
const vault = { vaultName: 'any' };

describe('a copy that says more of itself', () => {
  test('has its content type, its times and whether it is enabled from its first version on', async () => {
    const fields = {
      contentType: 'application/x-pem-file',
      notBefore: '2026-01-01T00:00:00Z',
      expires: '2037-06-01T02:00:00+02:00',
      enabled: false,
    };

    const desired = await world.create(freshName(), fields);

    expect(await world.standIn.secret(desired.name)).toMatchObject({
      contentType: 'application/x-pem-file',
      nbf: Date.UTC(2026, 0, 1) / 1000,
      exp: Date.UTC(2037, 5, 1) / 1000,
      enabled: false,
      versions: 1,
    });
    expect(await world.reconcile(desired)).toBeNull();
  });

  test('is enabled, has no times and a content type after its value when the manifest says nothing', async () => {
    const desired = await world.create(freshName());

    const stored = await world.standIn.secret(desired.name);

    expect(stored).toMatchObject({ contentType: 'text/plain', nbf: null, exp: null, enabled: true });
  });

  test('keeps all of it when only its value changes, with one call', async () => {
    const fields = { contentType: 'token', expires: '2037-06-01T00:00:00Z' };
    const name = freshName();
    const first = wish(name, 1, fields);
    const written = await world.target.write(first, { kind: 'absent' }, world.signal);
    await world.standIn.clearRequests();

    await world.target.write(wish(name, 2, fields), { kind: 'remembered', written }, world.signal);

    expect(await world.operations()).toEqual(['SetSecret']);
    const stored = await world.standIn.secret(name);
    expect(stored).toMatchObject({ contentType: 'token', exp: Date.UTC(2037, 5, 1) / 1000, versions: 2 });
  });
});

describe('a change by hand', () => {
  const fields = { contentType: 'token', notBefore: '2026-01-01T00:00:00Z', expires: '2037-06-01T00:00:00Z' };

  test.each([
    ['tags', { tags: { team: 'b' } }, ['tags']],
    ['the content type', { contentType: 'other' }, ['contentType']],
    ['the time it is valid from', { attributes: { nbf: 1 } }, ['notBefore']],
    ['its expiry', { attributes: { exp: 2_000_000_000 } }, ['expires']],
    ['whether it is enabled', { attributes: { enabled: false } }, ['enabled']],
  ] as const)('of %s is put right without a new version', async (_what, change, differences) => {
    const desired = await world.create(freshName(), fields);
    const before = await world.standIn.secret(desired.name);
    await world.standIn.updateByHand(desired.name, {
      ...change,
      ...('tags' in change ? { tags: { ...before?.tags, ...change.tags } } : {}),
    });
    const observed = await world.look(desired.name);
    await world.standIn.clearRequests();

    const found = world.target.compare(desired, observed, null);
    const written = await world.reconcile(desired, { lookAt: async () => observed });

    expect(found).toEqual(differences);
    expect(await world.operations()).toEqual(['UpdateSecret']);
    expect(written?.versionId).toBe(before?.version);
    expect(await world.standIn.secret(desired.name)).toEqual(before);
    expect(await world.reconcile(desired)).toBeNull();
  });

  test('of tags that the manifest does not have is left alone, also while another one is put right', async () => {
    const desired = await world.create(freshName());
    const before = (await world.standIn.secret(desired.name))?.tags ?? {};
    await world.standIn.updateByHand(desired.name, { tags: { ...before, costs: '42' } });
    expect(await world.reconcile(desired)).toBeNull();
    await world.standIn.updateByHand(desired.name, { tags: { ...before, costs: '42', team: 'b' } });

    await world.reconcile(desired);

    expect((await world.standIn.secret(desired.name))?.tags).toEqual({ ...before, costs: '42' });
  });

  test('that used up all tags makes room for ours', async () => {
    const desired = await world.create(freshName());
    const others = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`other${index}`, 'x']));
    const before = (await world.standIn.secret(desired.name))?.tags ?? {};
    const { team: _gone, ...marks } = before;
    await world.standIn.updateByHand(desired.name, { tags: { ...marks, ...others } });

    await world.reconcile(desired);

    const { tags = {} } = (await world.standIn.secret(desired.name)) ?? {};
    expect(tags).toMatchObject(before);
    expect(Object.keys(tags)).toHaveLength(15);
  });

  test('that a listing shows is put right in the version that is current now', async () => {
    const desired = await world.create(freshName());
    const before = await world.standIn.secret(desired.name);
    await world.standIn.updateByHand(desired.name, { contentType: 'other' });
    const listed = await world.lookInList(desired.name);
    await world.standIn.clearRequests();

    const written = await world.reconcile(desired, { lookAt: async () => listed });

    expect(await world.operations()).toEqual(['GetSecretVersions', 'UpdateSecret']);
    expect(written?.versionId).toBe(before?.version);
    expect(await world.standIn.secret(desired.name)).toEqual(before);
  });

  test('of the value after the listing gets a new version', async () => {
    const desired = await world.create(freshName());
    await world.standIn.updateByHand(desired.name, { contentType: 'other' });
    const listed = await world.lookInList(desired.name);
    await world.standIn.setByHand(desired.name, { value: 'by hand' });

    await world.reconcile(desired, { lookAt: async () => listed });

    expect(await world.standIn.secret(desired.name)).toMatchObject({ value: desired.value, versions: 3 });
  });

  test('of the value that copies the marks is not taken for ours, although a listing cannot tell', async () => {
    const desired = wish(freshName());
    const written = await world.target.write(desired, { kind: 'absent' }, world.signal);
    const { tags = {} } = (await world.standIn.secret(desired.name)) ?? {};
    await world.standIn.setByHand(desired.name, { value: 'by hand', tags });
    const observed = await world.lookInList(desired.name);
    const differences = world.target.compare(desired, observed, written);

    await world.reconcile(desired, { lookAt: async () => observed, written });

    expect(differences).toEqual(['contentType']);
    expect(await world.standIn.secret(desired.name)).toMatchObject({ value: desired.value, versions: 3 });
  });

  test('that a retry has put right already is not written again', async () => {
    const desired = await world.create(freshName());
    await world.standIn.updateByHand(desired.name, { contentType: 'other' });
    const listed = await world.lookInList(desired.name);
    await world.standIn.fault({ kind: 'lost', operation: 'UpdateSecret', count: 1 });
    const lost = world.reconcile(desired, { lookAt: async () => listed });
    await expect(lost).rejects.toMatchObject({ remedy: 'Retry' });
    await world.standIn.clearRequests();

    await world.reconcile(desired, { lookAt: async () => listed });

    expect(await world.operations()).toEqual(['GetSecretVersions']);
  });
});

describe('a later version in Vault with the same content', () => {
  test('needs no write', async () => {
    const desired = await world.create(freshName());
    const [, ...rest] = desired.marks.state.split('.');
    const later = { ...desired, marks: { ...desired.marks, state: ['7', ...rest].join('.') } };

    const written = await world.reconcile(later);

    expect(written).toBeNull();
  });
});

describe('expiresAfter', () => {
  test('counts from the writing of the version, and is no reason to write again later', async () => {
    const desired = await world.create(freshName(), { expiresAfter: '90d' });
    const stored = await world.standIn.secret(desired.name);

    world.clock.advance(30 * day * 1000);
    const again = await world.reconcile(desired);
    world.clock.advance(-30 * day * 1000);

    expect(Math.abs((stored?.exp ?? 0) - (stored?.created ?? 0) - 90 * day)).toBeLessThan(60);
    expect(again).toBeNull();
  });

  test('begins anew with a new version', async () => {
    const name = freshName();
    const written = await world.target.write(wish(name, 1, { expiresAfter: '12h' }), { kind: 'absent' }, world.signal);
    const first = (await world.standIn.secret(name))?.exp ?? 0;
    world.clock.advance(3_600_000);

    await world.target.write(wish(name, 2, { expiresAfter: '12h' }), { kind: 'remembered', written }, world.signal);
    world.clock.advance(-3_600_000);

    expect((await world.standIn.secret(name))?.exp).toBe(first + 3600);
  });

  test('written by a clock that is an hour off is put right once, by the clock of Azure', async () => {
    const name = freshName();
    world.clock.advance(3_600_000);
    const desired = await world.create(name, { expiresAfter: '90d' });

    const once = await world.reconcile(desired);
    const twice = await world.reconcile(desired);
    world.clock.advance(-3_600_000);

    const stored = await world.standIn.secret(name);
    expect(once).not.toBeNull();
    expect(twice).toBeNull();
    expect(stored).toMatchObject({ exp: (stored?.created ?? 0) + 90 * day, versions: 1 });
  });

  test('is in whole seconds, which is all that Azure keeps', () => {
    const { expires } = attributesAt({ ...vault, expiresAfter: '1h' }, 1_999);

    expect(expires).toBe(3_601_000);
  });

  test.each([
    [{ expiresAfter: '9999d' }, '2038'],
    [{ expiresAfter: '1h', notBefore: '2027-01-01T00:00:00Z' }, 'lengthen expiresAfter'],
  ])('with %j is refused before any call when it is written', async (fields, words) => {
    const desired = wish(freshName(), 1, fields);

    const writing = world.target.write(desired, { kind: 'absent' }, world.signal);

    const message = expect.stringContaining(words);
    await expect(writing).rejects.toMatchObject({ remedy: 'FixSpec', reason: 'TimeInvalid', message });
    expect(await world.operations()).toEqual([]);
  });
});

test('what the manifest does not say may be as somebody set it', () => {
  const observed = { enabled: true, notBefore: 1, expires: 2, createdAt: 0 };

  expect(attributesThatDiffer(vault, observed)).toEqual([]);
  expect(attributesThatDiffer({ ...vault, expires: '2027-01-01T00:00:00Z' }, observed)).toEqual(['expires']);
});

describe('a reversible name', () => {
  const reversible = { naming: 'Reversible' } as const;

  test('is told in a tag as the path that it was made of', async () => {
    const name = world.target.nameOf('team/DB_main', { derived: true, naming: 'Reversible' });

    await world.create(name, reversible);

    expect((await world.standIn.secret(name))?.tags).toMatchObject({ 'vss-name': 'team/DB_main' });
  });

  test.each([
    ['written out', { ...reversible, name: 'team-db' }],
    ['made readable', {}],
  ])('costs no tag when it is %s', async (_what, fields) => {
    const desired = await world.create(freshName(), fields);

    expect((await world.standIn.secret(desired.name))?.tags).not.toHaveProperty('vss-name');
  });

  test('leaves room for 11 tags', () => {
    const tags = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, '']));

    const fits = errorOf(() => world.target.preflight(wish('team-db', 1, { ...reversible, tags: tags(11) })));
    const refusal = errorOf(() => world.target.preflight(wish('team-db', 1, { ...reversible, tags: tags(12) })));

    expect(fits).toBeNull();
    expect(refusal).toMatchObject({ reason: 'TagsInvalid', message: expect.stringContaining('11 beside our 4') });
  });
});

test('a copy that is taken over gets everything anew, whatever differed', async () => {
  const name = freshName();
  await world.standIn.setByHand(name, { value: 'theirs', tags: { their: 'tag' }, attributes: { exp: 2_000_000_000 } });

  await world.target.write(wish(name), seen(await world.look(name)), world.signal);

  const stored = await world.standIn.secret(name);
  expect(stored).toMatchObject({ exp: null, versions: 2 });
  expect(stored?.tags).not.toHaveProperty('their');
});
