import type { Heard } from './contract.ts';

/** What is known after hearing `more`: the highest version, the latest time. The order of hearing does not matter. */
export function raiseHeard(known: Heard | null, more: Heard | null | undefined): Heard | null {
  if (more === null || more === undefined) return known;
  if (known === null) return more;
  const at = Math.max(known.at, more.at);
  const version = higher(known.version, more.version);
  if (version === null) return { version, at };
  const lowest = Math.min(...[known, more].map((heard) => heard.lowest ?? heard.version ?? version));
  const low = lowest === version ? {} : { lowest };
  // Told twice, the first time counts: what was created between the two is no older life.
  const told = [known, more].filter((heard) => heard.version === version).map((heard) => heard.versionAt ?? heard.at);
  const versionAt = Math.min(...told);
  return versionAt === at ? { version, at, ...low } : { version, at, versionAt, ...low };
}

function higher(one: number | null, other: number | null): number | null {
  if (one === null) return other;
  if (other === null) return one;
  return Math.max(one, other);
}
