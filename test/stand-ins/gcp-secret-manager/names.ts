import { invalidArgument, type StatusError } from './status.ts';

/** What may stand before `/secrets`: a project, and for regional secrets a location. */
const parentName = /^projects\/[^/]+(?:\/locations\/([^/]+))?$/;

const secretForm = /^(projects\/[^/]+(?:\/locations\/[^/]+)?)\/secrets\/([^/]+)$/;

const versionForm = /^(.+\/secrets\/[^/]+)\/versions\/([^/]+)$/;

/** Null = global. @throws StatusError INVALID_ARGUMENT */
export function locationOf(parent: string): string | null {
  const match = parentName.exec(parent);
  if (!match) throw malformed(parent);
  return match[1] ?? null;
}

/** @throws StatusError INVALID_ARGUMENT */
export function partsOfSecret(name: string): { parent: string; id: string } {
  const [, parent, id] = secretForm.exec(name) ?? [];
  if (!parent || !id) throw malformed(name);
  return { parent, id };
}

/** @throws StatusError INVALID_ARGUMENT */
export function partsOfVersion(name: string): { secret: string; version: string } {
  const [, secret, version] = versionForm.exec(name) ?? [];
  if (!secret || !version) throw malformed(name);
  return { secret, version };
}

export function malformed(name: string): StatusError {
  return invalidArgument(`The provided resource name [${name}] does not match any of the expected formats.`);
}
