import packageJson from '../../package.json' with { type: 'json' };
import { InputError, SyncError } from '../errors.ts';
import { nearestName } from '../schema.ts';
import { parseArguments } from './arguments.ts';
import { fitHeap } from './heap.ts';
import { type Command, commands, helpFor, overview } from './help.ts';
import { exitCodes, type Output, paint } from './output.ts';

/** Runs one command line; the result is the process's exit code. */
export async function run(words: readonly string[], output: Output): Promise<number> {
  const [name, ...rest] = words;
  try {
    if (name === undefined) {
      output.err(overview());
      return exitCodes.badInput;
    }
    if (name === 'help' || name === '--help' || name === '-h') {
      const asked = commands.find((command) => command.name === rest[0]);
      output.out(asked ? helpFor(asked) : overview());
      return exitCodes.ok;
    }
    if (name === '--version' || name === 'version') {
      output.out(packageJson.version);
      return exitCodes.ok;
    }
    const command = commands.find((candidate) => candidate.name === name);
    if (!command) throw unknownCommand(name);
    if (rest.includes('--help') || rest.includes('-h')) {
      output.out(helpFor(command));
      return exitCodes.ok;
    }
    return await runCommand(command, rest, output);
  } catch (error) {
    // A server's failures belong into its log, with all that is known of them.
    const isTold = error instanceof InputError || (error instanceof SyncError && name !== 'start');
    if (!isTold) throw error;
    output.err(`${paint(output, 'red', 'error')}: ${error.message}`);
    return error instanceof InputError ? exitCodes.badInput : exitCodes.failed;
  }
}

// Each command loads only what it needs: the webhook has no use for the stores' libraries, test-event for none at all.
async function runCommand(command: Command, words: readonly string[], output: Output): Promise<number> {
  const given = parseArguments(words, command.flags);
  const [stray] = given.positional;
  if (stray !== undefined && !command.takesNames)
    throw new InputError(`${command.name} takes no name, and ${stray} is none of its flags. Try --help`);
  // What a server does stands in its settings.
  if (command.name !== 'start') fitHeap('all');
  switch (command.name) {
    case 'start':
      return (await import('./start.ts')).start(given);
    case 'sync':
      return (await import('./sync.ts')).sync(given, output);
    case 'plan':
      return (await import('./plan.ts')).plan(given, output);
    case 'dead-letters':
      return (await import('./dead-letters.ts')).deadLetters(given, output);
    case 'test-event':
      return (await import('./test-event.ts')).testEvent(given, output);
    default:
      throw unknownCommand(command.name);
  }
}

function unknownCommand(name: string): InputError {
  const nearest = nearestName(
    name,
    commands.map((command) => command.name),
  );
  return new InputError(
    `unknown command ${name}${nearest ? `; did you mean ${nearest}?` : '.'} Try vault-secret-sync --help`,
  );
}
