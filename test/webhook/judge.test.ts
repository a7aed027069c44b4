import { describe, expect, test } from '@jest/globals';
import { judge } from '../../src/webhook/audit/judge.ts';
import type { VerdictKind } from '../../src/webhook/audit/verdict.ts';
import { auditEntry, readSamples, type Sample } from './entries.ts';

/** What the samples call it, in our words; without a word only the two real writes in `admin/` count. */
function expectedVerdict({ expect: word, entry }: Sample): VerdictKind {
  if (word === undefined) {
    const { request, type } = entry as { request: { operation?: string; namespace?: { path?: string } }; type: string };
    const inAdmin = request.namespace?.path === 'admin/' && request.operation !== 'read' && type === 'response';
    return inAdmin ? 'changed' : 'ignored';
  }
  if (word.startsWith('changed') || word === 'skip(own write)') return 'changed';
  if (word.startsWith('mount-') || word === 'full-reconcile') return 'reconcile';
  if (word.startsWith('unparseable')) return 'malformed';
  return 'ignored';
}

describe('judge', () => {
  test.each(readSamples())('gives the sample "$name" its verdict', (sample) => {
    const verdict = judge(sample.entry);

    expect(verdict.verdict).toBe(expectedVerdict(sample));
    expect(verdict.ownWrite).toBe(sample.expect === 'skip(own write)');
    expect(verdict.metadataOnly).toBe(sample.expect === 'changed(metadata)');
  });

  test('counts exactly the two real writes among the samples without a word', () => {
    const real = readSamples().filter((sample) => sample.expect === undefined);

    const changed = real.map(({ entry }) => judge(entry)).filter(({ verdict }) => verdict === 'changed');

    expect(changed).toMatchObject([
      { namespace: 'admin', mount: 'shared-secrets', path: 'shared-secrets/data/retail', version: 2 },
      { namespace: 'admin', mount: 'shared-secrets', operation: 'patch', version: 5 },
    ]);
  });

  test('tells the mount without its namespace, slashes in it included', () => {
    const entry = auditEntry({
      namespace: 'team-a/prod',
      mountPoint: 'team-a/prod/infra/kv-main/',
      path: 'infra/kv-main/data/app/db',
      version: 7,
    });

    const verdict = judge(entry);

    expect(verdict).toMatchObject({ namespace: 'team-a/prod', mount: 'infra/kv-main', version: 7 });
  });

  test('does not decode the path again', () => {
    const verdict = judge(auditEntry({ path: 'secret/data/rate%25limit' }));

    expect(verdict.path).toBe('secret/data/rate%25limit');
  });

  test('leaves the mount open when the entry does not tell it', () => {
    const verdict = judge(auditEntry({ mountPoint: null }));

    expect(verdict).toMatchObject({ verdict: 'changed', mount: null, path: 'secret/data/app/db' });
  });

  test.each([
    { what: 'an error', entry: { error: 'permission denied' } },
    { what: 'an error in the data only', entry: { data: { error: 'hmac-sha256:aa' } } },
    { what: 'a status of 400 and more', entry: { data: { http_status_code: 404 } } },
  ])('ignores a write with $what', ({ entry }) => {
    const verdict = judge(auditEntry(entry));

    expect(verdict).toMatchObject({ verdict: 'ignored', reason: 'Failed' });
  });

  test.each([
    { path: 'sys/mounts/infra/kv', operation: 'update', reason: 'MountEnabled', mount: 'infra/kv' },
    { path: 'sys/mounts/infra/kv', operation: 'delete', reason: 'MountDisabled', mount: 'infra/kv' },
    { path: 'sys/mounts/infra/kv/tune', operation: 'update', reason: 'MountTuned', mount: 'infra/kv' },
    { path: 'sys/remount', operation: 'update', reason: 'MountMoved', mount: '' },
    { path: 'sys/namespaces/prod', operation: 'delete', reason: 'NamespaceDeleted', mount: '' },
  ])('asks for a reconcile after $operation of $path', ({ path, operation, reason, mount }) => {
    const entry = auditEntry({ path, operation, namespace: 'team-a', mountPoint: 'team-a/sys/', mountType: 'system' });

    const verdict = judge(entry);

    expect(verdict).toMatchObject({ verdict: 'reconcile', reason, namespace: 'team-a', mount });
  });

  test.each(['request', 'response'])('asks to reconcile the whole Vault on the %s of a restore', (type) => {
    const path = 'sys/storage/raft/snapshot-force';
    const entry = auditEntry({ type, path, mountPoint: 'sys/', mountType: 'system' });

    const verdict = judge(entry);

    expect(verdict).toMatchObject({ verdict: 'reconcile', reason: 'SnapshotRestored', namespace: '', mount: '' });
  });

  test('ignores a restore that was refused', () => {
    const entry = auditEntry({ type: 'request', path: 'sys/storage/raft/snapshot', error: 'permission denied' });

    const verdict = judge(entry);

    expect(verdict.verdict).toBe('ignored');
  });

  test.each(['sys/policies/acl/ci', 'sys/audit/socket', 'sys/namespaces/prod'])('ignores an update of %s', (path) => {
    const verdict = judge(auditEntry({ path, mountPoint: 'sys/', mountType: 'system' }));

    expect(verdict.verdict).toBe('ignored');
  });

  test('takes the deletion of a secret named config for what it is', () => {
    const written = judge(auditEntry({ path: 'secret/config' }));
    const deleted = judge(auditEntry({ path: 'secret/config', operation: 'delete' }));

    expect(written).toMatchObject({ verdict: 'reconcile', reason: 'MountConfigured', mount: 'secret' });
    expect(deleted).toMatchObject({ verdict: 'changed', reason: 'SecretChanged' });
  });

  test.each([
    { what: 'null', value: null },
    { what: 'a list', value: [] },
    { what: 'a text', value: 'x' },
    { what: 'an object without request', value: { type: 'response' } },
    { what: 'an object without type', value: { request: {} } },
    { what: 'a path longer than any storage takes', value: auditEntry({ path: `secret/${'x'.repeat(40_000)}` }) },
  ])('calls $what malformed', ({ value }) => {
    const verdict = judge(value);

    expect(verdict.verdict).toBe('malformed');
    expect(verdict.path).toBeNull();
  });
});
