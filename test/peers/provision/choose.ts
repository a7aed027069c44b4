/** Pure: which of the programs that were found is taken, and what is said when none will do. */

/** What was found of one program. */
export interface Sighting {
  /** E.g. `kubectl`. */
  program: string;
  /** The oldest version that will do, e.g. `1.28`. */
  minimum: string;
  /** Where a variable of the user's points; undefined when it is not set. */
  named: { variable: string; path: string; exists: boolean } | undefined;
  /** In the order of PATH. The version is undefined where the program would not tell. */
  onPath: readonly { path: string; version: string | undefined }[];
  /** The path of an earlier build; undefined when there is none. */
  cached: string | undefined;
}

export type Choice =
  | { from: 'environment' | 'PATH' | 'cache'; path: string }
  /** Nothing will do, so it has to be built or installed. `why` completes "because …". */
  | { from: 'nowhere'; why: string }
  /** The user named a program that is not there: a sentence that says so. */
  | { from: 'mistake'; sentence: string };

/** The user's word first, then PATH, then an earlier build. */
export function chooseProgram(sighting: Sighting): Choice {
  const { program, minimum, named, onPath, cached } = sighting;
  if (named?.exists) return { from: 'environment', path: named.path };
  if (named !== undefined) {
    const sentence = `${named.variable} says that ${program} is ${named.path}, which is no program: correct the variable or unset it.`;
    return { from: 'mistake', sentence };
  }
  const good = onPath.find(({ version }) => isAtLeast(version, minimum));
  if (good !== undefined) return { from: 'PATH', path: good.path };
  if (cached !== undefined) return { from: 'cache', path: cached };
  return { from: 'nowhere', why: sayWhyNone(sighting) };
}

function sayWhyNone({ program, minimum, onPath }: Sighting): string {
  const [first] = onPath;
  if (first === undefined) return `PATH has no ${program}`;
  if (first.version === undefined) return `${first.path} does not tell its version`;
  return `${first.path} is version ${first.version} and ${minimum} is the oldest that will do`;
}

/** The first thing in `text` that looks like a version: `v1.32.4-dispatcher` holds `1.32.4`. */
export function findVersion(text: string): string | undefined {
  return /\d+\.\d+(\.\d+)?/.exec(text)?.[0];
}

export function isAtLeast(version: string | undefined, minimum: string): boolean {
  if (version === undefined) return false;
  const have = version.split('.').map(Number);
  const want = minimum.split('.').map(Number);
  for (const [index, part] of want.entries()) {
    const difference = (have[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
