import type { Destination } from '../../crd/vault-secret-sync.ts';
import { fixSpec } from '../../errors.ts';
import type { TargetKind } from '../contract.ts';
import { canonicalProject, fieldsOf, type GivenAuth, placeAt } from './place.ts';
import { quotaSeconds } from './rates.ts';
import type { GcpSettings } from './settings.ts';
import { openTarget } from './target.ts';

export type { GcpSettings };

/** Copies in GCP Secret Manager: one target, over one connection, for each project and each location in it. */
export const gcp: TargetKind<GcpSettings> = {
  quotaSeconds,

  keyOf(destination) {
    const { project = '', location, auth } = fieldsOf(destination);
    const place = location === undefined ? `gcp:${project}` : `gcp:${project}@${location}`;
    return auth === undefined ? place : `${place} ${keyOfAuth(auth)}`;
  },

  open(destination, context) {
    const { location = null, ...fields } = fieldsOf(destination);
    const project = fields.project ?? context.settings.project;
    if (project)
      return openTarget({ project: canonicalProject(project, context.settings), location }, context, fields.auth);
    throw fixSpec(
      'ProjectMissing',
      'no GCP project is named: set gcp.project in the destination, or stores.gcp.project in the settings',
    );
  },

  destinationAt({ scope, auth }): Destination | null {
    const place = placeAt(scope);
    if (!place) return null;
    const { project, location } = place;
    // What was kept is what a manifest said once: it has passed the schema.
    const kept = auth === undefined ? {} : { auth: auth as GivenAuth };
    return { gcp: { project, ...(location === null ? {} : { location }), ...kept } };
  },
};

/** Two that say the same have one key, in whatever order they say it. The namespace is for the caller to add. */
function keyOfAuth({ serviceAccountRef, secretRef, workloadIdentityProvider, impersonate }: GivenAuth): string {
  return JSON.stringify([serviceAccountRef?.name, secretRef?.name, workloadIdentityProvider, impersonate]);
}
