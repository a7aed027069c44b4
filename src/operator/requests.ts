import {
  ancestorAnnotations,
  releaseDeletionsAnnotation,
  requestedAtAnnotation,
  type VaultSecretSync,
} from '../crd/vault-secret-sync.ts';
import type { Manifests } from './manifests/contract.ts';

/** The word of a request that its answer in the status repeats; '' = nobody asks. Pure. */
export function requestOf({ annotations }: Pick<VaultSecretSync, 'annotations'>): string {
  return annotations[requestedAtAnnotation] || annotations[ancestorAnnotations.forceSync] || '';
}

/** All about a sync that a reconcile follows, as texts; '' = not said. */
export interface Wishes {
  readonly manifest: string;
  readonly requestedAt: string;
  readonly forceSync: string;
  readonly release: string;
}

export function wishesOf({ generation, createdAt, deleting, annotations }: VaultSecretSync): Wishes {
  return {
    manifest: JSON.stringify([generation, createdAt, deleting]),
    requestedAt: annotations[requestedAtAnnotation] ?? '',
    forceSync: annotations[ancestorAnnotations.forceSync] ?? '',
    release: annotations[releaseDeletionsAnnotation] ?? '',
  };
}

/** Whether a sync that has changed asks for a reconcile. An annotation that was taken away asks for nothing. Pure. */
export function asksAnew(before: Wishes | null, now: Wishes): boolean {
  if (before === null || before.manifest !== now.manifest) return true;
  const annotations = ['requestedAt', 'forceSync', 'release'] as const;
  return annotations.some((word) => now[word] !== '' && now[word] !== before[word]);
}

/** Takes the ancestor's annotations away once they were followed, so that the same words can ask again. */
export async function answerRequest(manifests: Manifests, sync: VaultSecretSync): Promise<void> {
  const { forceSync, operation } = ancestorAnnotations;
  if (!sync.annotations[forceSync]) return;
  if (sync.annotations[operation] === 'delete') {
    manifests.announce(sync, {
      type: 'Warning',
      reason: 'OperationRefused',
      message: 'op: delete was not followed: delete the resource with removalPolicy: Delete to delete its copies',
    });
  }
  await manifests.removeAnnotations(sync, [forceSync, operation]);
}
