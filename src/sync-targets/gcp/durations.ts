const seconds = { m: 60, h: 3_600, d: 86_400 } as const;

/** Seconds of a duration of a manifest, e.g. `30m`, `24h` or `90d`; 0 for `0`. */
export function secondsOf(text: string): number {
  const unit = seconds[text.at(-1) as keyof typeof seconds];
  return unit === undefined ? Number(text) : Number(text.slice(0, -1)) * unit;
}

/** A time as Google's protocol has it. */
export interface WireTime {
  readonly seconds: string | number;
  readonly nanos?: number;
}

/** Unix time in milliseconds. */
export function msOf({ seconds: whole, nanos = 0 }: WireTime): number {
  return Number(whole) * 1_000 + Math.floor(nanos / 1_000_000);
}

/** From Unix time in milliseconds. */
export function wireTime(ms: number): WireTime {
  return { seconds: Math.floor(ms / 1_000), nanos: 0 };
}
