import type { Destination } from '../../crd/vault-secret-sync.ts';
import { fixSpec } from '../../errors.ts';
import type { TargetKind } from '../contract.ts';
import type { GcpSettings } from './settings.ts';
import { openTarget } from './target.ts';

export type { GcpSettings };

/** Copies in GCP Secret Manager: one target for each project, over one connection. */
export const gcp: TargetKind<GcpSettings> = {
  keyOf: (destination) => `gcp:${projectIn(destination) ?? ''}`,

  open(destination, context) {
    const project = projectIn(destination) ?? context.settings.project;
    if (project) return openTarget(project, context);
    throw fixSpec(
      'ProjectMissing',
      'no GCP project is named: set gcp.project in the destination, or stores.gcp.project in the settings',
    );
  },
};

function projectIn(destination: Destination): string | undefined {
  return destination.gcp?.project;
}
