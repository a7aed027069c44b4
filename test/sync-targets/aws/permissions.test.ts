import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import type { Policy } from './strict-permissions.ts';
import { openStrictStore, type StrictStore } from './strict-store.ts';

type Statement = Policy['Statement'][number] & { readonly Sid: string };

const page = readFileSync(new URL('../../../docs/reference/stores/aws.md', import.meta.url), 'utf8');
const statements: readonly Statement[] = [...page.matchAll(/^```json\n(.*?)^```/gms)].flatMap(
  ([, text = '']) => (JSON.parse(text) as { Statement: Statement[] }).Statement,
);
const least = ['Look', 'List', 'Create', 'Write'];
const policyOf = (...names: string[]): Policy => ({ Statement: statements.filter(({ Sid }) => names.includes(Sid)) });
const actionsOf = (policy: Policy) => policy.Statement.flatMap(({ Action }) => [Action].flat());

const readers = JSON.stringify({
  Statement: [
    { Effect: 'Allow', Principal: { AWS: '123456789012' }, Action: 'secretsmanager:GetSecretValue', Resource: '*' },
  ],
});

describe('the permissions that the reference names', () => {
  let store: StrictStore;
  let names = 0;
  const newName = () => `permitted-${++names}`;
  const bring = async (name: string, aws: AwsDestination, version = 2) => {
    const desired = store.desire(name, aws, { value: `v${version}`, version });
    const observed = await store.look(name, aws);
    await store.target.write(desired, { kind: 'observed', observed }, store.signal);
  };
  /** Everything that happens to a copy in its life, as far as these fields go. */
  const live = async (name: string, { first, later }: Record<'first' | 'later', AwsDestination>) => {
    let written = await store.target.write(store.desire(name, first), { kind: 'absent' }, store.signal);
    for (let version = 2; version <= 12; version += 1) {
      const desired = store.desire(name, first, { value: `v${version}`, version });
      written = await store.target.write(desired, { kind: 'remembered', written }, store.signal);
    }
    await bring(name, later, 13);
    await store.list(name);
    await store.target.remove(await store.look(name), store.signal);
    await bring(name, later, 14);
  };
  const plain = {
    first: { tags: { team: 'a' }, description: 'one', encryptionKey: 'alias/one' },
    later: { tags: { stage: 'b' }, description: 'two', encryptionKey: 'alias/two' },
  };
  const replicated = { first: { replicaRegions: ['us-east-1'] }, later: { replicaRegions: ['us-west-2'] } };
  const policed = { first: { resourcePolicy: readers }, later: { resourcePolicy: '' } };

  beforeAll(async () => {
    store = await openStrictStore();
  });

  beforeEach(() => store.forget());

  afterEach(() => store.permit(null));

  afterAll(() => store.close());

  test.each([
    ['a copy', [...least], plain],
    ['a copy with replicas', [...least, 'Replicate'], replicated],
    ['a copy with a policy', [...least, 'Policy'], policed],
  ])('suffice for %s, from its creation to its return', async (_what, sids, fields) => {
    const name = newName();
    store.permit(policyOf(...sids));

    await live(name, fields);

    expect(store.secrets.look(name)).toMatchObject({ value: 'v14', deletedAt: null });
  });

  test('are no more than it takes', async () => {
    const policy = policyOf(...least, 'Replicate', 'Policy');
    store.permit(policy);

    for (const fields of [plain, replicated, policed]) await live(newName(), fields);

    const made = new Set(store.operations.map((operation) => `secretsmanager:${operation}`));
    expect(actionsOf(policy).filter((action) => !made.has(action))).toEqual([]);
  });

  test('keep the operator from a secret that bears no mark, unless it may adopt', async () => {
    const name = newName();
    store.secrets.answer('CreateSecret', { Name: name, SecretString: 'theirs', ClientRequestToken: 'theirs' });
    store.permit(policyOf(...least));
    await expect(bring(name, plain.first)).rejects.toMatchObject({
      reason: 'PermissionMissing',
      message: expect.stringContaining('allow secretsmanager:TagResource'),
    });
    const { value, key, tags } = store.secrets.look(name);
    const keys = [...tags.keys()];
    store.permit(policyOf(...least, 'Adopt'));

    await bring(name, plain.first);

    expect({ value, key, keys }).toEqual({ value: 'theirs', key: undefined, keys: [] });
    expect(store.secrets.look(name)).toMatchObject({ value: 'v2', key: 'alias/one', description: 'one' });
  });

  const optional = ['secretsmanager:ListSecretVersionIds'];
  const everything = policyOf(...least, 'Replicate', 'Policy');
  test.each(actionsOf(everything).filter((action) => !optional.includes(action)))(
    'are each asked for by name when it is missing: %s',
    async (missing) => {
      const others = everything.Statement.map((statement) => ({
        ...statement,
        Action: [statement.Action].flat().filter((action) => action !== missing),
      }));
      store.permit({ Statement: others });

      const lives = Promise.all([plain, replicated, policed].map((fields) => live(newName(), fields)));

      await expect(lives).rejects.toMatchObject({
        remedy: 'SlowRetry',
        reason: 'PermissionMissing',
        code: 'AccessDeniedException',
        message: expect.stringContaining(`allow ${missing} (no identity-based policy does)`),
      });
    },
  );
});
