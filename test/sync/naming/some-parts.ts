import { matchName, parseSelector } from '../../../src/paths/selector.ts';
import type { NamingParts } from '../../../src/sync/naming/text.ts';

/** What copies of `secret/<name>` are named by, where `path` selects it. */
export function someParts(path: string, name: string, more: Partial<NamingParts> = {}): NamingParts {
  const selector = parseSelector({ path });
  const captures = matchName(selector, name);
  if (!captures) throw new Error(`${path} does not select ${name}`);
  return {
    selector,
    captures,
    mount: 'kv',
    name,
    key: null,
    keys: null,
    metadata: null,
    sync: { namespace: 'team-a', name: 'databases' },
    ...more,
  };
}
