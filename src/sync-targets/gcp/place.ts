import type { GcpDestination } from '../../crd/destinations/gcp.ts';
import type { Destination } from '../../crd/vault-secret-sync.ts';
import type { GcpSettings } from './settings.ts';

/** Where copies are: the global secrets of a project, or its regional ones in one location. */
export interface Place {
  /** Id or number. */
  readonly project: string;
  /** Null = global. */
  readonly location: string | null;
}

/** What a destination says of GCP; `{}` where it says nothing. */
export function fieldsOf(destination: Destination): GcpDestination {
  return destination.gcp ?? {};
}

/** `gcp:<project>` or `gcp:<project>@<location>`; a project id may hold a `:`, and never an `@`. */
export function scopeOf({ project, location }: Place): string {
  return location === null ? `gcp:${project}` : `gcp:${project}@${location}`;
}

/** The place behind a scope; null = it is none of GCP. */
export function placeAt(scope: string): Place | null {
  const [, project, location = null] = /^gcp:([^/@]+)(?:@([a-z0-9-]+))?$/.exec(scope) ?? [];
  return project === undefined ? null : { project, location };
}

/** Whose tokens go with the calls of a place, as a manifest says; undefined = the operator's own. */
export type GivenAuth = NonNullable<GcpDestination['auth']>;

/** What the names of secrets in a place begin with. */
export function parentOf({ project, location }: Place): string {
  return location === null ? `projects/${project}` : `projects/${project}/locations/${location}`;
}

/** The id of a project, where the settings tell it for a number. */
export function canonicalProject(project: string, { projectNumbers = [] }: GcpSettings): string {
  const known = projectNumbers.find((pair) => pair.endsWith(`=${project}`));
  return known?.slice(0, known.indexOf('=')) ?? project;
}

/** `host:port` for a place; null = Google's own global one. Secrets of a location are reached through their own only. */
export function endpointOf({ location }: Place, settings: GcpSettings): string | null {
  const { endpoint, regionalEndpoint, insecure } = settings;
  if (location === null) return endpoint ?? null;
  // What is no Google (a stand-in) serves all places at one port.
  const template =
    regionalEndpoint ?? (insecure ? endpoint : undefined) ?? 'secretmanager.{location}.rep.googleapis.com';
  return template.replaceAll('{location}', location);
}

/** Whether two places may be one: a project has an id and a number, and only a call or a setting tells which go together. */
export function mayBeSame(one: Place, other: Place): boolean {
  const isNumber = ({ project }: Place) => /^[0-9]+$/.test(project);
  return one.location === other.location && (one.project === other.project || isNumber(one) !== isNumber(other));
}
