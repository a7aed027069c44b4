import { randomBytes } from 'node:crypto';
import { checkName, type GivenSecret } from './rules.ts';
import { badParameter, conflict, forbidden, secretNotFound } from './service-error.ts';

/** How a vault behaves; durations in milliseconds. */
export interface KeyVaultOptions {
  /** How long a deletion takes: the name answers `ObjectIsBeingDeleted`. */
  readonly deletingMs: number;
  /** How long a recovery takes: the secret cannot be seen yet. */
  readonly recoveringMs: number;
  /** How long, once it can be seen again, a recovered secret still refuses `SetSecret` (azure-sdk-for-net#31581). */
  readonly settlingMs: number;
  /** Azure: 7–90 days. */
  readonly recoverableDays: number;
  readonly purgeProtection: boolean;
  /** Unix time in milliseconds. */
  now(): number;
}

/** One version of a secret; times in seconds, as on the wire. */
export interface Version {
  readonly id: string;
  readonly value: string;
  contentType: string | undefined;
  tags: Record<string, string> | undefined;
  enabled: boolean;
  nbf: number | undefined;
  exp: number | undefined;
  readonly created: number;
  updated: number;
}

/** A name with its versions, the current one last; times in milliseconds. */
export interface Secret {
  /** In the letter case of its first writing. */
  readonly name: string;
  readonly managed: boolean;
  readonly versions: Version[];
  deletedAt: number | undefined;
  recoveredAt: number | undefined;
}

type Phase = 'live' | 'deleting' | 'deleted' | 'recovering' | 'settling';

/**
 * One vault's secrets, as the service keeps them. A name goes live → deleting → deleted (recoverable) → recovering →
 * settling → live; what is allowed depends on where it stands. Time is read, never waited for.
 */
export class KeyVault {
  readonly #options: KeyVaultOptions;
  readonly #secrets = new Map<string, Secret>();

  constructor(options: KeyVaultOptions) {
    this.#options = options;
  }

  get recoverableDays(): number {
    return this.#options.recoverableDays;
  }

  get recoveryLevel(): string {
    const custom = this.#options.recoverableDays < 90 ? 'Customized' : '';
    return `${custom}Recoverable${this.#options.purgeProtection ? '' : '+Purgeable'}`;
  }

  phaseOf(secret: Secret): Phase {
    const { deletingMs, recoveringMs, settlingMs } = this.#options;
    const now = this.#options.now();
    if (secret.deletedAt !== undefined) return now < secret.deletedAt + deletingMs ? 'deleting' : 'deleted';
    if (secret.recoveredAt === undefined) return 'live';
    if (now < secret.recoveredAt + recoveringMs) return 'recovering';
    return now < secret.recoveredAt + recoveringMs + settlingMs ? 'settling' : 'live';
  }

  /** Makes a new version, with just the attributes and tags given: nothing is taken over from the one before. */
  set(name: string, given: GivenSecret): Secret {
    checkName(name);
    if (given.value === undefined) throw badParameter('The parameter value is required.');
    const existing = this.#find(name);
    if (existing) {
      this.#refuseUnlessWritable(existing);
      if (existing.managed) throw managedSecret('set');
    }
    return this.#append(existing ?? this.#create(name, false), given);
  }

  /** The secret a certificate keeps its private key in. */
  setManaged(name: string, value: string): Secret {
    checkName(name);
    const secret = this.#find(name) ?? this.#create(name, true);
    return this.#append(secret, { value, contentType: 'application/x-pkcs12' });
  }

  /**
   * Changes metadata of a version, by default the current one; no new version. What is not given stays, and so does a
   * time that is given as null (azure-sdk-for-net#5267): only a new version gets rid of it. Tags are replaced as a whole.
   */
  update(name: string, versionId: string, given: GivenSecret): { secret: Secret; version: Version } {
    const { secret, version } = this.#visibleVersion(name, versionId);
    if (given.contentType !== undefined) version.contentType = given.contentType;
    if (given.tags !== undefined) version.tags = given.tags;
    version.enabled = given.attributes?.enabled ?? version.enabled;
    version.nbf = given.attributes?.nbf ?? version.nbf;
    version.exp = given.attributes?.exp ?? version.exp;
    version.updated = this.#seconds();
    return { secret, version };
  }

  get(name: string, versionId: string): { secret: Secret; version: Version } {
    const found = this.#visibleVersion(name, versionId);
    if (!found.version.enabled) throw forbidden('SecretDisabled', 'Operation get is not allowed on a disabled secret.');
    return found;
  }

  delete(name: string): Secret {
    const secret = this.#visible(name);
    if (secret.managed) throw managedSecret('delete');
    secret.deletedAt = this.#options.now();
    secret.recoveredAt = undefined;
    return secret;
  }

  getDeleted(name: string): Secret {
    const secret = this.#find(name);
    if (!secret || this.phaseOf(secret) !== 'deleted') throw secretNotFound(name);
    return secret;
  }

  recover(name: string): Secret {
    const secret = this.#find(name);
    const phase = secret && this.phaseOf(secret);
    if (!secret || phase === 'live' || phase === 'settling') throw secretNotFound(name);
    if (phase === 'deleting') throw beingDeleted(secret.name);
    if (phase === 'recovering') throw beingRecovered(secret.name);
    secret.deletedAt = undefined;
    secret.recoveredAt = this.#options.now();
    return secret;
  }

  purge(name: string): void {
    const secret = this.getDeleted(name);
    if (this.#options.purgeProtection) {
      throw forbidden(
        'ForbiddenByPolicy',
        'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service will automatically purge it after the retention period has passed.\r\nVault: stand-in;location=loopback',
      );
    }
    this.#secrets.delete(secret.name.toLowerCase());
  }

  /** Secrets that can be seen, by name. */
  live(): Secret[] {
    return this.#inPhase('live', 'settling');
  }

  /** Secrets that can be recovered, by name. */
  deleted(): Secret[] {
    return this.#inPhase('deleted');
  }

  /** Versions of a secret in no useful order, as the service gives them; none for a name that cannot be seen. */
  versions(name: string): { secret: Secret; version: Version }[] {
    checkName(name);
    const secret = this.#find(name);
    if (!secret || !this.#isVisible(secret)) return [];
    return secret.versions
      .map((version) => ({ secret, version }))
      .sort((one, other) => (one.version.id < other.version.id ? -1 : 1));
  }

  /** Everything there is, whatever its phase. */
  all(): Secret[] {
    return [...this.#secrets.values()];
  }

  #find(name: string): Secret | undefined {
    return this.#secrets.get(name.toLowerCase());
  }

  #create(name: string, managed: boolean): Secret {
    const secret: Secret = { name, managed, versions: [], deletedAt: undefined, recoveredAt: undefined };
    this.#secrets.set(name.toLowerCase(), secret);
    return secret;
  }

  #append(secret: Secret, given: GivenSecret): Secret {
    const seconds = this.#seconds();
    secret.versions.push({
      id: randomBytes(16).toString('hex'),
      value: given.value ?? '',
      contentType: given.contentType,
      tags: given.tags,
      enabled: given.attributes?.enabled ?? true,
      nbf: given.attributes?.nbf,
      exp: given.attributes?.exp,
      created: seconds,
      updated: seconds,
    });
    return secret;
  }

  #inPhase(...phases: Phase[]): Secret[] {
    return this.all()
      .filter((secret) => phases.includes(this.phaseOf(secret)))
      .sort((one, other) => (one.name.toLowerCase() < other.name.toLowerCase() ? -1 : 1));
  }

  #isVisible(secret: Secret): boolean {
    const phase = this.phaseOf(secret);
    return phase === 'live' || phase === 'settling';
  }

  #visible(name: string): Secret {
    checkName(name);
    const secret = this.#find(name);
    if (!secret || !this.#isVisible(secret)) throw secretNotFound(name);
    return secret;
  }

  #visibleVersion(name: string, versionId: string): { secret: Secret; version: Version } {
    const secret = this.#visible(name);
    const version =
      versionId === '' ? secret.versions.at(-1) : secret.versions.find((candidate) => candidate.id === versionId);
    if (!version) throw secretNotFound(`${name}/${versionId}`);
    return { secret, version };
  }

  #refuseUnlessWritable(secret: Secret): void {
    const phase = this.phaseOf(secret);
    switch (phase) {
      case 'live':
        return;
      case 'deleting':
        throw beingDeleted(secret.name);
      case 'deleted':
        throw conflict(
          'ObjectIsDeletedButRecoverable',
          `Secret ${secret.name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.`,
        );
      case 'recovering':
      case 'settling':
        throw beingRecovered(secret.name);
      default: {
        const never: never = phase;
        throw new Error(`unknown phase ${String(never)}`);
      }
    }
  }

  #seconds(): number {
    return Math.floor(this.#options.now() / 1000);
  }
}

function beingDeleted(name: string) {
  return conflict(
    'ObjectIsBeingDeleted',
    `Secret ${name} is currently being deleted and cannot be re-created; retry later.`,
  );
}

function beingRecovered(name: string) {
  return conflict(
    'ObjectIsBeingRecovered',
    `Secret ${name} is currently being recovered and cannot be re-created; retry later.`,
  );
}

function managedSecret(operation: string) {
  return forbidden(
    'SecretManagedByKeyVault',
    `Operation "${operation}" is not allowed on this secret, since it is associated with a certificate. Perform the operation on the corresponding certificate.`,
  );
}
