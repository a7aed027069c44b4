import { StringEnum, Type } from '../../schema.ts';
import { File, Port, Secret, strict } from './fields.ts';

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

/** Where and from whom entries are heard. */
export const Webhook = Type.Object(
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
            description: 'Name of the Vault.',
          }),
          tokenFile: Type.String({
            minLength: 1,
            description: 'A file with a token that may subscribe and do nothing else; followed.',
          }),
          namespace: Type.Optional(
            Type.String({
              pattern: '^[!-.0-~]+(/[!-.0-~]+)*$',
              description: 'Vault namespace that the token was made in, e.g. `admin`; default: root.',
            }),
          ),
          address: Type.Optional(
            Type.String({
              pattern: '^https?://[^/]+/?$',
              description: 'Where the webhook reaches it; default: the Vault’s `address`.',
            }),
          ),
          caFile: File('PEM file with the certificate authorities to trust; default: the Vault’s `caFile`.'),
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
