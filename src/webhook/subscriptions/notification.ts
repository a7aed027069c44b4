import { judge } from '../audit/judge.ts';
import { malformed, type Verdict } from '../audit/verdict.ts';

/** What a kind of notification is called in an audit entry, where that is not `update`. */
const operations: Readonly<Record<string, string>> = {
  'kv-v1/delete': 'delete',
  'kv-v2/data-delete': 'delete',
  'kv-v2/data-patch': 'patch',
  'kv-v2/metadata-delete': 'delete',
  'kv-v2/metadata-patch': 'patch',
};

/** The kinds that tell of a version that they made; the others name the one that was current already. */
const versionMakers: readonly string[] = ['kv-v2/data-write', 'kv-v2/data-patch'];

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Says what a notification of Vault's means: the same as the audit entry of the same change would. Takes any text; what is no notification
 * of the KV engine is malformed. The kinds and their metadata are those of vault-plugin-secrets-kv; a kind that is not known there
 * counts as a change, for it is a hint and costs one look.
 */
export function judgeNotification(text: string): Verdict {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return malformed('NotJson');
  }
  const notification = asObject(parsed);
  const data = asObject(notification?.['data']);
  const metadata = asObject(asObject(data?.['event'])?.['metadata']);
  const kind = data?.['event_type'];
  if (!notification || !data || !metadata || typeof kind !== 'string' || !kind.startsWith('kv')) {
    return malformed('NotAnEntry');
  }
  const modified = metadata['modified'] !== 'false';
  const verdict = judge({
    type: 'response',
    time: notification['time'],
    request: {
      // Of the notification, whose request is not told. It makes a repetition known as one.
      id: notification['id'],
      operation: modified ? (operations[kind] ?? 'update') : 'read',
      path: metadata['path'],
      namespace: { path: data['namespace'] },
      mount_point: asObject(data['plugin_info'])?.['mount_path'],
      mount_type: 'kv',
    },
    response: {
      data: { version: versionMakers.includes(kind) ? wholeNumber(metadata['current_version']) : undefined },
    },
  });
  // Vault puts the mount before the path; without it the place could only be guessed.
  return verdict.verdict !== 'malformed' && verdict.mount === null ? malformed('NotAnEntry') : verdict;
}

function asObject(value: unknown): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** Metadata hold texts only. */
function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined;
}
