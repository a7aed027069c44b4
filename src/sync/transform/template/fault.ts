import { fixSpec, type SyncError } from '../../../errors.ts';

/** Something wrong with a template, or with what it does. The message never holds a value of the secret. */
export class Fault extends Error {
  /** Offset into the template's text; null until whoever knows it says so. */
  readonly offset: number | null;

  constructor(message: string, offset: number | null = null) {
    super(message);
    this.offset = offset;
  }
}

/** How a fault is told to users: with line and column, both counted from 1, the column in characters. */
export function asSyncError(
  fault: Fault,
  { text, offset, reason }: { readonly text: string; readonly offset: number; readonly reason: string },
): SyncError {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = [...before.slice(before.lastIndexOf('\n') + 1)].length + 1;
  return fixSpec(reason, `transforms.template, line ${line}, column ${column}: ${fault.message}`);
}
