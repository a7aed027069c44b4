import { splitAtMountPoint, trimSlashes } from '../../paths/places.ts';
import { type Projection, project } from './project.ts';
import { malformed, type Reason, type Verdict, type VerdictKind } from './verdict.ts';

/** Raft storage (bbolt) takes no longer key, so Vault can hold no secret at a longer path. */
const maxPathLength = 32_768;

const writes = new Set(['create', 'update', 'patch', 'delete', 'recover']);

/** What was found out about an entry; the rest of the verdict comes from its projection. */
interface Finding {
  readonly verdict: VerdictKind;
  readonly reason: Reason;
  readonly namespace?: string;
  readonly mount?: string | null;
  readonly metadataOnly?: boolean;
}

/** Says what a parsed audit entry means. Takes anything; what is no audit entry is malformed. */
export function judge(value: unknown): Verdict {
  const entry = project(value);
  if (!entry) return malformed('NotAnEntry');
  if (entry.path !== null && entry.path.length > maxPathLength) return malformed('PathTooLong');
  const finding = find(entry);
  return {
    verdict: finding.verdict,
    reason: finding.reason,
    namespace: finding.namespace ?? entry.namespace,
    mount: finding.mount !== undefined ? finding.mount : mountOf(entry),
    path: entry.path,
    operation: entry.operation,
    version: entry.version,
    requestId: entry.requestId,
    time: entry.time,
    ownWrite: entry.ownWrite,
    metadataOnly: finding.metadataOnly ?? false,
  };
}

function ignored(reason: Reason): Finding {
  return { verdict: 'ignored', reason };
}

function find(entry: Projection): Finding {
  if (entry.failed) return ignored('Failed');
  const { path, operation } = entry;
  if (entry.type === 'request' && isRestore(entry)) return restored;
  if (entry.type !== 'response') return ignored('NotAResponse');
  if (operation === null || !writes.has(operation)) return ignored('ReadOnly');
  if (path === null) return ignored('NoSecretNamed');
  if (path.startsWith('sys/')) return findInSystem(entry, path.slice('sys/'.length));
  return mayBeKv(entry, path) ? findInKv(entry, path, operation) : ignored('NotKv');
}

/**
 * A restore replaces the data in the background and its response may never be logged, so the request counts; where
 * the response comes, it counts too, being nearer to the moment when the data are there.
 */
function isRestore({ path, operation }: Projection): boolean {
  const restores = path === 'sys/storage/raft/snapshot' || path === 'sys/storage/raft/snapshot-force';
  return restores && (operation === 'update' || operation === 'create');
}

const restored: Finding = { verdict: 'reconcile', reason: 'SnapshotRestored', namespace: '', mount: '' };

function findInSystem(entry: Projection, path: string): Finding {
  if (isRestore(entry)) return restored;
  if (path === 'remount') return { verdict: 'reconcile', reason: 'MountMoved', mount: '' };
  if (path.startsWith('mounts/')) {
    const rest = trimSlashes(path.slice('mounts/'.length));
    // Vault routes `…/tune` first, so a mount of that last name cannot be meant.
    if (rest.endsWith('/tune')) {
      return { verdict: 'reconcile', reason: 'MountTuned', mount: rest.slice(0, -'/tune'.length) };
    }
    const reason = entry.operation === 'delete' ? 'MountDisabled' : 'MountEnabled';
    return rest === '' ? ignored('NotKv') : { verdict: 'reconcile', reason, mount: rest };
  }
  if (path.startsWith('namespaces/') && entry.operation === 'delete') {
    return { verdict: 'reconcile', reason: 'NamespaceDeleted', mount: '' };
  }
  return ignored('NotKv');
}

/**
 * Entries of Vault before 1.5, and those that an Enterprise `exclude` has thinned out, have no mount type. Vault lets
 * nobody mount anything below `auth/`, `identity/` and `cubbyhole/`.
 */
function mayBeKv({ mountType }: Projection, path: string): boolean {
  const maybe = mountType === null || mountType === 'kv' || mountType === 'generic';
  return maybe && !/^(auth|identity|cubbyhole)\//.test(path);
}

function findInKv(entry: Projection, path: string, operation: string): Finding {
  if (path.endsWith('/')) return ignored('NoSecretNamed');
  const split = splitOf(entry);
  const relative = split?.relative ?? path;
  if (relative === '' || !path.includes('/')) return ignored('NoSecretNamed');
  // KV v2 has no DELETE of its settings, so a delete can only mean a KV v1 secret of that name.
  if (split && relative === 'config' && operation !== 'delete') {
    return { verdict: 'reconcile', reason: 'MountConfigured', mount: split.mount };
  }
  const metadataOnly = split !== null && relative.startsWith('metadata/') && operation !== 'delete';
  return { verdict: 'changed', reason: metadataOnly ? 'MetadataChanged' : 'SecretChanged', metadataOnly };
}

function splitOf({ path, mountPoint, namespace }: Projection) {
  return path === null || mountPoint === null ? null : splitAtMountPoint({ path, mountPoint, namespace });
}

function mountOf(entry: Projection): string | null {
  return splitOf(entry)?.mount ?? null;
}
