import { randomBytes } from 'node:crypto';
import type { Settings } from '../../config/settings.ts';
import { InputError } from '../../errors.ts';
import type { KubernetesClient } from '../../kubernetes/contract.ts';
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
  readonly state: Pick<State<CopyRecord>, 'ledger' | 'leases'>;
  readonly stores: Stores;
  readonly vaults: Vaults;
  readonly kubernetes: KubernetesClient | null;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Puts together what syncing needs. @throws InputError for a fingerprint key that is too short */
export async function composeWorld(parts: WorldParts): Promise<Omit<World, 'recordPlaces'>> {
  const { settings, state, stores, vaults, metrics, logger } = parts;
  return {
    installation: await installationOf(parts),
    fingerprintKey: await fingerprintKeyOf(parts),
    ledger: state.ledger,
    leases: state.leases,
    vaults: settings.vaults,
    allows: compilePolicies(settings.policies),
    defaultAdoptionPolicy: settings.defaults.adoptionPolicy,
    writes: () => settings.writes,
    reader: (vault) => vaults.reader(vault),
    target: (destination) => stores.target(destination),
    targetAt: (scope) => stores.targetAt(scope),
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
  const { fingerprintKey, fingerprintKeyFile } = settings;
  const given =
    fingerprintKeyFile === undefined ? fingerprintKey : await readCredential(fingerprintKeyFile, 'fingerprintKeyFile');
  if (given !== undefined) {
    const key = Buffer.from(given, 'utf8');
    if (key.length < shortestKey)
      throw new InputError(`the fingerprint key has ${key.length} bytes; at least ${shortestKey} are needed`);
    return key;
  }
  if (!kubernetes) {
    logger.warn('no fingerprintKeyFile is set: a key is made for this run, so copies are written anew after a restart');
    return randomBytes(32);
  }
  const { namespace } = settings.operator;
  if (namespace === undefined) {
    throw new InputError(
      'operator.namespace (or POD_NAMESPACE) is needed to keep the fingerprint key in a Secret; or set fingerprintKeyFile',
    );
  }
  const name = settings.fingerprintKeySecret;
  return kubernetes.getOrCreateSecret({
    namespace,
    name,
    key: 'key',
    make: () => Buffer.from(randomBytes(32).toString('hex')),
  });
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
