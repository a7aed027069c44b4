import { cel, type Static, StringEnum, StringMap, Type } from '../schema.ts';

const withoutSlashes = cel<string>({
  rule: "!self.startsWith('/') && !self.endsWith('/')",
  holds: (path) => !path.startsWith('/') && !path.endsWith('/'),
  message: 'write the path without a slash at either end, e.g. secret/app/db',
});

/** One entry of `source.selector.matchExpressions`, as in Kubernetes' label selectors. */
const MatchExpression = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 128, description: 'Key of the custom metadata.' }),
    operator: StringEnum(['In', 'NotIn', 'Exists', 'DoesNotExist'], {
      description: '`In` and `NotIn` compare with `values`; a secret without the key is `NotIn`.',
    }),
    values: Type.Optional(
      Type.Array(Type.String({ maxLength: 512 }), {
        maxItems: 64,
        description: 'Values to compare with, for `In` and `NotIn`.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
  },
  {
    additionalProperties: false,
    ...cel<{ operator: string; values?: string[] }>({
      rule: "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
      holds: ({ operator, values }) =>
        ['In', 'NotIn'].includes(operator) === (values !== undefined && values.length > 0),
      message: 'In and NotIn need values; Exists and DoesNotExist have none',
    }),
  },
);

export const MetadataSelector = Type.Object(
  {
    matchLabels: Type.Optional(
      StringMap({
        maxProperties: 64,
        values: { maxLength: 512 },
        description: 'Custom metadata that a secret must have, all of it.',
      }),
    ),
    matchExpressions: Type.Optional(
      Type.Array(MatchExpression, {
        maxItems: 32,
        description: 'Conditions on the custom metadata, all of which must hold.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Selects by the custom metadata of KV v2, of what the paths select. Each secret is read to know its metadata; KV v1 has none.',
  },
);
export type MetadataSelector = Static<typeof MetadataSelector>;

export const Source = Type.Object(
  {
    address: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          "Address of the Vault, as a setting `vaults[].address` or one of its aliases has it. Default: the settings' only Vault.",
      }),
    ),
    namespace: Type.Optional(
      Type.String({
        maxLength: 512,
        description: 'Vault namespace, e.g. `team-a/prod`. Needs `namespaces: true` in the settings of the Vault.',
      }),
    ),
    mount: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description:
          'Mount of the KV engine, e.g. `infra/kv-main`; `path` is then the name within it. Default: the first segment of `path`.',
        ...cel<string>({
          rule: "!self.startsWith('/') && !self.endsWith('/')",
          holds: (mount) => !mount.startsWith('/') && !mount.endsWith('/'),
          message: 'write the mount without a slash at either end, e.g. infra/kv-main',
        }),
      }),
    ),
    path: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          'Path of the secret without `data/`, e.g. `secret/app/db`; a glob, e.g. `secret/team-*/**`; or an RE2 pattern over the whole path, e.g. `secret/team-(.*)/db`. Either this or `paths`.',
        ...withoutSlashes,
      }),
    ),
    paths: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 512, ...withoutSlashes }), {
        minItems: 1,
        maxItems: 64,
        description: 'Several paths, each written like `path`. With `merge` their order counts.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    exclude: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 512, ...withoutSlashes }), {
        maxItems: 64,
        description: 'Paths, globs and patterns of secrets that are left out, written like `path`.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    selector: Type.Optional(MetadataSelector),
    version: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2_147_483_647,
        description: 'Version of the secret that is copied (KV v2), whatever comes after it. Default: the latest.',
      }),
    ),
    merge: Type.Optional(
      Type.Boolean({
        description:
          'True: the secrets of `paths`, each written out, become one copy. A key of a later path wins over the same key of an earlier one.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Which secrets of Vault (or OpenBao) are copied.',
    ...cel<{ mount?: string; path?: string; paths?: string[]; merge?: boolean; version?: number }>(
      {
        rule: 'has(self.path) != has(self.paths)',
        holds: ({ path, paths }) => (path === undefined) !== (paths === undefined),
        message: 'say what is selected by exactly one of path and paths',
      },
      {
        rule: "has(self.mount) || ((!has(self.path) || self.path.contains('/')) && (!has(self.paths) || self.paths.all(path, path.contains('/'))))",
        holds: ({ mount, path, paths }) =>
          mount !== undefined ||
          [...(paths ?? []), ...(path === undefined ? [] : [path])].every((one) => one.includes('/')),
        message: 'a path begins with its mount, e.g. secret/app/db; or name the mount in source.mount',
      },
      {
        rule: '!has(self.merge) || !self.merge || has(self.paths)',
        holds: ({ merge, paths }) => !merge || paths !== undefined,
        message: 'merge makes one copy of several secrets: list them in source.paths',
      },
      {
        rule: '!has(self.merge) || !self.merge || !has(self.version)',
        holds: ({ merge, version }) => !merge || version === undefined,
        message: 'a version is that of one secret: leave it out where several are merged',
      },
    ),
  },
);
export type Source = Static<typeof Source>;
