import { leaves } from '../config/leaves.ts';
import { InputError } from '../errors.ts';
import { nearestName } from '../schema.ts';

/** A command line taken apart: flags of settings, flags of the command, and what remains. */
export interface Arguments {
  /** Settings by flag name, e.g. `webhook-http-port`. */
  readonly settings: Readonly<Record<string, string>>;
  /** The command's own flags; a flag without a value is `true`. */
  readonly own: Readonly<Record<string, string | true>>;
  readonly positional: readonly string[];
}

/** A flag that belongs to a command, not to the settings. */
export interface OwnFlag {
  readonly name: string;
  /** What its value is called in help; none = it takes no value. */
  readonly value?: string;
  readonly description: string;
  /** The flag of a setting that it is a shorter word for. */
  readonly shortFor?: string;
}

/**
 * Takes a command line apart. `--flag value` and `--flag=value` are the same; `--` ends flags.
 * @throws InputError for an unknown flag, with the nearest known one
 */
export function parseArguments(words: readonly string[], own: readonly OwnFlag[]): Arguments {
  const settings: Record<string, string> = {};
  const given: Record<string, string | true> = {};
  const positional: string[] = [];
  const rest = words.values();
  for (const word of rest) {
    if (word === '--') {
      positional.push(...rest);
      break;
    }
    if (!word.startsWith('--')) {
      positional.push(word);
      continue;
    }
    const [name = '', ...tail] = word.slice(2).split('=');
    const inline = tail.length > 0 ? tail.join('=') : null;
    const flag = own.find((candidate) => candidate.name === name);
    const leaf = leaves.find((candidate) => candidate.flag === name);
    if (!flag && !leaf) throw unknownFlag(name, own);
    const takesValue = flag ? flag.value !== undefined : true;
    if (!takesValue) {
      if (inline !== null) throw new InputError(`--${name} takes no value`);
      given[name] = true;
      continue;
    }
    const value = inline ?? nextWord(rest, name, leaf?.type === 'boolean');
    if (flag?.shortFor) settings[flag.shortFor] = value;
    else if (flag) given[name] = value;
    else settings[name] = value;
  }
  return { settings, own: given, positional };
}

function nextWord(rest: Iterator<string>, name: string, isSwitch: boolean): string {
  if (isSwitch) return 'true';
  const next = rest.next();
  if (next.done) throw new InputError(`--${name} needs a value`);
  return next.value;
}

function unknownFlag(name: string, own: readonly OwnFlag[]): InputError {
  const nearest = nearestName(name, [...own.map((flag) => flag.name), ...leaves.map((leaf) => leaf.flag)]);
  return new InputError(`unknown flag --${name}${nearest ? `; did you mean --${nearest}?` : ''}. Try --help`);
}
