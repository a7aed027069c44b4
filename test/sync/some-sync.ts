import { type Destination, Spec, type VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { createCheck } from '../../src/schema.ts';

interface Wishes extends Partial<Omit<Spec, 'source' | 'dest'>> {
  /** Default `secret/app/db`, unless `source` has paths. */
  readonly path?: string;
  readonly source?: Partial<Spec['source']>;
  readonly dest?: readonly Destination[];
}

const checkSpec = createCheck(Spec);

export const awsOnly: readonly Destination[] = [{ aws: {} }];
export const everywhere: readonly Destination[] = [{ aws: {} }, { azure: { vaultName: 'team-a' } }, { gcp: {} }];

/** A sync as a manifest would make it, defaults filled in. */
export function someSync(wishes: Wishes = {}, object: Partial<Omit<VaultSecretSync, 'spec'>> = {}): VaultSecretSync {
  const { path = 'secret/app/db', source, dest = awsOnly, ...policies } = wishes;
  const checked = checkSpec({ source: source?.paths ? source : { path, ...source }, dest, ...policies });
  if (!('value' in checked)) throw new Error(checked.problems[0].message);
  return {
    namespace: 'team-a',
    name: 'db',
    generation: 1,
    annotations: {},
    createdAt: 0,
    deleting: false,
    status: null,
    ...object,
    spec: checked.value,
  };
}
