import { StringEnum, Type } from '../../schema.ts';
import { File, Secret, strict } from './fields.ts';

/** Calls of one kind that a store takes. */
function Calls(what: string) {
  return Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: what }));
}

function callsPerSecond(places: string) {
  return Type.Object(
    {
      read: Calls(`Quota of descriptions of single copies a second in each ${places}; 95 % of it are used.`),
      list: Calls(`Quota of listings a second in each ${places}.`),
      write: Calls(`Quota of writes and deletions a second in each ${places}. A write may take more than one call.`),
    },
    { ...strict, default: {} },
  );
}

/** How stores are reached, and as whom. */
export const Stores = Type.Object(
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
