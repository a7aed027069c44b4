import { join } from 'node:path';
import { runCommand } from '../processes.ts';
import { type BuildStep, buildOnce } from './build.ts';
import { choose, type Program } from './program.ts';
import { findOnPath, hashOf, isProgram, type World } from './world.ts';

/** A program of Debian's that is unpacked and not installed: nothing of the system changes, so anybody may do it. */
export interface DebianProgram extends Program {
  /** How it is called: `syslog-ng`. */
  called: string;
  packages: readonly string[];
  /** Where the program is in its package, and the folder with its modules, which may have a `*` in it. */
  inPackage: string;
  modules: string;
  /** The program's option, to which the folder of its modules is appended. */
  modulesOption: string;
  /** A part that another distribution may leave out, and what its answer about its version holds where it has it. */
  needs?: { part: string; shownBy: RegExp };
}

export async function findOrUnpackFromDebian(world: World, recipe: DebianProgram): Promise<string> {
  const { called, program, minimum, variable, packages } = recipe;
  // By release too: what was unpacked for another one may miss its libraries.
  const product = join(program, hashOf(['/etc/os-release'], unpack, start, JSON.stringify(recipe)));
  const unpacked = join(world.cache, product, program);
  const cached = isProgram(unpacked) ? unpacked : undefined;
  const choice = await choose(world, recipe, cached);
  const lack = choice.from === 'PATH' ? await lackOf(world, recipe, choice.path) : undefined;
  if (choice.from !== 'nowhere' && lack === undefined) return choice.path;
  if (cached !== undefined) return cached;

  const why = `${variable} is not set and ${lack ?? (choice.from === 'nowhere' ? choice.why : '')}`;
  const part = recipe.needs ? ` with its ${recipe.needs.part}` : '';
  const remedy = `To do without: set ${variable} to a ${program} of version ${minimum} or newer${part}.`;
  for (const tool of ['apt-get', 'dpkg-deb'])
    if ((await findOnPath(world, tool, ['--version'])).length === 0)
      throw new Error(`${called}: ${why}, and without ${tool} Debian's cannot be unpacked either. ${remedy}`);
  await buildOnce({
    ...world,
    product,
    proof: program,
    what: `${called} from Debian's ${packages.join(' and ')}`,
    why,
    usually: 'some seconds',
    remedy: `It needs Debian's packages (apt-get update). ${remedy}`,
    steps: (output) => unpackingSteps(output, recipe),
  });
  return unpacked;
}

async function lackOf(world: World, { versionArgs, needs }: DebianProgram, path: string): Promise<string | undefined> {
  if (needs === undefined) return undefined;
  const { stdout } = await runCommand(path, versionArgs, { cwd: '/', env: world.env });
  return needs.shownBy.test(stdout) ? undefined : `${path} has no ${needs.part}`;
}

/** apt, with lists and packages of its own, fetches what this machine lacks and checks the archive's signature. */
function unpackingSteps(output: string, recipe: DebianProgram): BuildStep[] {
  const { program, packages, inPackage, modules, modulesOption } = recipe;
  const apt = join(output, 'apt');
  const own = { 'Dir::State::Lists': join(apt, 'lists'), 'Dir::Cache': join(apt, 'cache'), 'Debug::NoLocking': '1' };
  const less = { 'Acquire::Languages': 'none', 'APT::Sandbox::User': 'root' };
  const options = Object.entries({ ...own, ...less }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const only = ['-y', '--download-only', '--reinstall', '--no-install-recommends'];
  return [
    { command: 'mkdir', args: ['-p', join(apt, 'lists', 'partial'), join(apt, 'cache', 'archives', 'partial')] },
    { command: 'apt-get', args: [...options, '-q', 'update'] },
    { command: 'apt-get', args: [...options, '-q', 'install', ...only, ...packages] },
    { command: '/bin/sh', args: ['-ec', unpack, 'sh', output, program, start, inPackage, modules, modulesOption] },
  ];
}

const unpack = `
for package in "$1"/apt/cache/archives/*.deb; do dpkg-deb -x "$package" "$1/root"; done
rm -rf "$1/apt"
printf '%s\\n' '#!/bin/sh' "program='$4' modules='$5' option='$6'" "$3" > "$1/$2"
chmod +x "$1/$2"`;

/** Starts the program from wherever its folder is, with its own libraries and modules. */
const start = `root=$(dirname "$0")/root
export LD_LIBRARY_PATH="$(printf '%s:' "$root"/usr/lib/*-linux-gnu* "$root"/lib/*-linux-gnu* "$root"/usr/lib/syslog-ng)/usr/lib"
exec "$root/$program" "$option$(echo "$root"/$modules)" "$@"`;
