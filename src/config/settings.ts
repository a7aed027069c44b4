import { type Static, StringEnum, Type } from '../schema.ts';

/** A text that must not be shown: masked wherever settings are printed. */
const Secret = (description: string) => Type.Optional(Type.String({ minLength: 1, description, secret: true }));
const File = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));
const Port = (defaultPort: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: defaultPort, description });
const strict = { additionalProperties: false };

const VaultAuth = Type.Object(
  {
    method: StringEnum(['token', 'appRole', 'kubernetes'], {
      default: 'token',
      description: 'How the operator logs in.',
    }),
    token: Secret('Method token: the token itself. Better: `tokenFile`, or the environment variable `VAULT_TOKEN`.'),
    tokenFile: File('Method token: a file with the token, read again when Vault refuses the token.'),
    mount: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Where the auth method is mounted; default `approle` or `kubernetes`.',
      }),
    ),
    role: Type.Optional(Type.String({ minLength: 1, description: 'Method kubernetes: the role to log in with.' })),
    jwtFile: Type.String({
      default: '/var/run/secrets/kubernetes.io/serviceaccount/token',
      description: "Method kubernetes: a file with the pod's token.",
    }),
    roleId: Type.Optional(Type.String({ minLength: 1, description: 'Method appRole: the role id.' })),
    secretId: Secret('Method appRole: the secret id. Better: `secretIdFile`.'),
    secretIdFile: File('Method appRole: a file with the secret id.'),
  },
  { ...strict, default: {} },
);
export type VaultAuth = Static<typeof VaultAuth>;

const VaultSettings = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
      description: 'Short name, as in `/events/<name>`.',
    }),
    address: Type.String({
      minLength: 1,
      pattern: '^https?://[^/]+/?$',
      description: 'Where the operator reaches it, e.g. `https://vault.example.com:8200`.',
    }),
    aliases: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Other addresses that manifests and senders may call it by.',
    }),
    namespaces: Type.Boolean({
      default: false,
      description: 'True for Vault Enterprise and OpenBao with namespaces; community Vault ignores them silently.',
    }),
    caFile: File('PEM file with the certificate authorities to trust, instead of the system’s.'),
    auth: VaultAuth,
  },
  strict,
);
export type VaultSettings = Static<typeof VaultSettings>;

const Globs = (description: string, byDefault?: string[]) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 2048 }), {
    ...(byDefault ? { default: byDefault } : { minItems: 1 }),
    description,
  });

const Policy = Type.Object(
  {
    namespaces: Globs('Kubernetes namespaces whose syncs this allows, e.g. `team-a`, `team-*`.'),
    vaults: Globs('Names of Vaults they may read.', ['*']),
    paths: Globs(
      'Paths they may read, as `[<Vault namespace>/]<mount>/<name>`; `*` is anything within a segment, `**` anything, `$namespace` the Kubernetes namespace of the sync.',
    ),
    destinations: Globs(
      'Copies they may write, as `<store>:<place>/<name>`, e.g. `aws:eu-west-1:*/team-a/**` (the account of `roleArn` follows the region), `azure:team-a.vault.azure.net/*`, `gcp:my-project/*`.',
    ),
    roles: Globs('AWS roles that `roleArn` may name.', []),
  },
  strict,
);
export type Policy = Static<typeof Policy>;

/** Calls of one kind that a store takes. */
function Calls(what: string) {
  return Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: what }));
}

function callsPerSecond(places: string) {
  return Type.Object(
    {
      read: Calls(`Descriptions of single copies a second in each ${places}.`),
      list: Calls(`Listings a second in each ${places}.`),
      write: Calls(`Writes and deletions a second in each ${places}.`),
    },
    { ...strict, default: {} },
  );
}

const Stores = Type.Object(
  {
    aws: Type.Object(
      {
        callsPerSecond: callsPerSecond('region of an account, where AWS has raised a quota'),
        region: Type.Optional(Type.String({ minLength: 1, description: 'Default region. Also `AWS_REGION`.' })),
        endpoint: Type.Optional(
          Type.String({
            description:
              'Address of Secrets Manager, instead of AWS’s own; `{region}` stands for the region of the destination.',
          }),
        ),
        stsEndpoint: Type.Optional(
          Type.String({ description: 'Address of STS, instead of AWS’s own; `{region}` as in `endpoint`.' }),
        ),
        useFips: Type.Optional(Type.Boolean({ description: 'AWS’s endpoints that are validated to FIPS 140.' })),
        useDualstack: Type.Optional(Type.Boolean({ description: 'AWS’s endpoints that speak IPv6 as well.' })),
        proxy: Type.Optional(
          Type.String({
            pattern: '^https?://',
            secret: true,
            description: 'Proxy that requests to AWS go through, e.g. `http://proxy.example.com:3128`.',
          }),
        ),
        versionsPerDay: Type.Integer({
          minimum: 10,
          maximum: 1_000_000,
          default: 100,
          description:
            'Versions of one secret that AWS takes within a day. From half of it on a secret that changes all the time is written more slowly. An emulator takes more.',
        }),
        sessionTags: Type.Array(Type.String({ pattern: '^[^=]{1,128}=[^=]{0,256}$' }), {
          default: [],
          maxItems: 50,
          description:
            'Session tags of every role that is assumed (`roleArn`), as `key=value`. The trust policies of the roles must allow `sts:TagSession`.',
        }),
        caFile: File('PEM file with certificate authorities to trust.'),
      },
      { ...strict, default: {} },
    ),
    azure: Type.Object(
      {
        callsPerSecond: callsPerSecond('vault, where Azure allows other than by default'),
        dnsSuffix: Type.String({
          default: 'vault.azure.net',
          description: 'Completes `vaultName`; `vault.usgovcloudapi.net`, `vault.azure.cn` in other clouds.',
        }),
        authorityHost: Type.String({
          default: 'https://login.microsoftonline.com',
          description: 'Where tokens are issued. Also `AZURE_AUTHORITY_HOST`.',
        }),
        tenantId: Type.Optional(Type.String({ minLength: 1, description: 'Also `AZURE_TENANT_ID`.' })),
        clientId: Type.Optional(Type.String({ minLength: 1, description: 'Also `AZURE_CLIENT_ID`.' })),
        clientSecret: Secret('Also `AZURE_CLIENT_SECRET`. Better: workload identity.'),
        clientSecretFile: File('A file with the client secret.'),
        federatedTokenFile: File('Workload identity: a file with the token. Also `AZURE_FEDERATED_TOKEN_FILE`.'),
        allowedHosts: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description:
            'Hosts (with port) that `vaultUrl` may name besides `*.<dnsSuffix>`: private endpoints, stand-ins. Our token is sent there.',
        }),
        caFile: File('PEM file with certificate authorities to trust.'),
        proxy: Type.Optional(
          Type.String({
            pattern: '^https?://[^/]+/?$',
            secret: true,
            description:
              'HTTP proxy through which vaults and the sign-in are reached, e.g. `http://proxy.example.com:3128`.',
          }),
        ),
      },
      { ...strict, default: {} },
    ),
    gcp: Type.Object(
      {
        callsPerSecond: callsPerSecond('project, where Google has raised a quota'),
        project: Type.Optional(Type.String({ minLength: 1, description: 'Default project.' })),
        endpoint: Type.Optional(
          Type.String({ minLength: 1, description: 'host:port of Secret Manager, instead of Google’s own.' }),
        ),
        regionalEndpoint: Type.Optional(
          Type.String({
            minLength: 1,
            description:
              'host:port for regional secrets, instead of Google’s own; `{location}` stands for the location of the destination.',
          }),
        ),
        projectNumbers: Type.Array(Type.String({ pattern: '^([a-z0-9.-]+:)?[a-z][a-z0-9-]*=[0-9]+$' }), {
          default: [],
          description:
            'Numbers of projects, as `my-project=123456789012`: a destination that names the number is then the same place as one that names the id, also in policies.',
        }),
        insecure: Type.Boolean({
          default: false,
          description: 'Plain text and no credentials; for a stand-in on loopback only.',
        }),
      },
      { ...strict, default: {} },
    ),
  },
  { ...strict, default: {} },
);

const Webhook = Type.Object(
  {
    http: Type.Object(
      {
        host: Type.String({ default: '0.0.0.0', description: 'Address to listen on.' }),
        port: Port(8080, 'Port of `POST /events`; 0 = any free one.'),
      },
      { ...strict, default: {} },
    ),
    tcp: Type.Array(
      Type.Object(
        {
          host: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
          port: Port(9090, 'Port for Vault’s socket device; 0 = any free one.'),
          vault: Type.String({ minLength: 1, description: 'Name of the Vault that writes here.' }),
          allow: Type.Array(Type.String({ minLength: 1 }), {
            default: [],
            description: 'Networks that may connect, e.g. `10.0.0.0/8`; empty = all.',
          }),
        },
        strict,
      ),
      {
        default: [],
        description: 'Listeners for Vault’s socket audit device. It carries no credential: bind with care.',
      },
    ),
    tokens: Type.Array(
      Type.Object(
        {
          token: Secret('The token itself. Better: `tokenFile`.'),
          tokenFile: File('A file with the token.'),
          vault: Type.Optional(Type.String({ minLength: 1, description: 'The only Vault this sender may speak for.' })),
        },
        strict,
      ),
      { default: [], description: 'Tokens that senders to `/events` present.' },
    ),
    allowUnauthenticated: Type.Boolean({
      default: false,
      description: 'Let anybody who reaches `/events` send hints. Only behind something that authenticates.',
    }),
    maxBodyBytes: Type.Integer({
      minimum: 1024,
      default: 268_435_456,
      description: 'Larger bodies are refused with 413 (bytes, after decompression).',
    }),
  },
  { ...strict, default: {} },
);

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
    state: Type.Object(
      {
        redis: Type.Optional(
          Type.String({
            minLength: 1,
            pattern: '^rediss?://',
            secret: true,
            description:
              'Redis to share state in, e.g. `rediss://user:password@redis:6379/0`. Without it, state stays in this process, which then must have both roles.',
          }),
        ),
        prefix: Type.String({
          default: 'vss',
          pattern: '^[A-Za-z0-9_-]{1,64}$',
          description: 'Begins every key, so that several installations can share one Redis.',
        }),
        caFile: File('PEM file with certificate authorities to trust for Redis.'),
      },
      { ...strict, default: {} },
    ),
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
