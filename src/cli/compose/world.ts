import { randomBytes } from 'node:crypto';
import type { Settings } from '../../config/settings.ts';
import { InputError } from '../../errors.ts';
import type { KubernetesClient, SecretKeyRef } from '../../kubernetes/contract.ts';
import type { Logger } from '../../logging.ts';
import type { Metrics } from '../../metrics.ts';
import type { State } from '../../state/contract.ts';
import { compilePolicies } from '../../sync/policies.ts';
import type { CopyRecord, CopyResult, World } from '../../sync/ports.ts';
import { readCredential } from '../read-settings.ts';
import type { Stores } from './stores.ts';
import type { Vaults } from './vaults.ts';

const shortestKey = 16;

export interface WorldParts {
  readonly settings: Settings;
  /** What holds now, where that can change; default: as the settings say. */
  readonly writes?: World['writes'];
  readonly state: Pick<State<CopyRecord>, 'ledger' | 'leases' | 'deletions' | 'budgets'>;
  readonly stores: Stores;
  readonly vaults: Vaults;
  readonly kubernetes: KubernetesClient | null;
  /** Found already, see `findFingerprintKey`; else it is looked for, and made if there is none. */
  readonly fingerprintKey?: Uint8Array;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Puts together what syncing needs. @throws InputError for a fingerprint key that is too short */
export async function composeWorld(
  parts: WorldParts,
): Promise<Omit<World, 'recordPlaces' | 'generationOf' | 'earlierRival' | 'wake'>> {
  const { settings, state, stores, vaults, metrics, logger } = parts;
  return {
    installation: await installationOf(parts),
    fingerprintKey: parts.fingerprintKey ?? (await fingerprintKeyOf(parts)),
    ledger: state.ledger,
    leases: state.leases,
    vaults: settings.vaults,
    allows: compilePolicies(settings.policies),
    defaultAdoptionPolicy: settings.defaults.adoptionPolicy,
    writes: parts.writes ?? (() => settings.writes),
    reader: (vault) => vaults.reader(vault),
    target: (destination, namespace) => stores.target(destination, namespace),
    deletions: state.deletions,
    budgets: state.budgets,
    targetAt: (place, namespace) => stores.targetAt(place, namespace),
    onCopy(result) {
      metrics.copies.inc({ store: result.store, result: result.change });
      logCopy(logger, result);
    },
    now: Date.now,
  };
}

async function installationOf({ settings, kubernetes }: WorldParts): Promise<string> {
  if (settings.installation !== undefined) return settings.installation;
  if (kubernetes) return kubernetes.kubeSystemUid();
  throw new InputError('installation is required with manifests from files: a name of your choice that never changes');
}

async function fingerprintKeyOf({ settings, kubernetes, logger }: WorldParts): Promise<Uint8Array> {
  const given = await givenKey(settings);
  if (given) return given;
  if (!kubernetes) {
    logger.warn('no fingerprintKeyFile is set: a key is made for this run, so copies are written anew after a restart');
    return makeFingerprintKey();
  }
  const make = () => Buffer.from(randomBytes(32).toString('hex'));
  return kubernetes.getOrCreateSecret({ ...keyInCluster(settings), make });
}

/** The fingerprint key, if there is one already: nothing is made. @throws InputError, or SyncError when it cannot be read */
export async function findFingerprintKey({
  settings,
  kubernetes,
}: Pick<WorldParts, 'settings' | 'kubernetes'>): Promise<Uint8Array | null> {
  const given = await givenKey(settings);
  if (given || !kubernetes) return given;
  return kubernetes.getSecretKey(keyInCluster(settings));
}

/** A key that nothing was ever compared by. */
export function makeFingerprintKey(): Uint8Array {
  return randomBytes(32);
}

/** The key from the settings, or from the file that they name. */
async function givenKey({ fingerprintKey, fingerprintKeyFile }: Settings): Promise<Uint8Array | null> {
  const given =
    fingerprintKeyFile === undefined ? fingerprintKey : await readCredential(fingerprintKeyFile, 'fingerprintKeyFile');
  if (given === undefined) return null;
  const key = Buffer.from(given, 'utf8');
  if (key.length < shortestKey)
    throw new InputError(`the fingerprint key has ${key.length} bytes; at least ${shortestKey} are needed`);
  return key;
}

function keyInCluster(settings: Settings): SecretKeyRef {
  const { namespace } = settings.operator;
  if (namespace === undefined) {
    throw new InputError(
      'operator.namespace (or POD_NAMESPACE) is needed to keep the fingerprint key in a Secret; or set fingerprintKeyFile',
    );
  }
  return { namespace, name: settings.fingerprintKeySecret, key: 'key' };
}

function logCopy(logger: Logger, result: CopyResult): void {
  const { sync, destination, name, change, reason, message } = result;
  const quiet = change === 'unchanged' || change === 'absent';
  const bad = change === 'failed' || change === 'conflict';
  logger[bad ? 'warn' : quiet ? 'debug' : 'info'](
    {
      sync,
      copy: `${destination}/${name}`,
      ...(reason === '' ? {} : { reason }),
      ...(message === '' ? {} : { why: message }),
    },
    `copy ${change}`,
  );
}
