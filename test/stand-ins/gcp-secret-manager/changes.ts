import type { Secret } from './resources.ts';
import {
  checkAliases,
  checkAnnotations,
  checkDestroyTtl,
  checkExpiry,
  checkLabels,
  checkRegionalKey,
  checkReplication,
  checkTopics,
  placesOf,
} from './rules.ts';
import { invalidArgument } from './status.ts';
import type { WireSecret } from './wire.ts';

/** resources.proto marks them IMMUTABLE or OUTPUT_ONLY. (Of `replication` the keys can be changed: docs/cmek.) */
const NOT_UPDATABLE: ReadonlySet<string> = new Set(['name', 'create_time', 'secret_type', 'tags']);

export interface Update {
  readonly secret: Secret;
  readonly changes: WireSecret;
  /** `update_mask` */
  readonly paths: readonly string[];
  readonly now: Date;
}

/** What an update makes of a secret; all of it is checked before anything is done. */
export function changesIn({ paths, ...update }: Update): Partial<Secret> {
  return Object.assign({}, ...paths.map((path) => changeOf(path, update))) as Partial<Secret>;
}

function changeOf(path: string, { secret, changes, now }: Omit<Update, 'paths'>): Partial<Secret> {
  switch (path) {
    case 'labels':
      checkLabels(changes.labels);
      return { labels: changes.labels };
    case 'annotations':
      checkAnnotations(changes.annotations);
      return { annotations: changes.annotations };
    case 'topics':
      return { topics: checkTopics(changes.topics) };
    case 'ttl':
    case 'expire_time':
      return { expireTime: checkExpiry(changes, now) };
    case 'version_destroy_ttl':
      return { versionDestroyTtl: checkDestroyTtl(changes) };
    case 'version_aliases': {
      const versionAliases = changes.versionAliases ?? {};
      checkAliases(versionAliases, secret.versions);
      return { versionAliases };
    }
    case 'customer_managed_encryption':
      return { kmsKeyName: checkRegionalKey(changes, secret.location) };
    case 'replication': {
      const replication = checkReplication(changes.replication, secret.location);
      if (placesOf(replication) !== placesOf(secret.replication))
        throw invalidArgument('Field [replication] cannot be updated: the replication policy is immutable.');
      return { replication };
    }
    default:
      if (NOT_UPDATABLE.has(path)) throw invalidArgument(`Field [${path}] cannot be updated.`);
      throw invalidArgument(`This stand-in does not know the update_mask path [${path}].`);
  }
}
