import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { type CommandResult, runCommand } from '../peers/processes.ts';
import { providePeer } from '../peers/provision.ts';

export const root = join(import.meta.dirname, '../..');
export const chart = join(root, 'deploy/helm');
export const release = 'vault-secret-sync';
export const releaseNamespace = 'vault-secret-sync';

export type Values = Readonly<Record<string, unknown>>;

/** A Kubernetes object as a manifest has it, as much of it as these tests look at. */
export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly object[];
  readonly automountServiceAccountToken?: boolean;
  readonly spec: {
    readonly replicas?: number;
    readonly strategy?: object;
    readonly type?: string;
    readonly ports?: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[];
    readonly policyTypes?: readonly string[];
    readonly egress?: readonly { readonly ports: readonly { readonly port: number }[] }[];
    readonly selector?: Readonly<Record<string, string>>;
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations: Readonly<Record<string, string>>;
      };
      readonly spec: PodSpec;
    };
  };
}

export interface PodSpec {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [Container];
  readonly volumes: readonly Volume[];
}

export interface Container {
  readonly args: readonly string[];
  readonly image: string;
  readonly env?: readonly Variable[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
    readonly fieldRef?: { readonly fieldPath: string };
  };
}

interface Volume {
  readonly name: string;
  readonly secret?: { readonly secretName: string };
  readonly configMap?: { readonly name: string };
}

/** What somebody writes who installs the chart for the first time. */
export const fewestValues = {
  settings: {
    vaults: [
      {
        name: 'main',
        address: 'https://vault.example.com:8200',
        auth: { method: 'kubernetes', role: 'vault-secret-sync' },
      },
    ],
    webhook: { tokens: [{ tokenFile: '/secrets/vss-webhook/token' }] },
  },
  webhook: { tls: { secretName: 'vss-webhook-tls' } },
  redis: { existingSecret: { name: 'vss-redis' } },
} satisfies Values;

/** Everything switched on, with credentials wherever settings can name one. */
export const mostValues = {
  image: { digest: `sha256:${'0'.repeat(64)}` },
  imagePullSecrets: [{ name: 'registry' }],
  settings: {
    installation: 'production',
    fingerprintKeyFile: '/secrets/fingerprint/key',
    log: { level: 'debug' },
    vaults: [
      {
        name: 'main',
        address: 'https://vault.example.com:8200',
        aliases: ['https://vault.internal:8200'],
        namespaces: true,
        caFile: '/configmaps/vault-ca/ca.crt',
        auth: { method: 'appRole', roleId: 'operator', secretIdFile: '/secrets/vault-approle/secret-id' },
      },
      {
        name: 'other',
        address: 'http://other:8200',
        auth: { method: 'token', tokenFile: '/secrets/vault-token/token' },
      },
    ],
    policies: [
      {
        namespaces: ['team-*'],
        // Looks like the file of a Secret, and is none.
        paths: ['kv/secrets/none/**'],
        destinations: ['aws:**'],
        roles: ['arn:aws:iam::123456789012:role/secrets/none/*'],
      },
    ],
    stores: {
      aws: { region: 'eu-west-1', caFile: '/configmaps/aws-ca/ca.crt' },
      azure: { tenantId: 'tenant', clientId: 'client', clientSecretFile: '/secrets/azure/client-secret' },
      gcp: { project: 'team-a-prod' },
    },
    manifests: { namespaces: ['team-a', 'team-b'] },
    state: { prefix: 'mine', caFile: '/configmaps/redis-ca/ca.crt' },
    webhook: {
      http: { port: 8181 },
      tokens: [{ tokenFile: '/secrets/vss-webhook/token', vault: 'main' }, { tokenFile: '/secrets/vss-webhook/older' }],
      tcp: [
        { vault: 'main', allow: ['10.0.0.0/8'] },
        { vault: 'other', port: 9191 },
      ],
      maxBodyBytes: 268_435_456,
    },
    operator: { concurrency: 8 },
    ops: { port: 9200 },
    shutdownGrace: 45,
  },
  redis: {
    existingSecret: { name: 'vss-redis', key: 'operator' },
    webhook: { existingSecret: { name: 'vss-redis-webhook', key: 'webhook' } },
  },
  operator: {
    replicas: 3,
    serviceAccount: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/operator' } },
    env: [{ name: 'GOOGLE_APPLICATION_CREDENTIALS', value: '/secrets/gcp/key.json' }],
    podLabels: { 'azure.workload.identity/use': 'true' },
    podAnnotations: { team: 'platform' },
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'dedicated', operator: 'Exists' }],
    priorityClassName: 'system-cluster-critical',
    volumes: [{ name: 'scratch', emptyDir: {} }],
    volumeMounts: [{ name: 'scratch', mountPath: '/tmp' }],
  },
  webhook: {
    tls: {
      secretName: 'vss-webhook-tls',
      clients: [{ name: 'spiffe://cluster.local/ns/vault/sa/*', vault: 'main' }],
      require: 'any',
    },
    service: {
      type: 'LoadBalancer',
      annotations: { internal: 'true' },
      loadBalancerSourceRanges: ['10.0.0.0/8'],
      externalTrafficPolicy: 'Local',
    },
  },
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  networkPolicy: {
    enabled: true,
    eventsFrom: [{ ipBlock: { cidr: '10.0.0.0/8' } }],
    opsFrom: [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }],
    redisTo: [{ podSelector: { matchLabels: { app: 'redis' } } }],
  },
} satisfies Values;

/** Runs helm with the values in a file, which takes the place of `VALUES` among the arguments. */
export async function helm(args: readonly string[], values: Values): Promise<CommandResult> {
  const { helm: program } = await providePeer('helm');
  const folder = await mkdtemp(join(tmpdir(), 'vss-chart-'));
  try {
    const file = join(folder, 'values.yaml');
    await writeFile(file, stringify(values));
    return await runCommand(
      program,
      args.map((word) => (word === 'VALUES' ? file : word)),
      { cwd: folder, env: { PATH: process.env['PATH'] ?? '', HOME: folder } },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

// A helm that was built without a version of Kubernetes takes a very old one for granted.
export const template = ['template', release, chart, '--namespace', releaseNamespace, '--kube-version', '1.34.0'];

/** The manifests of a release. @throws with helm's words when it refuses */
export async function render(
  values: Values,
  ...flags: readonly string[]
): Promise<{ text: string; objects: Rendered[] }> {
  const { code, stdout, stderr } = await helm([...template, '--values', 'VALUES', ...flags], values);
  if (code !== 0) throw new Error(stderr);
  const objects = parseAllDocuments(stdout).map((document) => document.toJS() as Rendered | null);
  return { text: stdout, objects: objects.filter((object) => object !== null) };
}

/** The one object of a kind (and name, which may be left out where there is but one). */
export function only(objects: readonly Rendered[], kind: string, name?: string): Rendered {
  const found = objects.filter(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
  const [first, another] = found;
  if (first && !another) return first;
  const there = objects.map((object) => `${object.kind}/${object.metadata.name}`).join(', ');
  throw new Error(`not one ${kind} ${name ?? ''} among: ${there}`);
}
