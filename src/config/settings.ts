import { type Static, StringEnum, Type } from '../schema.ts';
import { File, Port, Secret, strict } from './settings/fields.ts';
import { Policy } from './settings/policies.ts';
import { State } from './settings/state.ts';
import { Stores } from './settings/stores.ts';
import { VaultSettings } from './settings/vaults.ts';
import { Webhook } from './settings/webhook.ts';

export type { Policy } from './settings/policies.ts';
export type { VaultAuth, VaultSettings } from './settings/vaults.ts';

/** Every setting there is: the file, the `VSS_…` variables, the flags and the reference page come from here. */
export const Settings = Type.Object(
  {
    roles: Type.Array(StringEnum(['webhook', 'operator']), {
      default: ['webhook', 'operator'],
      minItems: 1,
      description: 'What this process does.',
    }),
    installation: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description:
          'Name of this installation; part of the owner mark on every copy, so never change it. Default: the uid of the namespace kube-system. Required with manifests from files.',
      }),
    ),
    fingerprintKey: Secret('Key of the fingerprints that tell whether a copy differs. Better: `fingerprintKeyFile`.'),
    fingerprintKeyFile: File('A file with the fingerprint key (at least 16 bytes).'),
    fingerprintKeySecret: Type.String({
      default: 'vault-secret-sync-fingerprint-key',
      description:
        'Kubernetes: Secret (in the operator’s namespace) that holds the key; created once if it is missing.',
    }),
    writes: StringEnum(['enabled', 'paused'], {
      default: 'enabled',
      description:
        '`paused` stops every write and deletion in every store at once. Followed in the settings file without a restart.',
    }),
    log: Type.Object(
      {
        level: StringEnum(['debug', 'info', 'warn', 'error', 'silent'], {
          default: 'info',
          description: 'The least severe lines to log. Followed in the settings file without a restart.',
        }),
      },
      { ...strict, default: {} },
    ),
    vaults: Type.Array(VaultSettings, {
      default: [],
      description: 'The Vaults (or OpenBaos) this installation reads, and whose audit entries it hears.',
    }),
    policies: Type.Array(Policy, {
      default: [],
      description: 'Which namespaces may read which paths and write where. What no policy allows is refused.',
    }),
    defaults: Type.Object(
      {
        adoptionPolicy: StringEnum(['Never', 'IfUnowned', 'Always'], {
          default: 'Never',
          description: 'For manifests that name none.',
        }),
      },
      { ...strict, default: {} },
    ),
    stores: Stores,
    manifests: Type.Object(
      {
        directory: Type.Optional(
          Type.String({ minLength: 1, description: 'Folder of manifest files, instead of Kubernetes.' }),
        ),
        kubeconfig: File('Kubeconfig file; default: the pod’s own credentials, or the usual places.'),
        namespaces: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description: 'Kubernetes namespaces to watch; empty = all.',
        }),
      },
      { ...strict, default: {} },
    ),
    state: State,
    webhook: Webhook,
    operator: Type.Object(
      {
        namespace: Type.Optional(
          Type.String({ minLength: 1, description: 'Kubernetes namespace of the operator. Also `POD_NAMESPACE`.' }),
        ),
        concurrency: Type.Integer({ minimum: 1, maximum: 1000, default: 40, description: 'Jobs that run at once.' }),
      },
      { ...strict, default: {} },
    ),
    ops: Type.Object(
      {
        host: Type.String({ default: '0.0.0.0', description: 'Address to listen on.' }),
        port: Port(9100, 'Port of `/healthz`, `/readyz` and `/metrics`; 0 = any free one.'),
      },
      { ...strict, default: {} },
    ),
    shutdownGrace: Type.Integer({
      minimum: 0,
      maximum: 600,
      default: 20,
      description: 'Seconds that work in hand gets to finish when the process is told to stop.',
    }),
  },
  strict,
);
export type Settings = Static<typeof Settings>;
