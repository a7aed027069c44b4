import { hash } from 'node:crypto';

/** BullMQ's name of the queue; it becomes part of its keys. */
export const queueName = 'jobs';

/**
 * Where everything stands in Redis. The prefix is a hash tag, so that a cluster keeps all keys in one slot and scripts may
 * touch several. The second word decides who may touch a key, see `access.ts`: `jobs`, `heard` and
 * `history` are the webhook's to write, `interest` to read, `operator` is nothing to it.
 */
export interface Keys {
  /** What BullMQ is told as its prefix. */
  readonly root: string;
  /** Also the name of the channel that tells of publications. */
  readonly interest: string;
  /** The mark by which everybody sees that Redis was not emptied. */
  readonly history: string;
  readonly copies: string;
  /** One of BullMQ's own; '' is what those of its jobs begin with. */
  queue(type: 'wait' | 'paused' | 'delayed' | 'active' | 'failed' | 'marker' | 'id' | ''): string;
  /** The job that holds a job key now: BullMQ's deduplication key. */
  holder(id: string): string;
  /** The one more run that BullMQ stores while a key's job is active. */
  next(id: string): string;
  heard(id: string): string;
  /** Which failed job is the dead letter of a job key. */
  letter(id: string): string;
  lease(key: string): string;
  copiesOf(sync: string): string;
  unwellOf(sync: string): string;
  countsOf(sync: string): string;
  factsOf(sync: string): string;
  deletionsOf(sync: string): string;
  bucket(name: string): string;
}

export function keysOf(prefix: string): Keys {
  const root = `{${prefix}}`;
  const queue = `${root}:${queueName}`;
  const operator = `${root}:operator`;
  return {
    root,
    interest: `${root}:interest`,
    history: `${root}:history`,
    copies: `${operator}:copies`,
    queue: (type) => `${queue}:${type}`,
    holder: (id) => `${queue}:de:${id}`,
    next: (id) => `${queue}:dn:${id}`,
    heard: (id) => `${root}:heard:${id}`,
    letter: (id) => `${operator}:letter:${id}`,
    lease: (key) => `${operator}:lease:${idOf(key)}`,
    copiesOf: (sync) => `${operator}:copies-of:${sync}`,
    unwellOf: (sync) => `${operator}:unwell-of:${sync}`,
    countsOf: (sync) => `${operator}:counts-of:${sync}`,
    factsOf: (sync) => `${operator}:facts-of:${sync}`,
    deletionsOf: (sync) => `${operator}:deletions-of:${sync}`,
    bucket: (name) => `${operator}:bucket:${name}`,
  };
}

/** A short id for a text of any length and any characters (a path may hold `:`, spaces, anything). */
export function idOf(text: string): string {
  return hash('sha256', text, 'base64url');
}
