import { type CustomObjectsApi, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { type Attempt, attempting } from './attempt.ts';
import type { MetadataChange, ObjectRef, PatchOutcome } from './contract.ts';
import { failureOf } from './failure.ts';

/**
 * Replaces the status as a whole: a merge would keep what is no longer there (a failure that is over). A JSON patch can also
 * test the uid, which the API server ignores in a merge patch of a status.
 */
export function patchStatus(
  api: CustomObjectsApi,
  { ref, status, resourceVersion }: { ref: ObjectRef; status: object; resourceVersion?: string | undefined },
): Promise<PatchOutcome> {
  const { resource, namespace, name, uid } = ref;
  const body = [
    ...(uid === undefined ? [] : [{ op: 'test', path: '/metadata/uid', value: uid }]),
    // Not a test: the API server answers 409 to an older version, but 422 to a test that fails.
    ...(resourceVersion === undefined
      ? []
      : [{ op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion }]),
    { op: 'add', path: '/status', value: status },
  ];
  return outcomeOf(attemptOn(ref, 'status'), () =>
    api.patchNamespacedCustomObjectStatus({ ...resource, namespace, name, body }),
  );
}

/** Merges into `metadata`, provided the object still has `resourceVersion`. */
export function patchMetadata(
  api: CustomObjectsApi,
  { ref, change, resourceVersion }: { ref: ObjectRef; change: MetadataChange; resourceVersion: string },
): Promise<PatchOutcome> {
  const { resource, namespace, name } = ref;
  const body = { metadata: { resourceVersion, ...change } };
  return outcomeOf(attemptOn(ref), () =>
    api.patchNamespacedCustomObject(
      { ...resource, namespace, name, body },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    ),
  );
}

function attemptOn({ resource, namespace, name }: ObjectRef, subresource?: string): Attempt {
  const path = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
  return { verb: 'patch', group: resource.group, resource: path, namespace, name };
}

async function outcomeOf(attempt: Attempt, patch: () => Promise<unknown>): Promise<PatchOutcome> {
  return attempting(attempt, async () => {
    try {
      return { outcome: 'patched', resourceVersion: resourceVersionOf(await patch()) };
    } catch (error) {
      const { status, fields } = failureOf(error);
      if (status === 409) return { outcome: 'conflict' };
      if (status === 404) return { outcome: 'gone' };
      // A 422 that names no field: the test of the uid failed.
      if (status === 422 && fields.length === 0) return { outcome: 'gone' };
      throw error;
    }
  });
}

function resourceVersionOf(object: unknown): string {
  return (object as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
}
