/** What one template may cost. Docs: `docs/reference/templates.md` states the same figures. */
export const limits = {
  /** Characters of a template. */
  templateLength: 65_536,
  /** Templates that one text defines with `define` and `block`. */
  definitions: 100,
  /** Blocks and parentheses within each other, as written. */
  nesting: 100,
  /** Templates that call each other, and blocks within them, while rendering. */
  depth: 400,
  /** Lists and maps within each other: of the secret, and of what a template builds. */
  valueDepth: 200,
  /** Evaluation steps of one rendering; long texts and lists cost more than one. */
  steps: 1_000_000,
  /** Bytes of the output. */
  outputBytes: 1_048_576,
  /** Characters of any text on the way to it. */
  textLength: 1_048_576,
} as const;
