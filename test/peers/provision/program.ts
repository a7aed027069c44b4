import { join } from 'node:path';
import { type Choice, chooseProgram } from './choose.ts';
import { findOnPath, isProgram, type World } from './world.ts';

/** A program that the user may have. */
export interface Program {
  program: string;
  /** The oldest version that will do where the user has one. */
  minimum: string;
  versionArgs: readonly string[];
  /** The user's variable that names the program, or the folder that it is in. */
  variable: string;
  namesFolder?: boolean;
}

type Taken = Exclude<Choice, { from: 'mistake' }>;

/** Looks for a program on this machine. @throws Where the user's variable names none. */
export async function choose(world: World, recipe: Program, cached: string | undefined): Promise<Taken> {
  const { program, minimum, variable } = recipe;
  const said = world.env[variable];
  const path = said && recipe.namesFolder ? join(said, program) : said;
  const choice = chooseProgram({
    program,
    minimum,
    named: path ? { variable, path, exists: isProgram(path) } : undefined,
    onPath: path ? [] : await findOnPath(world, program, recipe.versionArgs),
    cached,
  });
  if (choice.from === 'mistake') throw new Error(choice.sentence);
  return choice;
}
