import { tmpdir } from 'node:os';
import { runCommand } from '../../peers/processes.ts';
import { providePeer } from '../../peers/provision.ts';

export interface Question {
  readonly template: string;
  readonly data: unknown;
  /** Every number of the data is a float64, as the ancestor has it. */
  readonly floats?: boolean;
}

export type Answer = { readonly output: string } | { readonly error: string };

/** What Go's own `text/template` makes of templates. The program is built when the machine has none. */
export async function askGo(questions: readonly Question[]): Promise<Answer[]> {
  const { templateOracle } = await providePeer('templates');
  const stdin = questions.map((question) => `${JSON.stringify(question)}\n`).join('');
  const { code, stdout, stderr } = await runCommand(templateOracle, [], { cwd: tmpdir(), env: {}, stdin });
  if (code !== 0) throw new Error(`the template oracle failed: ${stderr}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
}
