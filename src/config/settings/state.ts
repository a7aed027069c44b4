import { Type } from '../../schema.ts';
import { File, Secret, strict } from './fields.ts';

const Nodes = (description: string) =>
  Type.Array(Type.String({ pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^:\\s/@]+)(:[0-9]{1,5})?$' }), {
    minItems: 1,
    description,
  });

/** Where processes share what they know. */
export const State = Type.Object(
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
    username: Type.Optional(Type.String({ minLength: 1, description: 'User of Redis; wins over the one in `redis`.' })),
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
);
