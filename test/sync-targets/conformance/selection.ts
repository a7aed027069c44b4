import type { Cases } from './world.ts';

/** A case that runs, or the reason why it does not. */
export type Selected =
  | { readonly title: string; readonly run: Cases[string] }
  | { readonly title: string; readonly reason: string };

/**
 * Every case once: run, or skipped for a reason. Pure.
 * @throws Error for a reason that says nothing, and for a case that does not exist (any more)
 */
export function selectCases(cases: Cases, skip: Readonly<Record<string, string>>): readonly Selected[] {
  for (const [title, reason] of Object.entries(skip)) {
    if (!Object.hasOwn(cases, title)) throw new Error(`there is no case "${title}" to skip`);
    if (reason.trim().split(/\s+/).length < 4) throw new Error(`say in a sentence why "${title}" is skipped`);
  }
  return Object.entries(cases).map(([title, run]) => {
    const reason = skip[title];
    return reason === undefined ? { title, run } : { title, reason };
  });
}
