import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
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

  test.each([
    ['redis', 'Redis: PATH has no redis-server; install Redis 6.2 or newer'],
    ['moto', 'Python: PATH has no python3 of version 3.11 or newer with the module venv; install it'],
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
