import { fixSpec } from '../errors.ts';
import { type Attempt, isRecord, refusalOf, unclear } from './answer.ts';
import { encodePath } from './api-path.ts';
import type { MountInfo, MountPlace } from './contract.ts';
import { untilAborted } from './deadline.ts';
import type { Session } from './session.ts';
import type { VaultAnswer } from './transport.ts';

/** Remembers what Vault said of each mount until an answer contradicts it. */
export interface Mounts {
  /** `fresh` asks Vault after this call began. */
  get(place: MountPlace, options: { readonly fresh: boolean; readonly signal: AbortSignal }): Promise<MountInfo>;
  forget(place: MountPlace): void;
}

export function createMounts(session: Session): Mounts {
  const known = new Map<string, MountInfo>();
  const lookups = new Map<string, Promise<MountInfo>>();
  const nextLookups = new Map<string, Promise<MountInfo>>();

  async function lookUp(place: MountPlace): Promise<MountInfo> {
    const path = `sys/internal/ui/mounts/${encodePath(place.mount)}`;
    const { signal } = new AbortController();
    const answer = await session.ask({ operation: 'mount', namespace: place.namespace, path, signal });
    const info = interpretMount(answer, place, session.address);
    known.set(keyOf(place), info);
    return info;
  }

  /** However many ask at once, Vault is asked once; that request ends by the transport's time limit. */
  function lookUpOnce(place: MountPlace): Promise<MountInfo> {
    const key = keyOf(place);
    const underWay = lookups.get(key);
    if (underWay !== undefined) return underWay;
    const lookup = lookUp(place).finally(() => lookups.delete(key));
    lookups.set(key, lookup);
    return lookup;
  }

  /** The look-up under way began before this call: those who ask meanwhile share the next one. */
  function lookUpAnew(place: MountPlace): Promise<MountInfo> {
    const key = keyOf(place);
    const underWay = lookups.get(key);
    if (underWay === undefined) return lookUpOnce(place);
    const planned = nextLookups.get(key);
    if (planned !== undefined) return planned;
    const next = underWay
      .catch(() => undefined)
      .then(() => {
        nextLookups.delete(key);
        return lookUpOnce(place);
      });
    nextLookups.set(key, next);
    return next;
  }

  return {
    async get(place, { fresh, signal }) {
      if (fresh) return untilAborted(lookUpAnew(place), signal);
      return known.get(keyOf(place)) ?? untilAborted(lookUpOnce(place), signal);
    },
    forget(place) {
      known.delete(keyOf(place));
    },
  };
}

/** @throws SyncError for anything but a KV mount at exactly that place. Pure. */
function interpretMount(answer: VaultAnswer, place: MountPlace, address: string): MountInfo {
  const attempt: Attempt = {
    address,
    namespace: place.namespace,
    what: `to tell about the mount "${place.mount}", which may not exist`,
    grant: { capability: 'read', path: `${place.mount}/*` },
  };
  if (answer.status !== 200) throw refusalOf(answer, attempt);
  const data = isRecord(answer.body) ? answer.body['data'] : undefined;
  if (!isRecord(data) || typeof data['uuid'] !== 'string' || data['uuid'] === '') throw unclear(answer, attempt);
  const { type, uuid, path } = data;
  const where = `Vault ${address}`;
  if (typeof path === 'string' && !isPathOf(path, place)) {
    // Vault answers with the mount that holds the path asked for.
    const mount = path.replace(/\/$/, '');
    throw fixSpec(
      'MountMismatch',
      `"${place.mount}" is no mount of ${where} but a path within "${mount}"; use that mount`,
    );
  }
  if (type !== 'kv' && type !== 'generic') {
    throw fixSpec(
      'MountNotKv',
      `the mount "${place.mount}" of ${where} holds no key-value secrets; name one of type kv`,
    );
  }
  const version = isRecord(data['options']) ? data['options']['version'] : undefined;
  if (version !== undefined && version !== '1' && version !== '2') {
    throw fixSpec('MountNotKv', `the mount "${place.mount}" of ${where} is of a KV version that is not known here`);
  }
  return { kvVersion: version === '2' ? 2 : 1, uuid };
}

/** A path is relative to the namespace, or, behind some proxies, to the root. */
function isPathOf(path: string, { namespace, mount }: MountPlace): boolean {
  return path === `${mount}/` || (namespace !== '' && path === `${namespace}/${mount}/`);
}

function keyOf(place: MountPlace): string {
  return `${place.namespace}\0${place.mount}`;
}
