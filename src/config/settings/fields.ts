import { Type } from '../../schema.ts';

/** A text that must not be shown: masked wherever settings are printed. */
export const Secret = (description: string) => Type.Optional(Type.String({ minLength: 1, description, secret: true }));
/** A path. */
export const File = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));
/** A TCP or UDP port. */
export const Port = (defaultPort: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: defaultPort, description });
/** Unknown names are refused. */
export const strict = { additionalProperties: false };
