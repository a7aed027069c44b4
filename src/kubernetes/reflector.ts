import type { Logger } from '../logging.ts';
import type { KubernetesObject, ReflectOptions, Reflector } from './contract.ts';
import { type FollowTimes, follow } from './follow.ts';
import { toKubernetesError } from './kubernetes-error.ts';
import type { ObjectSource } from './object-source.ts';
import { type Change, ObjectStore } from './object-store.ts';

export interface ReflectorWorld<Kind extends KubernetesObject> {
  /** Objects of one namespace, or of all (null). */
  readonly sourceOf: (namespace: string | null) => ObjectSource<Kind>;
  readonly logger: Logger;
  readonly times: FollowTimes;
  readonly random: () => number;
  readonly now: () => number;
}

/** Follows a resource in each of the namespaces asked for. */
export function startReflector<Kind extends KubernetesObject>(
  options: ReflectOptions<Kind>,
  world: ReflectorWorld<Kind>,
): Reflector<Kind> {
  const { resource, namespaces = [] } = options;
  const stopping = new AbortController();
  const synced = Promise.withResolvers<boolean>();
  const scopes = [...new Set<string | null>(namespaces.length === 0 ? [null] : namespaces)];
  const stores = new Map(scopes.map((scope) => [scope, new ObjectStore<Kind>()]));
  const unlisted = new Set(scopes);
  const problems = new Map<string | null, string>();

  const call = (handler: () => void) => {
    if (stopping.signal.aborted) return;
    try {
      handler();
    } catch (error) {
      world.logger.error({ err: error, resource: resource.plural }, 'a handler of a reflector failed');
    }
  };
  const tell = (changes: readonly Change<Kind>[]) => {
    for (const { change, object } of changes) {
      call(() => (change === 'changed' ? options.onChange(object) : options.onDelete(object)));
    }
  };
  const listed = (scope: string | null) => {
    if (!unlisted.delete(scope) || unlisted.size > 0) return;
    call(() => options.onSynced?.());
    synced.resolve(true);
  };
  const report = (scope: string | null, problem: { verb: 'list' | 'watch'; error: unknown } | null) => {
    const before = problems.get(scope);
    if (problem === null) {
      problems.delete(scope);
      if (before !== undefined) world.logger.info({ resource: resource.plural, namespace: scope }, 'following again');
      return;
    }
    const attempt = { verb: problem.verb, group: resource.group, resource: resource.plural };
    const error = toKubernetesError(problem.error, { ...attempt, namespace: scope ?? undefined });
    problems.set(scope, error.message);
    if (error.message !== before) world.logger.warn({ err: error }, 'cannot follow Kubernetes; trying again');
  };

  const following = scopes.map((scope) =>
    follow<Kind>({
      source: world.sourceOf(scope),
      store: stores.get(scope) ?? new ObjectStore<Kind>(),
      onChanges: tell,
      onListed: () => listed(scope),
      onProblem: (problem) => report(scope, problem),
      times: world.times,
      random: world.random,
      now: world.now,
      stop: stopping.signal,
    }),
  );

  return {
    synced: synced.promise,
    store: {
      get: (namespace, name) => (stores.get(namespace) ?? stores.get(null))?.get(namespace, name),
      list: () => [...stores.values()].flatMap((store) => store.list()),
    },
    problem: () => problems.values().next().value ?? null,
    async stop() {
      stopping.abort();
      synced.resolve(false);
      await Promise.all(following);
    },
  };
}
