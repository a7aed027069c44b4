import { createReadStream } from 'node:fs';
import { InputError } from '../errors.ts';
import { formatTestResult, testEvents } from '../webhook/test-event.ts';
import type { Arguments } from './arguments.ts';
import { exitCodes, type Output } from './output.ts';

/** Says what the webhook makes of each audit entry in a file or on standard input: one JSON line per entry. */
export async function testEvent(given: Arguments, output: Output): Promise<number> {
  const [file, ...more] = given.positional;
  if (more.length > 0) throw new InputError('test-event takes one file, or reads standard input');
  const input = file === undefined || file === '-' ? process.stdin : createReadStream(file);
  try {
    for await (const result of testEvents(input)) output.out(formatTestResult(result));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (file !== undefined && code) throw new InputError(`${file} cannot be read (${code})`, { cause: error });
    throw error;
  }
  return exitCodes.ok;
}
