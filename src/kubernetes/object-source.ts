import { HttpMethod, RequestContext } from '@kubernetes/client-node';
import { fetch, type Response } from 'undici';
import type { KubernetesObject, Resource } from './contract.ts';
import { HttpFailure } from './failure.ts';
import { linesOf } from './lines.ts';
import type { PooledKubeConfig } from './pooled-kube-config.ts';

/** One page of a list. */
export interface Page<Kind> {
  readonly items: Kind[];
  /** What a watch can go on from. */
  readonly resourceVersion: string;
  /** Where the next page begins; null = this was the last. */
  readonly next: string | null;
}

/** What a watch says. */
export type WatchEvent<Kind> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Kind }
  | { readonly type: 'BOOKMARK'; readonly object: { readonly metadata: { readonly resourceVersion: string } } }
  | { readonly type: 'ERROR'; readonly object: { readonly code?: number } };

/** Where a reflector gets its objects from. A signal that aborts leaves no connection in use. */
export interface ObjectSource<Kind> {
  list(page: { limit: number; next: string | null }, signal: AbortSignal): Promise<Page<Kind>>;
  /** Resolves once the API server has agreed; the events end when the server ends the watch. */
  watch(
    from: { resourceVersion: string; timeoutSeconds: number },
    signal: AbortSignal,
  ): Promise<AsyncIterable<WatchEvent<Kind>>>;
}

/** Lists and watches a custom resource in one namespace, or in all (null). */
export function createObjectSource<Kind extends KubernetesObject>(
  config: PooledKubeConfig,
  { resource, namespace }: { resource: Resource; namespace: string | null },
): ObjectSource<Kind> {
  const { group, version, plural } = resource;
  const scope = namespace === null ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const path = `/apis/${group}/${version}${scope}/${plural}`;
  return {
    async list({ limit, next }, signal) {
      const query = { limit: String(limit), ...(next === null ? {} : { continue: next }) };
      const response = await get(config, { path, query, signal });
      const { items, metadata } = (await response.json()) as RawList<Kind>;
      return {
        items: items.map(withoutManagedFields),
        resourceVersion: metadata.resourceVersion,
        next: metadata.continue || null,
      };
    },
    async watch({ resourceVersion, timeoutSeconds }, signal) {
      const query = {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion,
        timeoutSeconds: String(timeoutSeconds),
      };
      const response = await get(config, { path, query, signal });
      return eventsOf<Kind>(response);
    },
  };
}

interface RawList<Kind> {
  readonly items: Kind[];
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

interface Get {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The library's own calls can be neither aborted nor read as a stream, so only its credentials are used here. */
async function get(config: PooledKubeConfig, { path, query, signal }: Get): Promise<Response> {
  const url = `${config.getCurrentCluster()?.server}${path}?${new URLSearchParams(query)}`;
  const context = new RequestContext(url, HttpMethod.GET);
  await config.applySecurityAuthentication(context);
  const dispatcher = context.getDispatcher();
  const headers = { ...context.getHeaders(), accept: 'application/json' };
  const response = await fetch(url, { headers, signal, ...(dispatcher ? { dispatcher } : {}) });
  if (response.ok) return response;
  throw new HttpFailure(response.status, await response.text(), Object.fromEntries(response.headers));
}

async function* eventsOf<Kind extends KubernetesObject>(response: Response): AsyncGenerator<WatchEvent<Kind>> {
  if (response.body === null) return;
  for await (const line of linesOf(response.body)) {
    const event = JSON.parse(line) as WatchEvent<Kind>;
    const { type } = event;
    yield type === 'BOOKMARK' || type === 'ERROR' ? event : { type, object: withoutManagedFields(event.object) };
  }
}

/** Half of an object's size, and nothing that we look at. */
function withoutManagedFields<Kind extends KubernetesObject>(object: Kind): Kind {
  const { managedFields: _unused, ...metadata } = object.metadata as Kind['metadata'] & { managedFields?: unknown };
  return { ...object, metadata };
}
