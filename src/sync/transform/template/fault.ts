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

/**
 * How a fault is told to users: with line and column, both counted from 1, the column in characters. `where` names the
 * template, e.g. `transforms.template`.
 */
export function asSyncError(
  fault: Fault,
  options: { readonly where: string; readonly text: string; readonly offset: number; readonly reason: string },
): SyncError {
  const { where, text, offset, reason } = options;
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = [...before.slice(before.lastIndexOf('\n') + 1)].length + 1;
  return fixSpec(reason, `${where}, line ${line}, column ${column}: ${fault.message}`);
}
