/** JSON whose numbers keep every digit: a number that JavaScript cannot hold exactly stays as its own text. */
export type JsonValue = string | number | boolean | null | RawNumber | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue };

/** A number kept as it was written; `JSON.stringify` writes it out unchanged. */
export interface RawNumber {
  readonly rawJSON: string;
}

interface ExactJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}

// TypeScript's library does not describe the source-text argument of revivers yet.
const exact = JSON as unknown as ExactJson;

/** Parses JSON without losing digits of numbers. @throws SyntaxError; callers must not show its message (it quotes the text) */
export function parseExactly(text: string): unknown {
  return exact.parse(text, (_key, value, context) => {
    if (typeof value !== 'number' || context.source === undefined) return value;
    return String(value) === context.source ? value : exact.rawJSON(context.source);
  });
}

export function isRawNumber(value: unknown): value is RawNumber {
  return exact.isRawJSON(value);
}
