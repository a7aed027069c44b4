/** What this needs of jest's report of a run. */
export interface JestReport {
  readonly testResults: readonly {
    /** The file's whole path. */
    readonly name: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly ancestorTitles: readonly string[];
    }[];
  }[];
}

/** How many tests were skipped, and why, the most frequent reason first; no line where none was. A reason is told by `… (skipped: <reason>)` at the end of a title. */
export function sayWhatWasSkipped(report: JestReport): string[] {
  const counts = new Map<string, number>();
  for (const { name, assertionResults } of report.testResults)
    for (const { status, title, ancestorTitles } of assertionResults) {
      if (status !== 'pending') continue;
      const reason = [title, ...ancestorTitles.toReversed()].map(reasonIn).find((found) => found !== undefined);
      const why = reason ?? `no reason given in ${name.split('/').slice(-2).join('/')}`;
      counts.set(why, (counts.get(why) ?? 0) + 1);
    }
  if (counts.size === 0) return [];
  const reasons = [...counts].toSorted(([, left], [, right]) => right - left);
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  return [`${total} skipped:`, ...reasons.map(([why, count]) => `  ${count}  ${why}`)];
}

function reasonIn(title: string): string | undefined {
  return /\(skipped: (.+)\)$/.exec(title)?.[1];
}
