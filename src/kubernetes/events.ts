import { randomBytes } from 'node:crypto';
import { type EventsV1Api, type EventsV1Event, V1MicroTime } from '@kubernetes/client-node';
import type { Logger } from '../logging.ts';
import { attempting } from './attempt.ts';
import type { EventToRecord } from './contract.ts';

export interface RecorderOptions {
  readonly api: EventsV1Api;
  readonly logger: Logger;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Who says it: the pod. */
  readonly instance: string;
}

/** The same event is not written again for this long (ms). */
const quietFor = 600_000;
/** So many different events are remembered; beyond that the oldest are forgotten and may be written again. */
const remembered = 4096;

/** @returns the function that writes Events, with a memory of its own */
export function createRecorder(options: RecorderOptions): (event: EventToRecord) => Promise<void> {
  const { api, logger, now } = options;
  const writtenAt = new Map<string, number>();
  return async (event) => {
    const key = keyOf(event);
    const last = writtenAt.get(key);
    if (last !== undefined && now() - last < quietFor) return;
    // Deleted first, so that the map's order is the order of writing.
    writtenAt.delete(key);
    writtenAt.set(key, now());
    for (const oldest of writtenAt.keys()) {
      if (writtenAt.size <= remembered) break;
      writtenAt.delete(oldest);
    }
    const { namespace } = event.regarding;
    try {
      await attempting({ verb: 'create', group: 'events.k8s.io', resource: 'events', namespace }, () =>
        api.createNamespacedEvent({ namespace, body: bodyOf(event, options) }),
      );
    } catch (error) {
      writtenAt.delete(key);
      logger.warn({ err: error, namespace, reason: event.reason }, 'a Kubernetes Event could not be written');
    }
  };
}

function keyOf({ regarding, type, reason, message }: EventToRecord): string {
  return JSON.stringify([
    regarding.resource.plural,
    regarding.namespace,
    regarding.name,
    regarding.uid,
    type,
    reason,
    message,
  ]);
}

function bodyOf({ regarding, type, reason, action, message }: EventToRecord, options: RecorderOptions): EventsV1Event {
  const { resource, namespace, name, kind, uid } = regarding;
  return {
    // Kubernetes: a name has at most 253 characters; the random end makes it unique.
    metadata: { name: `${name.slice(0, 230)}.${randomBytes(8).toString('hex')}`, namespace },
    eventTime: new V1MicroTime(options.now()),
    reportingController: `${resource.group}/operator`,
    reportingInstance: options.instance.slice(0, 128),
    regarding: {
      apiVersion: `${resource.group}/${resource.version}`,
      kind,
      namespace,
      name,
      ...(uid === undefined ? {} : { uid }),
    },
    type,
    reason: reason.slice(0, 128),
    action: action.slice(0, 128),
    note: cutAtBytes(message, 1024),
  };
}

/** At most so many bytes of UTF-8, without half a character at the end. */
export function cutAtBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  let end = limit;
  // 10xxxxxx is the inside of a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}
