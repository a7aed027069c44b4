import type { Ledger } from './ports.ts';

/** A copy whose name followed from what Vault said. */
export interface KnownCopy {
  readonly id: string;
  /** Its target's scope. */
  readonly destination: string;
  readonly name: string;
  /** The key that it is made of, with `granularity: key`. */
  readonly key: string | null;
  /** That key's name in Vault, before transforms. */
  readonly from: string | null;
  /** It was named, and nobody knows whether it was written too: a run that was cut short leaves no record. */
  readonly begun?: true;
}

/** What a sync remembers of the copies of one source whose names follow from what Vault says. */
export interface KnownCopies {
  readonly copies: readonly KnownCopy[];
  /** Ledger ids of what could not be named. */
  readonly complaints: readonly string[];
}

export async function recallCopies(ledger: Ledger, sync: string, source: string): Promise<KnownCopies> {
  const text = await ledger.recall(sync, factOf(source));
  return text ? (JSON.parse(text) as KnownCopies) : { copies: [], complaints: [] };
}

/** Writes only what has changed. */
export async function rememberCopies(
  ledger: Ledger,
  sync: string,
  options: { readonly source: string; readonly before: KnownCopies; readonly after: KnownCopies },
): Promise<void> {
  const { source, before, after } = options;
  const text = JSON.stringify(after);
  if (text === JSON.stringify(before)) return;
  const isEmpty = after.copies.length === 0 && after.complaints.length === 0;
  await ledger.remember(sync, factOf(source), isEmpty ? '' : text);
}

function factOf(source: string): string {
  return `copies:${source}`;
}
