import { cel, matching, type Static, StringMap, Type } from '../../schema.ts';

/** A copy in Azure Key Vault. */
export const AzureDestination = Type.Object(
  {
    vaultUrl: Type.Optional(
      Type.String({
        minLength: 12,
        maxLength: 256,
        description: 'Address of the vault, e.g. `https://team-a.vault.azure.net`. Either this or `vaultName`.',
        ...matching('^https://', 'a vaultUrl begins with https://'),
      }),
    ),
    vaultName: Type.Optional(
      Type.String({
        minLength: 3,
        maxLength: 24,
        description:
          'Name of the vault in the cloud of the setting `stores.azure.dnsSuffix`. Either this or `vaultUrl`.',
        ...matching(
          '^[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]$',
          'an Azure vault name has letters, digits and hyphens and begins with a letter',
        ),
      }),
    ),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          'Name of the secret. May hold captures of `source.path`: `$1`, `${1}`, `${name}`. Default: the name of the secret within its mount, with `-` for what Azure lacks.',
        ...cel<string>({
          rule: "self.contains('$') || (self.size() <= 127 && self.matches('^[0-9A-Za-z-]+$'))",
          holds: (name) => name.includes('$') || /^[0-9A-Za-z-]{1,127}$/.test(name),
          message: 'Azure Key Vault names have 1 to 127 letters, digits and hyphens: change the other characters',
        }),
      }),
    ),
    tags: Type.Optional(
      StringMap({
        maxProperties: 12,
        values: { maxLength: 512 },
        description: 'Tags of the copy. Azure allows 15, three of which are ours.',
        ...cel<Record<string, string>>({
          rule: "self.all(key, key.size() >= 1 && key.size() <= 512 && !key.startsWith('vss-'))",
          holds: (tags) => Object.keys(tags).every((key) => /^(?!vss-).{1,512}$/su.test(key)),
          message: 'tag names have 1 to 512 characters and do not begin with vss- (our marks)',
        }),
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'A copy in Azure Key Vault.',
    ...cel<{ vaultUrl?: string; vaultName?: string }>({
      rule: 'has(self.vaultUrl) != has(self.vaultName)',
      holds: ({ vaultUrl, vaultName }) => (vaultUrl === undefined) !== (vaultName === undefined),
      message: 'name the vault by exactly one of vaultUrl and vaultName',
    }),
  },
);
export type AzureDestination = Static<typeof AzureDestination>;
