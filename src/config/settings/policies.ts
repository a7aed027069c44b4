import { type Static, Type } from '../../schema.ts';
import { strict } from './fields.ts';

const Globs = (description: string, byDefault?: string[]) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 2048 }), {
    ...(byDefault ? { default: byDefault } : { minItems: 1 }),
    description,
  });

/** What syncs of some namespaces may read and write. */
export const Policy = Type.Object(
  {
    namespaces: Globs('Kubernetes namespaces whose syncs this allows, e.g. `team-a`, `team-*`.'),
    vaults: Globs('Names of Vaults they may read.', ['*']),
    paths: Globs(
      'Paths they may read, as `[<Vault namespace>/]<mount>/<name>`; `*` is anything within a segment, `**` anything, `$namespace` the Kubernetes namespace of the sync.',
    ),
    destinations: Globs(
      'Copies they may write, as `<store>:<place>/<name>`, e.g. `aws:eu-west-1:*/team-a/**` (the account of `roleArn` follows the region; for the keys of a Secret `<namespace>.<Secret>`), `azure:team-a.vault.azure.net/*`, `gcp:my-project/*`.',
    ),
    roles: Globs(
      'AWS roles that `roleArn` may name for the operator to assume; with `auth` it is not the operator who does.',
      [],
    ),
  },
  strict,
);
export type Policy = Static<typeof Policy>;
