import type { KubernetesObject } from './contract.ts';

/** What became of one object, in the order in which it must be told. */
export interface Change<Kind> {
  readonly change: 'changed' | 'deleted';
  readonly object: Kind;
}

/** The objects known of one scope (a namespace or all), and what each piece of news changes about them. */
export class ObjectStore<Kind extends KubernetesObject> {
  readonly #objects = new Map<string, Kind>();

  get(namespace: string, name: string): Kind | undefined {
    return this.#objects.get(keyOf({ namespace, name }));
  }

  list(): Kind[] {
    return [...this.#objects.values()];
  }

  /** An object was seen. One with another uid under the same name is another object: the one known before is gone. */
  put(object: Kind): Change<Kind>[] {
    const key = keyOf(object.metadata);
    const known = this.#objects.get(key);
    if (known && isSame(known, object)) return [];
    this.#objects.set(key, object);
    const gone =
      known && known.metadata.uid !== object.metadata.uid ? [{ change: 'deleted' as const, object: known }] : [];
    return [...gone, { change: 'changed', object }];
  }

  /** An object was deleted. News of an earlier life of what is known now changes nothing. */
  remove(object: Kind): Change<Kind>[] {
    const key = keyOf(object.metadata);
    if (this.#objects.get(key)?.metadata.uid !== object.metadata.uid) return [];
    this.#objects.delete(key);
    return [{ change: 'deleted', object }];
  }

  /** These are all there are: what is known and not among them was deleted while nobody watched. */
  replace(objects: readonly Kind[]): Change<Kind>[] {
    const present = new Set(objects.map(({ metadata }) => keyOf(metadata)));
    const gone = this.list().filter(({ metadata }) => !present.has(keyOf(metadata)));
    return [...gone.flatMap((object) => this.remove(object)), ...objects.flatMap((object) => this.put(object))];
  }
}

function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

function isSame(left: KubernetesObject, right: KubernetesObject): boolean {
  return left.metadata.uid === right.metadata.uid && left.metadata.resourceVersion === right.metadata.resourceVersion;
}
