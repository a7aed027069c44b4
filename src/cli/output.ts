/** Where a command writes, handed in so that tests can read along. */
export interface Output {
  out(line: string): void;
  err(line: string): void;
  /** True when standard output is a terminal: only then are colours used. */
  readonly colours: boolean;
}

/** Exit codes: scripts rely on them. */
export const exitCodes = { ok: 0, failed: 1, badInput: 2, pending: 3 } as const;

const codes = { green: 32, red: 31, yellow: 33, grey: 90, bold: 1 } as const;
export type Colour = keyof typeof codes;

/** Paints text, on a terminal only. */
export function paint(output: Pick<Output, 'colours'>, colour: Colour, text: string): string {
  return output.colours ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}
