import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import { complainAboutPolicy, isSamePolicy } from '../../../src/sync-targets/aws/resource-policy.ts';
import { openStrictStore, type StrictStore } from './strict-store.ts';

const reader = 'arn:aws:iam::123456789012:role/reader';
const policyFor = (principal: unknown, more: object = {}) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: principal, Action: 'secretsmanager:GetSecretValue', Resource: '*', ...more },
    ],
  });
const allow = policyFor({ AWS: reader });

describe('two resource policies', () => {
  test.each<[string, string, string]>([
    ['written with other blanks', allow, JSON.stringify(JSON.parse(allow), null, 2)],
    ['with their keys in another order', '{"Version":"1","Statement":[]}', '{"Statement":[],"Version":"1"}'],
    ['with a list of one', allow, policyFor({ AWS: [reader] }, { Action: ['secretsmanager:GetSecretValue'] })],
    ['with an action in other letters', allow, policyFor({ AWS: reader }, { Action: 'SecretsManager:getsecretvalue' })],
    ['with lists in another order', policyFor({ AWS: ['a', 'b'] }), policyFor({ AWS: ['b', 'a'] })],
    ['with one statement and a list of it', '{"Statement":{"Effect":"Deny"}}', '{"Statement":[{"Effect":"Deny"}]}'],
    [
      'with statements in another order',
      '{"Statement":[{"Sid":"a"},{"Sid":"b"}]}',
      '{"Statement":[{"Sid":"b"},{"Sid":"a"}]}',
    ],
    ['for everybody', policyFor('*'), policyFor({ AWS: '*' })],
    ['for an account', policyFor({ AWS: '123456789012' }), policyFor({ AWS: 'arn:aws:iam::123456789012:root' })],
    [
      'with a condition in other letters',
      policyFor('*', { Condition: { Bool: { 'aws:SecureTransport': false } } }),
      policyFor('*', { Condition: { Bool: { 'AWS:securetransport': ['false'] } } }),
    ],
    ['that are none', '', ''],
  ])('mean the same %s', (_how, left, right) => {
    expect(isSamePolicy(left, right)).toBe(true);
    expect(isSamePolicy(right, left)).toBe(true);
  });

  test.each<[string, string, string]>([
    ['whose principals differ', allow, policyFor({ AWS: `${reader}2` })],
    ['whose principals differ by the case of a letter', allow, policyFor({ AWS: reader.replace('r', 'R') })],
    ['whose effect differs', allow, policyFor({ AWS: reader }, { Effect: 'Deny' })],
    ['of which one has a condition', allow, policyFor({ AWS: reader }, { Condition: { Bool: { a: 'b' } } })],
    ['of which one is none', allow, ''],
    ['of which one is no JSON', allow, '{'],
    ['with a principal of another kind', policyFor({ AWS: 'x' }), policyFor({ Service: 'x' })],
  ])('differ %s', (_how, left, right) => {
    expect(isSamePolicy(left, right)).toBe(false);
    expect(isSamePolicy(right, left)).toBe(false);
  });
});

describe('the text of a resource policy', () => {
  test.each<[string, string, string]>([
    ['is too long', `{"a":"${'x'.repeat(20_480)}"}`, 'AWS allows 20,480 characters and the policy has 20488'],
    ['is no JSON', '{"Version":', 'it is not JSON'],
    ['is a list', '[]', 'it is not a JSON object'],
    ['has no statement', '{"Version":"2012-10-17"}', 'it has no Statement'],
    ['has a list without statements', '{"Statement":[]}', 'it has no Statement'],
    ['has a statement that is a word', '{"Statement":["Allow"]}', 'statement 1 is not a JSON object'],
    ['has another effect', policyFor('*', { Effect: 'allow' }), 'statement 1 needs an Effect, Allow or Deny'],
    ['names nobody', policyFor(undefined), 'statement 1 needs either Principal or NotPrincipal'],
    ['names principals twice', policyFor('*', { NotPrincipal: '*' }), 'needs either Principal or NotPrincipal'],
    ['names no resource', policyFor('*', { Resource: undefined }), 'needs either Resource or NotResource'],
  ])('is complained about when it %s', (_what, text, complaint) => {
    expect(complainAboutPolicy(text)).toContain(complaint);
  });

  test.each([allow, '', `\n${allow}\n`, policyFor('*', { NotAction: 'a:b', Action: undefined })])(
    'is taken: %s',
    (text) => {
      expect(complainAboutPolicy(text)).toBeNull();
    },
  );
});

describe('the resource policy of a copy in AWS', () => {
  let store: StrictStore;
  let names = 0;
  const newName = () => `policed-${++names}`;
  const create = async (aws: AwsDestination) => {
    const desired = store.desire(newName(), aws);
    const written = await store.target.write(desired, { kind: 'absent' }, store.signal);
    return { ...desired, written };
  };
  const bring = async (name: string, aws: AwsDestination) => {
    const desired = store.desire(name, aws);
    const observed = await store.look(name, aws);
    const differences = store.target.compare(desired, observed, null).filter((difference) => difference !== 'value');
    store.forget();
    await store.target.write(desired, { kind: 'observed', observed, differences }, store.signal);
    return differences;
  };

  beforeAll(async () => {
    store = await openStrictStore();
  });

  beforeEach(() => store.forget());

  afterAll(() => store.close());

  test('is there before the value when the copy is made', async () => {
    const { name, value, written, versionIdAfter } = await create({
      resourcePolicy: allow,
      replicaRegions: ['us-east-1'],
    });

    expect(store.operations).toEqual([
      'CreateSecret',
      'PutResourcePolicy',
      'PutSecretValue',
      'ReplicateSecretToRegions',
    ]);
    expect(store.secrets.look(name)).toMatchObject({ value, policy: allow });
    expect(written.versionId).toBe(versionIdAfter(null));
  });

  test('that AWS refuses leaves a copy without a value, which is made whole once the policy is mended', async () => {
    const name = newName();
    const open = store.desire(name, { resourcePolicy: policyFor('*') });
    const refusal = store.target.write(open, { kind: 'absent' }, store.signal);
    await expect(refusal).rejects.toMatchObject({ remedy: 'FixSpec', reason: 'PolicyPublic' });
    expect(store.secrets.look(name).value).toBeNull();
    const mended = store.desire(name, { resourcePolicy: allow });

    const observed = await store.look(name, { resourcePolicy: allow });
    await store.target.write(mended, { kind: 'observed', observed }, store.signal);

    expect(observed.owner).toBe(mended.marks.owner);
    expect(store.secrets.look(name)).toMatchObject({ value: mended.value, policy: allow });
  });

  test('is changed alone, and not where it means the same', async () => {
    const { name } = await create({ resourcePolicy: allow });
    const narrower = policyFor({ AWS: reader }, { Condition: { Bool: { 'aws:SecureTransport': 'true' } } });

    const same = await bring(name, { resourcePolicy: JSON.stringify(JSON.parse(allow), null, 2) });
    const changed = await bring(name, { resourcePolicy: narrower });

    expect([same, changed]).toEqual([[], ['resourcePolicy']]);
    expect(store.operations).toEqual(['PutResourcePolicy']);
    expect(store.secrets.look(name).policy).toBe(narrower);
  });

  test('is put back when somebody changed it', async () => {
    const { name } = await create({ resourcePolicy: allow });
    store.secrets.answer('PutResourcePolicy', { SecretId: name, ResourcePolicy: policyFor('*') });

    expect(await bring(name, { resourcePolicy: allow })).toEqual(['resourcePolicy']);
    expect(store.secrets.look(name).policy).toBe(allow);
  });

  test('is removed by an empty text', async () => {
    const { name } = await create({ resourcePolicy: allow });

    expect(await bring(name, { resourcePolicy: '' })).toEqual(['resourcePolicy']);
    expect(store.operations).toEqual(['DeleteResourcePolicy']);
    expect(await bring(name, { resourcePolicy: '' })).toEqual([]);
  });

  test('is neither read nor touched where the manifest has no word about it', async () => {
    const { name } = await create({ resourcePolicy: allow });
    store.forget();

    const differences = await bring(name, { tags: { team: 'a' } });
    await store.look(name, {});

    expect(differences).toEqual(['tags']);
    expect(store.operations).toEqual(['TagResource', 'DescribeSecret']);
    expect(store.secrets.look(name).policy).toBe(allow);
  });

  test('is read only where a copy can be written', async () => {
    const { name } = await create({ resourcePolicy: allow });
    await store.target.remove(await store.look(name), store.signal);
    store.forget();

    const observed = await store.look(name, { resourcePolicy: allow });

    expect(observed.existence).toBe('pendingDeletion');
    expect(store.operations).toEqual(['DescribeSecret']);
  });

  test('is brought to a copy that is restored', async () => {
    const { name } = await create({ resourcePolicy: allow });
    await store.target.remove(await store.look(name), store.signal);
    const other = policyFor({ AWS: `${reader}-2` });
    const desired = store.desire(name, { resourcePolicy: other });

    const observed = await store.look(name, { resourcePolicy: other });
    await store.target.write(desired, { kind: 'observed', observed, differences: [] }, store.signal);

    expect(store.secrets.look(name)).toMatchObject({ deletedAt: null, policy: other });
  });
});
