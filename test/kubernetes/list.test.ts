import { describe, expect, test } from '@jest/globals';
import type { KubernetesObject } from '../../src/kubernetes/contract.ts';
import { HttpFailure } from '../../src/kubernetes/failure.ts';
import { listAll } from '../../src/kubernetes/list.ts';
import type { ObjectSource } from '../../src/kubernetes/object-source.ts';
import { widgets } from './widgets.ts';

/** A source of pages; each is the names of its objects. */
function pagesOf(
  pages: readonly (readonly string[])[],
  namespace: string | null,
): Pick<ObjectSource<KubernetesObject>, 'list'> {
  return {
    async list({ next }) {
      const index = Number(next ?? 0);
      const items = (pages[index] ?? []).map((name) => ({
        metadata: { namespace: namespace ?? 'any', name, uid: name, resourceVersion: '1', creationTimestamp: '' },
      }));
      return { items, resourceVersion: '1', next: index + 1 < pages.length ? String(index + 1) : null };
    },
  };
}

function namesOf(objects: readonly KubernetesObject[]): string[] {
  return objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

describe('a list', () => {
  test('has every object of every page', async () => {
    const sourceOf = (namespace: string | null) => pagesOf([['a', 'b'], ['c'], ['d']], namespace) as never;

    const listed = await listAll<KubernetesObject>({ resource: widgets }, sourceOf);

    expect(namesOf(listed)).toEqual(['any/a', 'any/b', 'any/c', 'any/d']);
  });

  test('has the objects of the namespaces that are named, and of no other', async () => {
    const sourceOf = (namespace: string | null) => pagesOf([['a']], namespace) as never;

    const listed = await listAll<KubernetesObject>({ resource: widgets, namespaces: ['one', 'two'] }, sourceOf);

    expect(namesOf(listed)).toEqual(['one/a', 'two/a']);
  });

  test('that is not allowed says what to add', async () => {
    const forbidden = JSON.stringify({ reason: 'Forbidden', message: 'User "x" cannot list resource "widgets"' });
    const list = () => Promise.reject(new HttpFailure(403, forbidden, {}));

    const listed = listAll({ resource: widgets, namespaces: ['one'] }, () => ({ list }) as never);

    await expect(listed).rejects.toMatchObject({
      reason: 'Forbidden',
      message: expect.stringContaining(
        'add to a Role in namespace one (or a ClusterRole) {apiGroups: ["test.example.com"]',
      ),
    });
  });
});
