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
  /** One letter that stands for it, behind a single dash. */
  readonly short?: string;
  /** What its value is called in help; none = it takes no value. */
  readonly value?: string;
  readonly description: string;
  /** The flag of a setting that it is a shorter word for. */
  readonly shortFor?: string;
}

/**
 * Takes a command line apart. `--flag value` and `--flag=value` are the same, and so are `-f value` and `-f=value`; `--`
 * ends flags.
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
    // A dash alone is a name: standard input.
    if (!word.startsWith('-') || word === '-') {
      positional.push(word);
      continue;
    }
    const [said = '', ...tail] = word.split('=');
    const inline = tail.length > 0 ? tail.join('=') : null;
    const flag = own.find(({ name, short }) => said === `--${name}` || (short !== undefined && said === `-${short}`));
    const leaf = leaves.find((candidate) => said === `--${candidate.flag}`);
    const name = flag?.name ?? leaf?.flag;
    if (name === undefined) throw unknownFlag(said, own);
    const takesValue = flag ? flag.value !== undefined : true;
    if (!takesValue) {
      if (inline !== null) throw new InputError(`${said} takes no value`);
      given[name] = true;
      continue;
    }
    const value = inline ?? nextWord(rest, said, leaf?.type === 'boolean');
    if (flag?.shortFor) settings[flag.shortFor] = value;
    else if (flag) given[name] = value;
    else settings[name] = value;
  }
  return { settings, own: given, positional };
}

function nextWord(rest: Iterator<string>, said: string, isSwitch: boolean): string {
  if (isSwitch) return 'true';
  const next = rest.next();
  if (next.done) throw new InputError(`${said} needs a value`);
  return next.value;
}

/** For one letter there is no nearest one: the letters that are known are told. */
function unknownFlag(said: string, own: readonly OwnFlag[]): InputError {
  if (!said.startsWith('--')) {
    const known = own.flatMap(({ short, name }) => (short === undefined ? [] : [`-${short} (--${name})`]));
    const letters = known.length === 0 ? 'there are none of one letter here' : `there are ${known.join(', ')}`;
    return new InputError(`unknown flag ${said}; ${letters}. Try --help`);
  }
  const nearest = nearestName(said.slice(2), [...own.map((flag) => flag.name), ...leaves.map((leaf) => leaf.flag)]);
  return new InputError(`unknown flag ${said}${nearest ? `; did you mean --${nearest}?` : '.'} Try --help`);
}
