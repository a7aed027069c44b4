import type { TProperties } from 'typebox';
import { type CelRule, cel, matching, StringEnum, Type } from '../../schema.ts';

/** Fields that every destination has: how copies are cut, shaped and named. */
export const commonFields = {
  granularity: Type.Optional(
    StringEnum(['secret', 'key'], {
      description:
        '`secret` (the default): one copy for each secret. `key`: one copy for each key of it, named `<name>/<key>` by default.',
    }),
  ),
  format: Type.Optional(
    StringEnum(['json', 'dotenv', 'yaml', 'raw'], {
      description:
        'Shape of the value: all keys as JSON (the default), `.env` lines or YAML; or `raw`, the value of `property` alone.',
    }),
  ),
  property: Type.Optional(
    Type.String({ minLength: 1, maxLength: 512, description: 'With `format: raw`: the key whose value is the copy.' }),
  ),
  naming: Type.Optional(
    StringEnum(['Readable', 'Reversible'], {
      description:
        'How a name that comes from the path gets rid of characters that the store lacks: `Readable` (the default) writes `-` for each; `Reversible` writes each so that the path can be read back, and two paths never meet.',
    }),
  ),
};

/** Rules between the fields above. */
export const commonRules: readonly CelRule<CommonWords>[] = [
  {
    rule: "(has(self.format) && self.format == 'raw') == has(self.property)",
    holds: ({ format, property }) => (format === 'raw') === (property !== undefined),
    message: 'format: raw and property go together: property names the key whose value is the copy',
  },
  {
    rule: "!has(self.granularity) || self.granularity != 'key' || !has(self.format)",
    holds: ({ granularity, format }) => granularity !== 'key' || format === undefined,
    message: 'with granularity: key each copy is the value of one key: leave format out',
  },
];

export interface CommonWords {
  readonly granularity?: string;
  readonly format?: string;
  readonly property?: string;
}

/** Whether a text has parts that are filled in for each copy: `$1`, `${name}` or `{{ … }}`. */
export function hasParts(text: string): boolean {
  return text.includes('$') || text.includes('{{');
}

/** A name of a ServiceAccount or Secret. Kubernetes: a DNS subdomain of at most 253 characters. */
const Ref = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        name: Type.String({
          minLength: 1,
          maxLength: 253,
          ...matching(
            '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
            'a name has lower-case letters, digits, - and ., and begins and ends with a letter or digit',
          ),
          description: "Its name; it is in the resource's own namespace.",
        }),
      },
      { additionalProperties: false, description },
    ),
  );

/** Which identity writes the copy, with the fields that a store needs beside the reference to it. */
export function authWith<Fields extends TProperties>(
  fields: Fields,
  { secretKeys, rules = [] }: { secretKeys: string; rules?: readonly CelRule<AuthWords>[] },
) {
  return Type.Optional(
    Type.Object(
      {
        serviceAccountRef: Ref('ServiceAccount as which the store is asked, by a token that Kubernetes issues for it.'),
        secretRef: Ref(`Secret with credentials for the store, under the keys ${secretKeys}.`),
        ...fields,
      },
      {
        additionalProperties: false,
        description:
          "Identity that writes the copy. Default: the operator's own. It needs manifests from Kubernetes, and the right in the chart's values.",
        ...cel<AuthWords>(
          {
            rule: 'has(self.serviceAccountRef) != has(self.secretRef)',
            holds: ({ serviceAccountRef, secretRef }) =>
              (serviceAccountRef === undefined) !== (secretRef === undefined),
            message: 'auth names one identity: either serviceAccountRef or secretRef',
          },
          ...rules,
        ),
      },
    ),
  );
}

export interface AuthWords {
  readonly serviceAccountRef?: { readonly name: string };
  readonly secretRef?: { readonly name: string };
}
