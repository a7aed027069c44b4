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

const Nodes = (description: string) =>
  Type.Array(Type.String({ pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^:\\s/@]+)(:[0-9]{1,5})?$' }), {
    minItems: 1,
    description,
  });

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

/** Calls of one kind that a store takes. */
function Calls(what: string) {
  return Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: what }));
}

function callsPerSecond(places: string) {
  return Type.Object(
    {
      read: Calls(`Descriptions of single copies a second that each ${places}, allows; 96 % of it are used.`),
      list: Calls(`Listings a second that each ${places}, allows.`),
      write: Calls(`Writes and deletions a second that each ${places}, allows. A write may take more than one call.`),
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
        managedIdentity: Type.Boolean({
          default: false,
          description:
            'Where there is neither a client secret nor a federated token: the identity that Azure gave the machine or app signs in; `clientId` picks one of several.',
        }),
        managedIdentityEndpoint: Type.Optional(
          Type.String({
            pattern: '^https?://',
            description:
              'Where it is asked for its token, if not at `http://169.254.169.254/metadata/identity/oauth2/token`. Also `IDENTITY_ENDPOINT`.',
          }),
        ),
        managedIdentityHeader: Secret(
          'What App Service and Container Apps want to be told there. Also `IDENTITY_HEADER`, which they set.',
        ),
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
        requestTimeoutMs: Type.Optional(
          Type.Integer({
            minimum: 1_000,
            maximum: 600_000,
            description:
              'Longest time for one request to a vault, in milliseconds, from connecting to the last byte; 30000 unless said.',
          }),
        ),
        signInTimeoutMs: Type.Optional(
          Type.Integer({
            minimum: 1_000,
            maximum: 600_000,
            description: 'The same for one sign-in; 10000 unless said.',
          }),
        ),
        recoveryPatienceMs: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 600_000,
            description:
              'How long one write waits, in milliseconds, while the vault deletes or recovers a secret of that name; then the copy is tried again later. 5000 unless said.',
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
        transport: StringEnum(['grpc', 'rest'], {
          default: 'grpc',
          description:
            'How Secret Manager is spoken to: gRPC (HTTP/2), or REST where a network lets only HTTP/1.1 through.',
        }),
        callTimeoutMs: Type.Integer({
          minimum: 100,
          maximum: 600_000,
          default: 10_000,
          description: 'Longest time for one call, and for one exchange of tokens, in milliseconds.',
        }),
        caFile: File('PEM file with certificate authorities to trust.'),
        proxy: Type.Optional(
          Type.String({
            pattern: '^http://[^/]+/?$',
            secret: true,
            description: 'HTTP proxy that requests to Google go through, e.g. `http://proxy.example.com:3128`.',
          }),
        ),
        stsEndpoint: Type.String({
          pattern: '^https://[^/]+$',
          default: 'https://sts.googleapis.com',
          description: 'Where the token of a ServiceAccount (`auth.serviceAccountRef`) is exchanged for one of Google.',
        }),
        iamCredentialsEndpoint: Type.String({
          pattern: '^https://[^/]+$',
          default: 'https://iamcredentials.googleapis.com',
          description: 'Where that one is exchanged for one of the service account in `auth.impersonate`.',
        }),
      },
      { ...strict, default: {} },
    ),
  },
  { ...strict, default: {} },
);

const hearsVault = Type.String({ minLength: 1, description: 'Name of the Vault that writes here.' });
const allowed = Type.Array(Type.String({ minLength: 1 }), {
  default: [],
  description: 'Networks that may connect, e.g. `10.0.0.0/8`; empty = all.',
});
const socketConnections = Type.Integer({
  minimum: 1,
  maximum: 10_000,
  default: 100,
  description: 'Connections at a time; more are refused.',
});

const Webhook = Type.Object(
  {
    http: Type.Object(
      {
        enabled: Type.Boolean({
          default: true,
          description: 'False where nothing is posted here, e.g. where only `webhook.files` are read.',
        }),
        host: Type.String({
          default: '127.0.0.1',
          description: 'Address to listen on. One that others can reach needs `tls`, or `plain: true`.',
        }),
        port: Port(8080, 'Port of `POST /events`; 0 = any free one.'),
        plain: Type.Boolean({
          default: false,
          description: 'Listen without TLS where others can reach it: only behind an ingress or a mesh that ends TLS.',
        }),
        tls: Type.Optional(
          Type.Object(
            {
              certFile: Type.String({
                minLength: 1,
                description: 'PEM file with the server’s certificate and those between it and its authority; followed.',
              }),
              keyFile: Type.String({ minLength: 1, description: 'PEM file with its private key; followed.' }),
              clientCaFile: File('PEM file with the authorities that issue senders’ certificates; followed.'),
              clients: Type.Array(
                Type.Object(
                  {
                    name: Type.String({
                      minLength: 1,
                      description:
                        'A name in the certificate: common name, DNS name or URI (SPIFFE), written out or as a glob; `**` = any.',
                    }),
                    vault: Type.Optional(
                      Type.String({ minLength: 1, description: 'The only Vault this sender may speak for.' }),
                    ),
                  },
                  strict,
                ),
                { default: [], description: 'Senders’ certificates that are let in. Needs `clientCaFile`.' },
              ),
              require: StringEnum(['all', 'any'], {
                default: 'all',
                description:
                  'What a sender presents where `clients` and `webhook.tokens` are both set: `all` = a certificate and a token, `any` = one of them.',
              }),
            },
            strict,
          ),
        ),
        maxConnections: Type.Integer({
          minimum: 1,
          default: 2000,
          description: 'Connections open at once; others are ended at once.',
        }),
        maxConnectionsPerAddress: Type.Integer({
          minimum: 1,
          default: 500,
          description: 'Of these from one address: a proxy is one.',
        }),
        maxRequestsPerSender: Type.Integer({
          minimum: 1,
          default: 200,
          description: 'Requests of one token or certificate at once; others are answered 503.',
        }),
        requestsPerSecond: Type.Integer({
          minimum: 1,
          default: 20_000,
          description: 'Requests of one token or certificate a second; others are answered 503.',
        }),
        headerSeconds: Type.Integer({ minimum: 1, default: 30, description: 'Longest time for a request’s header.' }),
        bodySeconds: Type.Integer({
          minimum: 1,
          default: 600,
          description: 'Longest time for a whole request, its body included.',
        }),
      },
      { ...strict, default: {} },
    ),
    tcp: Type.Array(
      Type.Object(
        {
          host: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
          port: Port(9090, 'Port for Vault’s socket device; 0 = any free one.'),
          vault: hearsVault,
          allow: allowed,
          maxConnections: socketConnections,
          tls: Type.Optional(
            Type.Object(
              {
                certFile: Type.String({
                  minLength: 1,
                  description: 'PEM file with the certificate and those between it and its authority; followed.',
                }),
                keyFile: Type.String({ minLength: 1, description: 'PEM file with its private key; followed.' }),
                clientCaFile: File(
                  'PEM file with the authorities of those who may connect, who then must present a certificate; followed.',
                ),
              },
              {
                ...strict,
                description: 'For a syslog relay or stunnel in between: Vault’s socket device does not speak TLS.',
              },
            ),
          ),
        },
        strict,
      ),
      {
        default: [],
        description: 'Listeners for Vault’s socket audit device. It carries no credential: bind with care.',
      },
    ),
    unix: Type.Array(
      Type.Object(
        {
          path: Type.String({
            minLength: 1,
            maxLength: 107,
            pattern: '^/',
            description: 'Where the socket is made; one that nobody listens on any more is replaced.',
          }),
          mode: Type.String({
            pattern: '^0?[0-7]{3}$',
            default: '0660',
            description: 'Who may connect, as the rights of a file; Vault’s user needs to write.',
          }),
          vault: hearsVault,
          maxConnections: socketConnections,
        },
        strict,
      ),
      { default: [], description: 'The same on unix sockets, for a Vault on this machine or in this pod.' },
    ),
    udp: Type.Array(
      Type.Object(
        {
          host: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
          port: Port(9090, 'Port for Vault’s socket device; 0 = any free one.'),
          vault: hearsVault,
          allow: allowed,
        },
        strict,
      ),
      { default: [], description: 'The same by UDP, which loses entries without a trace.' },
    ),
    tokens: Type.Array(
      Type.Object(
        {
          token: Secret('The token itself. Better: `tokenFile`.'),
          tokenFile: File(
            'A file with a token, or several, one a line, so that one can be exchanged for another; followed.',
          ),
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
    files: Type.Array(
      Type.Object(
        {
          path: Type.String({
            minLength: 1,
            description: 'Absolute path of the file; it may appear later, and what it is rotated to is read as well.',
          }),
          vault: Type.String({ minLength: 1, description: 'Name of the Vault that writes it.' }),
          checkpoint: Type.String({
            minLength: 1,
            description:
              'Absolute path of a file that remembers how far it was read. Its directory must be there, writable and kept over restarts.',
          }),
        },
        strict,
      ),
      {
        default: [],
        description: 'Files of Vault’s file audit device that this process follows, beside each Vault.',
      },
    ),
    eventSubscriptions: Type.Array(
      Type.Object(
        {
          vault: Type.String({
            minLength: 1,
            description: 'Name of the Vault; its `caFile` and `namespaces` count here, too.',
          }),
          tokenFile: Type.String({
            minLength: 1,
            description: 'A file with a token that may subscribe and do nothing else; followed.',
          }),
          namespace: Type.Optional(
            Type.String({
              pattern: '^[^/\\s]+(/[^/\\s]+)*$',
              description: 'Vault namespace that the token was made in, e.g. `admin`; default: root.',
            }),
          ),
          address: Type.Optional(
            Type.String({
              pattern: '^https?://[^/]+/?$',
              description: 'Where the webhook reaches it; default: the Vault’s `address`.',
            }),
          ),
        },
        strict,
      ),
      {
        default: [],
        description:
          'Vault Enterprise 1.16 or newer: Vaults whose event notifications are heard, where the audit log is out of reach.',
      },
    ),
    maxBodyBytes: Type.Integer({
      minimum: 1024,
      default: 268_435_456,
      description: 'Larger bodies are refused with 413 (bytes, after decompression).',
    }),
    maxLineBytes: Type.Integer({
      minimum: 1024,
      maximum: 67_108_864,
      default: 33_554_432,
      description: 'Longer lines are counted as malformed and skipped (bytes).',
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
              'One Redis to share state in, e.g. `rediss://user:password@redis:6379/0`. Without it, `sentinel` and `cluster`, state stays in this process, which then must have both roles.',
          }),
        ),
        sentinel: Type.Optional(
          Type.Object(
            {
              name: Type.String({
                minLength: 1,
                description: 'Redis behind Sentinels: what they call the primary, e.g. `mymaster`.',
              }),
              nodes: Nodes('The Sentinels, as `host:26379`; name all of them.'),
              tls: Type.Optional(Type.Boolean({ description: 'Reach the Sentinels and the servers by TLS.' })),
              database: Type.Optional(
                Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Number of the database; default 0.' }),
              ),
              username: Type.Optional(
                Type.String({ minLength: 1, description: 'User of the Sentinels themselves, where they ask for one.' }),
              ),
              passwordFile: File('A file with the password of the Sentinels themselves.'),
            },
            strict,
          ),
        ),
        cluster: Type.Optional(
          Type.Object(
            {
              nodes: Nodes('Redis Cluster: some of its nodes, as `host:6379`, or the address that stands for all.'),
              tls: Type.Optional(Type.Boolean({ description: 'Reach the nodes by TLS.' })),
            },
            strict,
          ),
        ),
        username: Type.Optional(
          Type.String({ minLength: 1, description: 'User of Redis; wins over the one in `redis`.' }),
        ),
        usernameFile: File('A file with the user of Redis, read again before each connection.'),
        password: Secret('Password of Redis; wins over the one in `redis`. Better: `passwordFile`.'),
        passwordFile: File('A file with the password of Redis, read again before each connection.'),
        prefix: Type.String({
          default: 'vss',
          pattern: '^[A-Za-z0-9_-]{1,64}$',
          description: 'Begins every key, so that several installations can share one Redis.',
        }),
        caFile: File('PEM file with certificate authorities to trust for Redis, read again before each connection.'),
        certFile: File('PEM file with our own certificate, where Redis asks for one; with `keyFile`.'),
        keyFile: File('PEM file with the key of `certFile`.'),
        serverName: Type.Optional(
          Type.String({ minLength: 1, description: 'The name in Redis’ certificate, where it is not the host’s.' }),
        ),
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
