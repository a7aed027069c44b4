import { type Static, StringEnum, Type } from '../../schema.ts';
import { File, Secret, strict } from './fields.ts';

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

/** A Vault, and how the operator logs in there. */
export const VaultSettings = Type.Object(
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
