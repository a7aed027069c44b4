import type { Notification } from './notifications.ts';

/** What a token may do. Patterns are as in Vault's policies and subscriptions: a `*` stands for anything. */
export interface Token {
  /** Kinds for which it has `read` on `sys/events/subscribe/<kind>`. */
  readonly read: readonly string[];
  /** Paths, with their namespace, on which it has `subscribe`, e.g. `secret/*`. */
  readonly subscribe: readonly string[];
}

/** What one connection wants to hear. */
export interface Subscription {
  /** Pattern of kinds, e.g. `kv*`. */
  readonly kinds: string;
  /** Namespace of the request; root is ''. */
  readonly namespace: string;
  /** Patterns of namespaces below it. */
  readonly below: readonly string[];
}

export function maySubscribe(token: Token, { kinds }: Subscription): boolean {
  return token.read.some((pattern) => pattern === kinds || matches(pattern, kinds));
}

/** Whether a notification is sent to a connection: by what it wants, and by what its token may hear. */
export function mayHear(token: Token, wanted: Subscription, { data }: Notification): boolean {
  const namespace = data.namespace.replace(/\/$/, '');
  const namespaces = ['', ...wanted.below].map((each) => [wanted.namespace, each].filter(Boolean).join('/'));
  const path = `${data.namespace}${data.event.metadata['path']}`;
  return (
    matches(wanted.kinds, data.event_type) &&
    namespaces.some((pattern) => matches(pattern, namespace)) &&
    token.subscribe.some((pattern) => matches(pattern, path))
  );
}

function matches(pattern: string, text: string): boolean {
  const escaped = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 's').test(text);
}
