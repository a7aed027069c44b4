import { status } from '@grpc/grpc-js';
import { changesIn } from './changes.ts';
import { crc32c } from './crc32c.ts';
import { parseFilter } from './filter.ts';
import { locationOf, malformed, partsOfSecret, partsOfVersion } from './names.ts';
import { pageOf } from './paging.ts';
import { PERMISSIONS } from './permissions.ts';
import {
  type Project,
  type Secret,
  secretName,
  type Version,
  versionName,
  wireSecret,
  wireVersion,
} from './resources.ts';
import {
  checkAliases,
  checkAnnotations,
  checkDestroyTtl,
  checkExpiry,
  checkLabels,
  checkPayload,
  checkRegionalKey,
  checkReplication,
  checkSecretId,
  checkSupported,
  checkTopics,
} from './rules.ts';
import type { Settling } from './settling.ts';
import { failedPrecondition, invalidArgument, notFound, StatusError } from './status.ts';
import type {
  AddSecretVersionRequest,
  CreateSecretRequest,
  ListRequest,
  NamedRequest,
  UpdateSecretRequest,
  VersionState,
  WireSecret,
  WireVersion,
} from './wire.ts';

export interface Store {
  createSecret(request: CreateSecretRequest): WireSecret;
  getSecret(request: NamedRequest): WireSecret;
  updateSecret(request: UpdateSecretRequest): WireSecret;
  deleteSecret(request: NamedRequest): object;
  listSecrets(request: ListRequest): { secrets: WireSecret[]; nextPageToken: string; totalSize: number };
  addSecretVersion(request: AddSecretVersionRequest): WireVersion;
  getSecretVersion(request: NamedRequest): WireVersion;
  listSecretVersions(request: ListRequest): { versions: WireVersion[]; nextPageToken: string; totalSize: number };
  accessSecretVersion(request: NamedRequest): { name: string; payload: { data: Buffer; dataCrc32c: string } };
  enableSecretVersion(request: NamedRequest): WireVersion;
  disableSecretVersion(request: NamedRequest): WireVersion;
  destroySecretVersion(request: NamedRequest): WireVersion;
  /** Everything in it, newest first; for the admin port. */
  contents(): Secret[];
}

export function createStore(options: {
  readonly projects: readonly Project[];
  readonly settling: Settling;
  readonly now: () => Date;
}): Store {
  const { projects, settling, now } = options;
  const secrets: Secret[] = [];
  let lastEtag = 0;

  // The quotes belong to the etag: https://cloud.google.com/secret-manager/docs/etags (after AIP-154).
  function nextEtag(): string {
    lastEtag += 1;
    return `"${lastEtag.toString(16).padStart(14, '0')}"`;
  }

  // Whether a project is unknown or only out of reach the real service does not tell: both are "denied (or it may not exist)".
  function projectOf(name: string, permission: string): Project {
    const reference = name.split('/')[1] ?? '';
    const project = projects.find((known) => known.id === reference || known.number === reference);
    if (!project)
      throw new StatusError(
        status.PERMISSION_DENIED,
        `Permission '${permission}' denied for resource '${name}' (or it may not exist).`,
      );
    return project;
  }

  function secretOf(name: string, permission: string): Secret {
    const { parent, id } = partsOfSecret(name);
    const project = projectOf(name, permission);
    const location = locationOf(parent);
    const found = find(project, location, id);
    if (!found) throw notFound(`Secret [${secretName({ project, location, id })}] not found.`);
    return found;
  }

  // docs/secret-expiration: an expired secret is deleted for good. docs/delay-destruction-of-secret-versions: a version
  // whose time has come is destroyed. Both are done when somebody looks.
  function find(project: Project, location: string | null, id: string): Secret | undefined {
    const index = secrets.findIndex(
      (secret) => secret.project === project && secret.location === location && secret.id === id,
    );
    const found = secrets[index];
    if (found?.expireTime && found.expireTime <= now()) {
      secrets.splice(index, 1);
      return undefined;
    }
    for (const version of found?.versions ?? []) {
      if (version.scheduledDestroyTime && version.scheduledDestroyTime <= now()) destroy(version);
    }
    return found;
  }

  function isThere({ project, location, id }: Secret): boolean {
    return find(project, location, id) !== undefined;
  }

  function destroy(version: Version): void {
    version.state = 'DESTROYED';
    version.data = null;
    version.destroyTime = now();
    version.scheduledDestroyTime = null;
  }

  // service.proto: the alias `latest` is the most recently created version, whatever its state, and only Get and Access take it.
  function versionOf(
    name: string,
    options: { permission: string; latestAllowed: boolean },
  ): { secret: Secret; version: Version } {
    const { latestAllowed, permission } = options;
    const parts = partsOfVersion(name);
    if (!latestAllowed && !/^[1-9][0-9]*$/.test(parts.version)) throw malformed(name);
    const secret = secretOf(parts.secret, permission);
    const isLatest = parts.version === 'latest' && latestAllowed;
    const wanted = (latestAllowed ? secret.versionAliases[parts.version] : undefined) ?? parts.version;
    const versions = isLatest ? (settling.seen(secret)?.versions ?? []) : secret.versions;
    if (versions.length === 0) throw notFound(`Secret [${secretName(secret)}] not found or has no versions.`);
    const version = isLatest ? versions.at(-1) : versions.find(({ number }) => String(number) === wanted);
    if (!version) throw notFound(`Secret Version [${secretName(secret)}/versions/${wanted}] not found.`);
    return { secret, version };
  }

  function changeState(request: NamedRequest, change: { permission: string; state: VersionState }): WireVersion {
    const { secret, version } = versionOf(request.name, { permission: change.permission, latestAllowed: false });
    checkEtag(request.etag, version.etag);
    // resources.proto: a version may not leave DESTROYED. Destroying it twice: refused too, which is not documented.
    if (version.state === 'DESTROYED') throw notInState(secret, version);
    settling.before(secret, secret);
    version.etag = nextEtag();
    const { versionDestroyTtl } = secret;
    if (change.state !== 'DESTROYED') {
      // docs/delay-destruction-of-secret-versions: enabling or disabling takes back a destruction that is to come.
      version.state = change.state;
      version.scheduledDestroyTime = null;
    } else if (versionDestroyTtl) {
      version.state = 'DISABLED';
      version.scheduledDestroyTime ??= new Date(now().getTime() + Number(versionDestroyTtl.seconds) * 1000);
    } else destroy(version);
    return wireVersion(secret, version);
  }

  return {
    createSecret({ parent, secretId, secret }) {
      const location = locationOf(parent);
      checkSecretId(secretId);
      if (!secret) throw invalidArgument('Field [secret] is required.');
      checkSupported(secret);
      checkLabels(secret.labels);
      checkAnnotations(secret.annotations);
      checkAliases(secret.versionAliases ?? {}, []);
      const project = projectOf(parent, PERMISSIONS.createSecret);
      const created: Secret = {
        project,
        location,
        id: secretId,
        replication: checkReplication(secret.replication, location),
        kmsKeyName: checkRegionalKey(secret, location),
        createTime: now(),
        labels: secret.labels,
        annotations: secret.annotations,
        topics: checkTopics(secret.topics),
        expireTime: checkExpiry(secret, now()),
        versionDestroyTtl: checkDestroyTtl(secret),
        versionAliases: {},
        etag: nextEtag(),
        versions: [],
      };
      if (find(project, location, secretId))
        throw new StatusError(status.ALREADY_EXISTS, `Secret [${secretName(created)}] already exists.`);
      settling.before(created, null);
      secrets.unshift(created);
      return wireSecret(created);
    },

    getSecret: ({ name }) => wireSecret(secretOf(name, PERMISSIONS.getSecret)),

    updateSecret({ secret: changes, updateMask }) {
      if (!changes) throw invalidArgument('Field [secret] is required.');
      const paths = updateMask?.paths ?? [];
      if (paths.length === 0) throw invalidArgument('Field [update_mask] is required.');
      const secret = secretOf(changes.name, PERMISSIONS.updateSecret);
      checkEtag(changes.etag, secret.etag);
      const changed = changesIn({ secret, changes, paths, now: now() });
      settling.before(secret, secret);
      Object.assign(secret, changed);
      secret.etag = nextEtag();
      return wireSecret(secret);
    },

    deleteSecret({ name, etag }) {
      const secret = secretOf(name, PERMISSIONS.deleteSecret);
      checkEtag(etag, secret.etag);
      settling.before(secret, secret);
      secrets.splice(secrets.indexOf(secret), 1);
      return {};
    },

    // service.proto: newest first; total_size is 0 when a filter is set.
    listSecrets({ parent, pageSize, pageToken, filter }) {
      const location = locationOf(parent);
      const matches = parseFilter(filter);
      const project = projectOf(parent, PERMISSIONS.listSecrets);
      const there = secrets.filter(isThere);
      const all = [...settling.stillSeen(isThere), ...there.flatMap((secret) => settling.seen(secret) ?? [])]
        .filter((secret) => secret.project === project && secret.location === location)
        .map(wireSecret)
        .filter(matches);
      const page = pageOf(all, { pageSize, pageToken });
      return { secrets: page.items, nextPageToken: page.nextPageToken, totalSize: filter === '' ? all.length : 0 };
    },

    // docs/etags: adding a version leaves the etag of its secret as it is.
    addSecretVersion({ parent, payload }) {
      const data = checkPayload(payload);
      const secret = secretOf(parent, PERMISSIONS.addSecretVersion);
      const number = (secret.versions.at(-1)?.number ?? 0) + 1;
      const checksumGiven = payload?.dataCrc32c !== undefined;
      const version: Version = {
        number,
        createTime: now(),
        destroyTime: null,
        scheduledDestroyTime: null,
        state: 'ENABLED',
        etag: nextEtag(),
        data,
        checksumGiven,
      };
      settling.before(secret, secret);
      secret.versions.push(version);
      return wireVersion(secret, version);
    },

    getSecretVersion({ name }) {
      const { secret, version } = versionOf(name, { permission: PERMISSIONS.getSecretVersion, latestAllowed: true });
      return wireVersion(secret, version);
    },

    listSecretVersions({ parent, pageSize, pageToken, filter }) {
      if (filter !== '') throw invalidArgument('This stand-in does not filter versions.');
      const secret = secretOf(parent, PERMISSIONS.listSecretVersions);
      const versions = settling.seen(secret)?.versions ?? [];
      const all = versions.map((version) => wireVersion(secret, version)).reverse();
      const page = pageOf(all, { pageSize, pageToken });
      return { versions: page.items, nextPageToken: page.nextPageToken, totalSize: all.length };
    },

    accessSecretVersion({ name }) {
      const { secret, version } = versionOf(name, { permission: PERMISSIONS.accessSecretVersion, latestAllowed: true });
      if (version.state !== 'ENABLED' || !version.data) throw notInState(secret, version);
      const payload = { data: version.data, dataCrc32c: String(crc32c(version.data)) };
      return { name: versionName(secret, version), payload };
    },

    enableSecretVersion: (request) =>
      changeState(request, { permission: PERMISSIONS.enableSecretVersion, state: 'ENABLED' }),
    disableSecretVersion: (request) =>
      changeState(request, { permission: PERMISSIONS.disableSecretVersion, state: 'DISABLED' }),
    destroySecretVersion: (request) =>
      changeState(request, { permission: PERMISSIONS.destroySecretVersion, state: 'DESTROYED' }),

    contents: () => [...secrets],
  };
}

// docs/etags: a request without an etag goes ahead; one with another etag than the stored one is FAILED_PRECONDITION.
function checkEtag(given: string | undefined, current: string): void {
  if (given && given !== current)
    throw failedPrecondition('The provided etag does not match the current etag of the resource.');
}

// The sentence of the real service: https://github.com/google-github-actions/get-secretmanager-secrets/issues/268
function notInState(secret: Secret, version: Version): StatusError {
  return failedPrecondition(`Secret Version [${versionName(secret, version)}] is in ${version.state} state.`);
}
