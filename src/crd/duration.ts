const units = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds of a duration such as `30s` or `1h30m`; 0 for `0`; null for what is no duration. */
export function durationMs(text: string): number | null {
  if (text === '0') return 0;
  if (!/^(\d{1,6}[smh])+$/.test(text)) return null;
  return [...text.matchAll(/(\d+)([smh])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units],
    0,
  );
}
