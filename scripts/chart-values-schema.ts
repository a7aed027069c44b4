import { Settings } from '../src/config/settings.ts';

/** As much of JSON Schema as is needed here. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly secret?: boolean;
  readonly [keyword: string]: unknown;
}

/** What the chart decides itself: the roles by `mode`, the rest because it runs in Kubernetes. */
const decidedByChart = [
  'roles',
  'manifests.directory',
  'manifests.kubeconfig',
  'operator.namespace',
  // Files are followed beside each Vault, not in the chart's pods.
  'webhook.http.enabled',
  'webhook.files',
];

/** The schema of the chart's values. Helm refuses what it does not allow, so a misspelt setting never reaches a pod. */
export function chartValuesSchema(): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart vault-secret-sync',
    ...closed({
      global: open,
      mode: { enum: ['split', 'single'] },
      nameOverride: text,
      fullnameOverride: text,
      image: closed({
        repository: { type: 'string', minLength: 1 },
        tag: text,
        digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
        pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
      }),
      imagePullSecrets: list,
      settings: forChart(Settings as unknown as Schema, ''),
      redis: closed({ url: redisUrl, existingSecret, webhook: closed({ url: redisUrl, existingSecret }) }),
      operator: closed({ ...pod, identities: closed({ serviceAccounts: namespaces, secrets: namespaces }) }),
      webhook: closed({
        ...pod,
        tls: closed({ secretName: text, clients: list, require: { enum: ['all', 'any'] } }),
        service: closed({
          type: { enum: ['ClusterIP', 'NodePort', 'LoadBalancer'] },
          annotations: strings,
          loadBalancerSourceRanges: list,
          externalTrafficPolicy: { enum: ['', 'Cluster', 'Local'] },
        }),
      }),
      podSecurityContext: open,
      securityContext: open,
      podDisruptionBudget: closed({ enabled: flag }),
      serviceMonitor: closed({ enabled: flag, interval: text, labels: strings }),
      networkPolicy: closed({
        enabled: flag,
        eventsFrom: list,
        opsFrom: list,
        redisTo: list,
        redisPort: port,
        vaultTo: list,
        vaultPort: port,
      }),
    }),
  };
}

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const list: Schema = { type: 'array' };
const port: Schema = { type: 'integer', minimum: 1, maximum: 65_535 };
/** Names of namespaces, or `*` alone for all of them. */
const namespaces: Schema = {
  type: 'array',
  uniqueItems: true,
  anyOf: [
    { items: { type: 'string', pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' } },
    { maxItems: 1, items: { const: '*' } },
  ],
};
/** Kubernetes' own; its API server judges it. */
const open: Schema = { type: 'object' };
const strings: Schema = { type: 'object', additionalProperties: { type: 'string' } };

const closed = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  additionalProperties: false,
  properties,
});

const redisUrl: Schema = {
  type: 'string',
  description: 'Without a password, for it is shown in the Deployment: one with a password belongs in existingSecret.',
  pattern: '^(rediss?://[^@]+)?$',
};
const existingSecret = closed({ name: text, key: text });

const pod: Readonly<Record<string, Schema>> = {
  replicas: { type: 'integer', minimum: 1 },
  serviceAccount: closed({ create: flag, name: text, annotations: strings }),
  env: list,
  podAnnotations: strings,
  podLabels: strings,
  resources: open,
  nodeSelector: strings,
  tolerations: list,
  affinity: open,
  topologySpreadConstraints: list,
  priorityClassName: text,
  volumes: list,
  volumeMounts: list,
};

/**
 * The settings as a values file may give them. Secrets are left out: settings become a ConfigMap, so a secret is named by
 * its file. Fields with a default may be left out.
 */
function forChart(schema: Schema, path: string): Schema {
  const { properties, required = [], items, secret: _ours, ...rest } = schema;
  const kept = Object.entries(properties ?? {}).filter(
    ([key, child]) => !child.secret && !decidedByChart.includes(join(path, key)),
  );
  const needed = required.filter((key) => kept.some(([name, child]) => name === key && child.default === undefined));
  return {
    ...rest,
    ...(properties
      ? { properties: Object.fromEntries(kept.map(([key, child]) => [key, forChart(child, join(path, key))])) }
      : {}),
    ...(needed.length > 0 ? { required: needed } : {}),
    ...(items ? { items: forChart(items, path) } : {}),
  };
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
