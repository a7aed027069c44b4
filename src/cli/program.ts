import { describeError } from '../logging.ts';
import { run } from './main.ts';
import { exitCodes } from './output.ts';

const output = {
  out: (line: string) => void process.stdout.write(`${line}\n`),
  err: (line: string) => void process.stderr.write(`${line}\n`),
  colours: process.stdout.isTTY === true,
};

/** The process itself. Whatever nobody expected is told without its message: it may hold a secret. */
run(process.argv.slice(2), output).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    output.err(JSON.stringify({ level: 'fatal', error: describeError(error) }));
    process.exitCode = exitCodes.failed;
  },
);
