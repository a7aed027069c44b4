import type { Desired } from '../contract.ts';
import { settingsOf } from './place.ts';

/** The value as AWS takes it: exactly one of the two. */
export type SecretValue = { readonly SecretString: string } | { readonly SecretBinary: Uint8Array };

export function secretValueOf({ value, destination }: Pick<Desired, 'value' | 'destination'>): SecretValue {
  const { valueType = 'String' } = settingsOf(destination);
  switch (valueType) {
    case 'String':
      return { SecretString: value };
    case 'Binary':
      return { SecretBinary: Buffer.from(value, 'utf8') };
    case 'Base64':
      return { SecretBinary: Buffer.from(value, 'base64') };
    default: {
      const never: never = valueType;
      return never;
    }
  }
}

/** Bytes that AWS counts. */
export function sizeOf(value: SecretValue): number {
  return 'SecretString' in value ? Buffer.byteLength(value.SecretString) : value.SecretBinary.byteLength;
}

/** Whether a text is Base64, lines of it included. */
export function isBase64(text: string): boolean {
  const digits = text.replace(/\s/g, '');
  return digits.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(digits);
}
