import { randomUUID } from 'node:crypto';

/** What happened, as an admin tells it. */
export interface Happening {
  /** E.g. `kv-v2/data-write`. */
  readonly type: string;
  /** Without slashes at its ends; root is ''. */
  readonly namespace?: string;
  /** Without slashes at its ends. */
  readonly mount?: string;
  /** Name of the secret in its mount; `config-write` has none. */
  readonly name?: string;
  /** The current version. */
  readonly version?: number;
}

/** A notification as Vault sends it with `json=true`. */
export interface Notification {
  readonly id: string;
  readonly source: string;
  readonly specversion: '1.0';
  readonly type: '*';
  readonly data: {
    readonly event: { readonly id: string; readonly metadata: Readonly<Record<string, string>> };
    readonly event_type: string;
    readonly namespace: string;
    readonly plugin_info: Readonly<Record<string, string>>;
  };
  readonly datacontentype: 'application/cloudevents';
  readonly time: string;
}

/** Kinds that have a `data_path`: what can be read there afterwards. */
const readable = ['write', 'config-write', 'data-write', 'data-patch', 'undelete', 'metadata-write', 'metadata-patch'];
/** Kinds of KV v2 that name versions. */
const versioned = ['data-write', 'data-patch', 'data-delete', 'delete', 'undelete', 'destroy'];

/** Writes the notification that vault-plugin-secrets-kv would send. Metadata hold texts only. */
export function notificationOf({
  type,
  namespace = '',
  mount = 'secret',
  name = '',
  version = 1,
}: Happening): Notification {
  const [plugin = '', operation = ''] = type.split('/');
  const id = randomUUID();
  const path = `${mount}/${pathIn(plugin, operation, name)}`;
  return {
    id,
    source: 'vault://stand-in',
    specversion: '1.0',
    type: '*',
    data: {
      event: {
        id,
        metadata: {
          ...(plugin === 'kv-v2' && versioned.includes(operation)
            ? { current_version: `${version}`, oldest_version: '0' }
            : {}),
          ...(readable.includes(operation) ? { data_path: path.replace('/undelete/', '/data/') } : {}),
          modified: 'true',
          operation,
          path,
        },
      },
      event_type: type,
      namespace: namespace === '' ? '' : `${namespace}/`,
      plugin_info: {
        mount_class: 'secret',
        mount_accessor: 'kv_5dc4d18e',
        mount_path: `${mount}/`,
        plugin: 'kv',
        version: plugin === 'kv-v1' ? '1' : '2',
      },
    },
    datacontentype: 'application/cloudevents',
    time: new Date().toISOString(),
  };
}

function pathIn(plugin: string, operation: string, name: string): string {
  if (plugin === 'kv-v1') return name;
  if (operation === 'config-write') return 'config';
  const [first = ''] = operation.split('-');
  return `${first}/${name}`;
}
