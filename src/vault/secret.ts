import { isRecord } from './answer.ts';
import type { AbsentSecret, FoundSecret, SecretRead } from './contract.ts';
import type { JsonObject } from './json.ts';
import type { VaultAnswer } from './transport.ts';

/**
 * What an answer to a read says by itself: the secret, or that its newest version is deleted or destroyed (404 with
 * that version's metadata). `null` = nothing certain. Pure.
 */
export function interpretSecret(kvVersion: 1 | 2, answer: VaultAnswer): SecretRead | null {
  const data = isRecord(answer.body) ? answer.body['data'] : undefined;
  if (!isRecord(data)) return null;
  switch (kvVersion) {
    case 1:
      return answer.status === 200 ? found({ version: 0, createdTime: null, data, customMetadata: {} }) : null;
    case 2:
      return interpretVersion(answer.status, data);
    default: {
      const never: never = kvVersion;
      return never;
    }
  }
}

function interpretVersion(status: number, answered: Record<string, unknown>): SecretRead | null {
  const { data, metadata } = answered;
  if (!isRecord(metadata)) return null;
  const { version, created_time: createdTime, deletion_time: deletionTime, destroyed } = metadata;
  if (typeof version !== 'number' || typeof createdTime !== 'string') return null;
  const isMarkedDeleted = typeof deletionTime === 'string' && deletionTime !== '';

  if (status === 404 && (data === null || data === undefined)) {
    if (destroyed === true) return absent('destroyed', version, createdTime);
    return isMarkedDeleted ? absent('deleted', version, createdTime) : null;
  }
  if (status !== 200 || destroyed === true) return null;
  const customMetadata = stringsOf(metadata['custom_metadata']);
  // A deletion time beside data lies ahead (`delete_version_after`).
  if (isRecord(data)) return found({ version, createdTime, data, customMetadata });
  // `{"data": null}` can be put: a secret without keys. With a deletion time it could as well be a deleted one.
  return data === null && !isMarkedDeleted ? found({ version, createdTime, data: {}, customMetadata }) : null;
}

type Content = Omit<FoundSecret, 'found' | 'data'> & { readonly data: Record<string, unknown> };

function found({ data, ...rest }: Content): FoundSecret {
  // It was parsed from JSON.
  return { found: true, ...rest, data: data as JsonObject };
}

function absent(because: 'deleted' | 'destroyed', version: number, createdTime: string): AbsentSecret {
  return { found: false, because, version, createdTime, mountUuid: null };
}

function stringsOf(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
