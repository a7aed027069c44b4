import { type CelRule, StringEnum, Type } from '../../schema.ts';

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
