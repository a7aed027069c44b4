import type { Destination } from '../../crd/vault-secret-sync.ts';
import { fixSpec } from '../../errors.ts';
import type { TargetKind } from '../contract.ts';
import { canonicalProject, fieldsOf, placeAt } from './place.ts';
import type { GcpSettings } from './settings.ts';
import { openTarget } from './target.ts';

export type { GcpSettings };

/** Copies in GCP Secret Manager: one target, over one connection, for each project and each location in it. */
export const gcp: TargetKind<GcpSettings> = {
  keyOf(destination) {
    const { project = '', location } = fieldsOf(destination);
    return location === undefined ? `gcp:${project}` : `gcp:${project}@${location}`;
  },

  open(destination, context) {
    const { location = null, ...fields } = fieldsOf(destination);
    const project = fields.project ?? context.settings.project;
    if (project) return openTarget({ project: canonicalProject(project, context.settings), location }, context);
    throw fixSpec(
      'ProjectMissing',
      'no GCP project is named: set gcp.project in the destination, or stores.gcp.project in the settings',
    );
  },

  destinationAt({ scope }): Destination | null {
    const place = placeAt(scope);
    if (!place) return null;
    const { project, location } = place;
    return { gcp: { project, ...(location === null ? {} : { location }) } };
  },
};
