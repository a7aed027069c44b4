import { attempting } from './attempt.ts';
import type { KubernetesObject, ListOptions } from './contract.ts';
import { usualTimes } from './follow.ts';
import type { ObjectSource, Page } from './object-source.ts';

/** Lists a resource once, page by page, in each namespace or (without any) in all. @throws SyncError by remedy */
export async function listAll<Kind extends KubernetesObject>(
  { resource, namespaces = [] }: ListOptions,
  sourceOf: (namespace: string | null) => ObjectSource<Kind>,
): Promise<Kind[]> {
  const objects: Kind[] = [];
  for (const namespace of namespaces.length === 0 ? [null] : namespaces) {
    const source = sourceOf(namespace);
    const attempt = {
      verb: 'list',
      group: resource.group,
      resource: resource.plural,
      ...(namespace === null ? {} : { namespace }),
    } as const;
    for (let from: string | null = null; ; ) {
      const next: string | null = from;
      const page: Page<Kind> = await attempting(attempt, () =>
        source.list({ limit: usualTimes.pageSize, next }, AbortSignal.timeout(usualTimes.answerLimitMs)),
      );
      objects.push(...page.items);
      if (page.next === null) break;
      from = page.next;
    }
  }
  return objects;
}
