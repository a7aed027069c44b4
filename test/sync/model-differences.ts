import { renderJson } from '../../src/sync/shape/json.ts';
import type { FakeStore, StoredCopy } from './fake-store.ts';
import type { FakeWorld } from './fake-world.ts';
import type { Manifest } from './model-manifests.ts';

interface End {
  readonly world: FakeWorld;
  readonly manifests: readonly Manifest[];
  readonly secrets: readonly string[];
  /** Copies that others put there, by place. */
  readonly foreign: ReadonlyMap<string, StoredCopy>;
  /** Whether nobody could know what must be in a place. `isWanted`: something must be there. */
  mayDiffer(place: string, of: { copy: StoredCopy | undefined; isWanted: boolean }): boolean;
}

/** In what the copies differ from what the manifests ask for and Vault says. */
export function differencesIn(end: End): string[] {
  const wanted = wantedIn(end);
  const found = new Map(
    end.world.stores.flatMap((store) => [...store.copies].map(([name, copy]) => [placeOf(store, name), copy] as const)),
  );
  return [...new Set([...wanted.keys(), ...found.keys(), ...end.foreign.keys()])].flatMap((place) => {
    const copy = found.get(place);
    const foreign = end.foreign.get(place);
    if (foreign) return copy === foreign ? [] : [`${place} was not ours, and was touched`];
    if (copy?.value === wanted.get(place) || end.mayDiffer(place, { copy, isWanted: wanted.has(place) })) return [];
    return [`${place} is ${copy?.value}, and must be ${wanted.get(place)}`];
  });
}

/** The values that must be there, by place. */
function wantedIn({ world, manifests, secrets }: End): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const { wording } of manifests) {
    for (const secret of secrets) {
      const answer = world.vault.answer(secret);
      if (!answer.found) continue;
      for (const { store, name, key } of wording.copies(secret, Object.keys(answer.data))) {
        wanted.set(placeOf(world[store], name), renderJson(key === null ? answer.data : (answer.data[key] ?? null)));
      }
    }
  }
  return wanted;
}

export function placeOf(store: FakeStore, name: string): string {
  return `${store.scope}/${name}`;
}
