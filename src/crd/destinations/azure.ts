import { type CelRule, cel, matching, type Static, StringEnum, StringMap, Type } from '../../schema.ts';
import { type AuthWords, authWith, type CommonWords, commonFields, commonRules, hasParts } from './common.ts';

/** A time of RFC 3339, in whole seconds. */
const timePattern = '^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](Z|[+-][0-2][0-9]:[0-5][0-9])$';
const timeExpression = new RegExp(timePattern);

/** Azure's library for JavaScript counts seconds in 32 bits: a later time would be another one. */
const lastTime = '2038-01-19T03:14:07Z';

const time = {
  minLength: 20,
  maxLength: 25,
  ...cel<string>({
    rule: `self.matches('${timePattern}') && timestamp(self) <= timestamp('${lastTime}')`,
    holds: (self) => timeExpression.test(self) && Date.parse(self) <= Date.parse(lastTime),
    message: 'a time looks like 2027-01-31T00:00:00Z, and is not after 2038-01-19',
  }),
};

/** Rules between the fields of an Azure destination. */
const azureRules: readonly CelRule<AzureWords>[] = [
  {
    rule: 'has(self.vaultUrl) != has(self.vaultName)',
    holds: ({ vaultUrl, vaultName }) => (vaultUrl === undefined) !== (vaultName === undefined),
    message: 'name the vault by exactly one of vaultUrl and vaultName',
  },
  {
    rule: '!has(self.expires) || !has(self.expiresAfter)',
    holds: ({ expires, expiresAfter }) => expires === undefined || expiresAfter === undefined,
    message: 'a copy expires at one time: leave expires out, or expiresAfter',
  },
  {
    rule: '!has(self.expires) || !has(self.notBefore) || timestamp(self.notBefore) < timestamp(self.expires)',
    holds: ({ expires, notBefore }) =>
      expires === undefined || notBefore === undefined || Date.parse(notBefore) < Date.parse(expires),
    message: 'a copy that expires before it is valid is of no use: put notBefore before expires',
  },
  {
    rule: "!has(self.naming) || self.naming != 'Reversible' || !has(self.tags) || self.tags.size() <= 11",
    holds: ({ naming, tags = {} }) => naming !== 'Reversible' || Object.keys(tags).length <= 11,
    message: 'with naming: Reversible one tag more is ours (vss-name): keep 11 tags at most',
  },
  {
    rule: '!has(self.auth) || !has(self.auth.serviceAccountRef) || has(self.auth.clientId)',
    holds: ({ auth }) => auth?.serviceAccountRef === undefined || auth.clientId !== undefined,
    message: 'a ServiceAccount signs in to Azure as an application: name that one in auth.clientId',
  },
];

interface AzureWords extends CommonWords {
  readonly vaultUrl?: string;
  readonly vaultName?: string;
  readonly naming?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly notBefore?: string;
  readonly expires?: string;
  readonly expiresAfter?: string;
  readonly auth?: AuthWords & { readonly clientId?: string };
}

/** An id of Entra ID: a GUID, or a domain of the tenant. */
function Id(description: string) {
  return Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 253,
      ...matching(
        '^[0-9A-Za-z][0-9A-Za-z.-]*$',
        'an id is a GUID (or a domain, of a tenant): letters, digits, - and .',
      ),
      description,
    }),
  );
}

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
          'Name of the secret. May hold captures of the path (`$1`, `${1}`, `${name}`) and templates (`{{ .metadata.team }}`, see `docs/reference/names.md`). Default: the name of the secret within its mount, with `-` for what Azure lacks.',
        ...cel<string>({
          rule: "self.contains('$') || self.contains('{{') || (self.size() <= 127 && self.matches('^[0-9A-Za-z-]+$'))",
          holds: (name) => hasParts(name) || /^[0-9A-Za-z-]{1,127}$/.test(name),
          message: 'Azure Key Vault names have 1 to 127 letters, digits and hyphens: change the other characters',
        }),
      }),
    ),
    tags: Type.Optional(
      StringMap({
        maxProperties: 12,
        values: { maxLength: 512 },
        description:
          'Tags of the copy; values may hold captures and templates, like `name`. Azure allows 15, three of which are ours, and a fourth with `naming: Reversible`.',
        ...cel<Record<string, string>>({
          rule: "self.all(key, key.size() >= 1 && key.size() <= 512 && !key.matches('^[Vv][Ss][Ss]-'))",
          holds: (tags) => Object.keys(tags).every((key) => /^(?![Vv][Ss][Ss]-).{1,512}$/su.test(key)),
          message: 'tag names have 1 to 512 characters and do not begin with vss- (our marks)',
        }),
      }),
    ),
    contentType: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description:
          'Content type of the copy, which a policy in Azure may ask for. Default: `application/json` where the value is JSON, else `text/plain`.',
      }),
    ),
    notBefore: Type.Optional(
      Type.String({
        ...time,
        description:
          'Time before which the copy is not meant to be used, e.g. `2027-01-31T00:00:00Z`. Azure hands it out all the same.',
      }),
    ),
    expires: Type.Optional(
      Type.String({
        ...time,
        description: 'Time after which the copy is not meant to be used. Azure hands it out all the same.',
      }),
    ),
    expiresAfter: Type.Optional(
      Type.String({
        minLength: 2,
        maxLength: 5,
        description:
          'The same as a time after the value was written, in days or hours, e.g. `90d`. It begins anew with the next version, and not before.',
        ...matching('^[1-9][0-9]{0,3}[dh]$', 'expiresAfter is a number of days or hours, such as 90d or 12h'),
      }),
    ),
    enabled: Type.Optional(
      Type.Boolean({ description: 'False: the copy is there, and nobody can read its value. Default: true.' }),
    ),
    deletion: Type.Optional(
      StringEnum(['Recoverable', 'Purge'], {
        description:
          'How a copy is deleted: so that it can be recovered for as long as the vault keeps it (`Recoverable`, the default), or for good (`Purge`), where the vault allows that.',
      }),
    ),
    auth: authWith(
      {
        tenantId: Id(
          'Tenant of the application. Default: the key `tenantId` of the Secret, then the setting `stores.azure.tenantId`.',
        ),
        clientId: Id(
          'Application (or user-assigned identity) as which the copy is written. A ServiceAccount needs it, with a federated credential for its subject. Default: the key `clientId` of the Secret.',
        ),
      },
      { secretKeys: '`clientSecret` and, where they are no fields here, `clientId` and `tenantId`' },
    ),
    ...commonFields,
  },
  { additionalProperties: false, description: 'A copy in Azure Key Vault.', ...cel(...commonRules, ...azureRules) },
);
export type AzureDestination = Static<typeof AzureDestination>;
