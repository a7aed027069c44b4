import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { SyncError } from '../../src/errors.ts';
import { asksAnew, requestOf, wishesOf } from '../../src/operator/requests.ts';
import { someSync } from '../sync/some-sync.ts';
import { Replica } from './replica.ts';

const requestedAt = 'reconcile.vaultsecretsync.dev/requestedAt';
const release = 'deletions.vaultsecretsync.dev/release';
const sealed = new SyncError({ remedy: 'SourceUnavailable', reason: 'VaultSealed', message: 'unseal it' });
const annotated = (annotations: Record<string, string>, more: object = {}) => someSync({}, { annotations, ...more });

describe('a request', () => {
  test.each<[Record<string, string>, string]>([
    [{}, ''],
    [{ [requestedAt]: 'now' }, 'now'],
    [{ 'force-sync': 'true' }, 'true'],
    [{ [requestedAt]: 'now', 'force-sync': 'true' }, 'now'],
    [{ [requestedAt]: '', 'force-sync': 'true' }, 'true'],
    [{ op: 'update' }, ''],
  ])('of %j is %j', (annotations, expected) => {
    expect(requestOf(annotated(annotations))).toBe(expected);
  });
});

describe('a sync that has changed asks for a reconcile', () => {
  test.each<[string, ReturnType<typeof someSync> | null, ReturnType<typeof someSync>, boolean]>([
    ['when it is new', null, someSync(), true],
    ['not when only its status changed', someSync(), someSync({}, { status: { copies: '1/1' } }), false],
    ['when it was edited', someSync(), someSync({}, { generation: 2 }), true],
    ['when it goes away', someSync(), someSync({}, { deleting: true }), true],
    ['when it was created anew', someSync(), someSync({}, { createdAt: 1 }), true],
    ['when somebody asks', someSync(), annotated({ [requestedAt]: 'now' }), true],
    ['when somebody asks again', annotated({ [requestedAt]: 'now' }), annotated({ [requestedAt]: 'soon' }), true],
    [
      'when somebody asks in the other way',
      annotated({ [requestedAt]: 'now' }),
      annotated({ [requestedAt]: 'now', 'force-sync': 'true' }),
      true,
    ],
    [
      'not when the request is the same',
      annotated({ [requestedAt]: 'now' }),
      annotated({ [requestedAt]: 'now' }),
      false,
    ],
    ['not when the request is taken away', annotated({ 'force-sync': 'true' }), someSync(), false],
    ['when deletions are released', someSync(), annotated({ [release]: 'abc' }), true],
    ['not when the release is taken away', annotated({ [release]: 'abc' }), someSync(), false],
    ['not when other annotations change', someSync(), annotated({ team: 'a' }), false],
  ])('%s', (_when, before, now, expected) => {
    expect(asksAnew(before && wishesOf(before), wishesOf(now))).toBe(expected);
  });
});

describe('a reconcile', () => {
  let replica: Replica;

  beforeEach(() => {
    replica = new Replica();
    replica.world.vault.put('app/db', { user: 'ada' });
  });

  afterEach(() => replica.close());

  async function answered(sync: VaultSecretSync): Promise<string | undefined> {
    replica.knows(sync);
    await replica.reconcile();
    replica.statuses.touch('team-a/db');
    await replica.statuses.close();
    return replica.manifests.statusOf(sync)?.lastHandledReconcileAt;
  }

  test('answers the request in the status', async () => {
    expect(await answered(annotated({ [requestedAt]: '2026-01-01T00:00:00Z' }))).toBe('2026-01-01T00:00:00Z');
    expect(replica.manifests.removed).toEqual([]);
  });

  test("answers the ancestor's, and takes the annotations away", async () => {
    expect(await answered(annotated({ 'force-sync': 'x1', op: 'update' }))).toBe('x1');
    expect(replica.manifests.removed).toEqual(['force-sync', 'op']);
    expect(replica.manifests.announced.map(({ reason }) => reason)).not.toContain('OperationRefused');
  });

  test('does not follow op: delete, and says what to do instead', async () => {
    await answered(annotated({ 'force-sync': 'x1', op: 'delete' }));

    expect([...replica.world.aws.copies.keys()]).toEqual(['app/db']);
    expect(replica.manifests.announced).toContainEqual(
      expect.objectContaining({ type: 'Warning', reason: 'OperationRefused' }),
    );
  });

  test('that failed answers nothing', async () => {
    replica.world.vault.failing = sealed;

    expect(await answered(annotated({ 'force-sync': 'x1' }))).toBeUndefined();
    expect(replica.manifests.removed).toEqual([]);
  });

  test('during which the manifest was edited does not count as one of the edit', async () => {
    const edited = someSync({}, { generation: 2 });
    replica.world.aws.duringWrite = () => void replica.knows(edited);

    await answered(someSync());

    expect(replica.manifests.statusOf(edited)?.observedGeneration).toBeUndefined();
    expect(replica.manifests.statusOf(edited)?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', status: 'Unknown', reason: 'Progressing', observedGeneration: 2 }),
    );
  });

  test('during which somebody asked for another leaves that question open', async () => {
    const asking = annotated({ [requestedAt]: 'second' });
    replica.world.aws.duringWrite = () => void replica.knows(asking);

    expect(await answered(annotated({ [requestedAt]: 'first' }))).toBe('first');
  });
});
