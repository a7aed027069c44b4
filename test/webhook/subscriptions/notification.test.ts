import { describe, expect, test } from '@jest/globals';
import { judgeNotification } from '../../../src/webhook/subscriptions/notification.ts';
import { notificationOf } from '../../stand-ins/vault-events/notifications.ts';

type Happening = Parameters<typeof notificationOf>[0];

function judged(happening: Happening) {
  return judgeNotification(JSON.stringify(notificationOf(happening)));
}

/** A notification whose text is as it should be but for what `change` does to it. */
function damaged(change: (notification: Record<string, never>) => void): string {
  const notification = JSON.parse(JSON.stringify(notificationOf({ type: 'kv-v2/data-write', name: 'app' })));
  change(notification);
  return JSON.stringify(notification);
}

describe('a notification of the KV engine', () => {
  // As vault-plugin-secrets-kv sends them.
  test.each([
    ['kv-v1/write', 'changed', 'SecretChanged', 'secret/team/app', null],
    ['kv-v1/delete', 'changed', 'SecretChanged', 'secret/team/app', null],
    ['kv-v2/data-write', 'changed', 'SecretChanged', 'secret/data/team/app', 7],
    ['kv-v2/data-patch', 'changed', 'SecretChanged', 'secret/data/team/app', 7],
    ['kv-v2/data-delete', 'changed', 'SecretChanged', 'secret/data/team/app', null],
    ['kv-v2/delete', 'changed', 'SecretChanged', 'secret/delete/team/app', null],
    ['kv-v2/undelete', 'changed', 'SecretChanged', 'secret/undelete/team/app', null],
    ['kv-v2/destroy', 'changed', 'SecretChanged', 'secret/destroy/team/app', null],
    ['kv-v2/metadata-write', 'changed', 'MetadataChanged', 'secret/metadata/team/app', null],
    ['kv-v2/metadata-patch', 'changed', 'MetadataChanged', 'secret/metadata/team/app', null],
    ['kv-v2/metadata-delete', 'changed', 'SecretChanged', 'secret/metadata/team/app', null],
    ['kv-v2/config-write', 'reconcile', 'MountConfigured', 'secret/config', null],
  ])('of the kind %s says: %s, %s', (type, verdict, reason, path, version) => {
    const found = judged({ type, name: 'team/app', version: 7 });

    expect(found).toMatchObject({ verdict, reason, path, version, mount: 'secret', namespace: '' });
    expect(found.metadataOnly).toBe(reason === 'MetadataChanged');
  });

  test('tells its namespace and mount as the rest of the program writes them, and when it was', () => {
    const found = judged({ type: 'kv-v2/data-write', namespace: 'admin/team', mount: 'team/kv', name: 'app' });

    expect(found).toMatchObject({ namespace: 'admin/team', mount: 'team/kv', path: 'team/kv/data/app' });
    expect(Math.abs(Date.now() - (found.time ?? 0))).toBeLessThan(60_000);
  });

  test('of a kind that came later counts as a change, unless it says that it changed nothing', () => {
    const happening = { type: 'kv-v2/data-recover', name: 'app' };
    const read = JSON.stringify(notificationOf({ type: 'kv-v2/metadata-read', name: 'app' })).replace(
      '"true"',
      '"false"',
    );

    expect(judged(happening)).toMatchObject({ verdict: 'changed', path: 'secret/data/app' });
    expect(judgeNotification(read)).toMatchObject({ verdict: 'ignored', reason: 'ReadOnly' });
  });

  test('that comes twice is known as one by its id', () => {
    const text = JSON.stringify(notificationOf({ type: 'kv-v2/data-write', name: 'app' }));

    expect(judgeNotification(text).requestId).toBe(JSON.parse(text).id);
  });
});

describe('what is no notification', () => {
  test.each([
    ['no JSON', 'hvs.not-json', 'NotJson'],
    ['nothing', '', 'NotJson'],
    ['a list', '[]', 'NotAnEntry'],
    ['null', 'null', 'NotAnEntry'],
    ['an object without data', '{}', 'NotAnEntry'],
    [
      'one of another engine',
      damaged((each) => Object.assign(each['data'] ?? {}, { event_type: 'database/rotate' })),
      'NotAnEntry',
    ],
    [
      'one without its path',
      damaged((each) => Object.assign(each['data']?.['event'] ?? {}, { metadata: {} })),
      'NotAnEntry',
    ],
    [
      'one without its mount',
      damaged((each) => Object.assign(each['data'] ?? {}, { plugin_info: null })),
      'NotAnEntry',
    ],
    [
      'one whose path is not in its mount, as before Vault 1.16',
      damaged((each) => Object.assign(each['data']?.['event'] ?? {}, { metadata: { path: 'data/app' } })),
      'NotAnEntry',
    ],
    [
      'one with a path that no storage takes',
      damaged((each) =>
        Object.assign(each['data']?.['event'] ?? {}, { metadata: { path: `secret/data/${'a'.repeat(32_768)}` } }),
      ),
      'PathTooLong',
    ],
  ])('is malformed: %s', (_what, text, reason) => {
    expect(judgeNotification(text)).toMatchObject({ verdict: 'malformed', reason, path: null });
  });

  test('has no version that is not a whole number', () => {
    const versions = ['-1', '1e3', '', 'latest', 5, null].map((current_version) => {
      const metadata = { path: 'secret/data/app', current_version };
      return judgeNotification(damaged((each) => Object.assign(each['data']?.['event'] ?? {}, { metadata }))).version;
    });

    expect(versions).toEqual([null, null, null, null, null, null]);
  });
});
