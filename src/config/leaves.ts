import type { TSchema } from '../schema.ts';
import { Settings } from './settings.ts';

/** A setting that a variable or a flag can give. */
export interface Leaf {
  /** E.g. `webhook.http.port`. */
  readonly path: string;
  /** E.g. `VSS_WEBHOOK_HTTP_PORT`. */
  readonly variable: string;
  /** E.g. `webhook-http-port`; given as `--webhook-http-port 8080`. */
  readonly flag: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'words' | 'json';
  readonly description: string;
  readonly byDefault: unknown;
  readonly secret: boolean;
}

interface Node {
  readonly type?: string;
  readonly properties?: Record<string, Node>;
  readonly items?: Node;
  readonly description?: string;
  readonly default?: unknown;
  readonly secret?: boolean;
}

/** Every leaf of the settings, in the order of the schema. Lists of objects are given as JSON. */
export const leaves: readonly Leaf[] = leavesOf(Settings, []);

function leavesOf(schema: TSchema, path: readonly string[]): Leaf[] {
  const node = schema as unknown as Node;
  if (node.type === 'object' && node.properties) {
    return Object.entries(node.properties).flatMap(([key, child]) => leavesOf(child as TSchema, [...path, key]));
  }
  const words = path.flatMap((part) => part.split(/(?=[A-Z])/));
  return [
    {
      path: path.join('.'),
      variable: `VSS_${words.join('_').toUpperCase()}`,
      flag: words.join('-').toLowerCase(),
      type: typeOf(node),
      description: node.description ?? '',
      byDefault: node.default,
      secret: node.secret ?? false,
    },
  ];
}

function typeOf(node: Node): Leaf['type'] {
  if (node.type === 'array') return node.items?.type === 'object' ? 'json' : 'words';
  if (node.type === 'integer' || node.type === 'boolean') return node.type;
  return 'string';
}
