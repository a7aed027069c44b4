import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCommand } from '../peers/processes.ts';
import { programFile } from '../program/start-program.ts';
import { root } from './chart.ts';

const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/' };
const run = (command: string, ...args: string[]) => runCommand(command, args, { cwd: root, env });
const hasBuildah = await run('buildah', '--version').then(
  ({ code }) => code === 0,
  () => false,
);
const whyNot =
  process.platform !== 'linux' || process.getuid?.() !== 0
    ? 'skipped: needs root on Linux'
    : hasBuildah
      ? null
      : 'skipped: buildah is not installed (Debian: apt-get install buildah)';

/**
 * The final stage of the Dockerfile as it stands, built by buildah. Two things are put in its way: the base image is made of
 * the Node that runs this test, and the stage `build` is a folder with the bundle in `dist/`.
 */
(whyNot === null ? describe : describe.skip)(`the image${whyNot === null ? '' : ` (${whyNot})`}`, () => {
  let folder: string;
  let container: string;

  const buildah = async (...args: string[]): Promise<string> => {
    const storage = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
    const { code, stdout, stderr } = await run('buildah', ...storage, ...args);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  };
  const inContainer = (...command: string[]) => buildah('run', '--isolation', 'chroot', container, '--', ...command);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vss-image-'));
    const base = join(folder, 'base');
    await layOutNode(base);
    const recipe = join(folder, 'Dockerfile.base');
    await writeFile(recipe, 'FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin\n');
    const bundle = join(folder, 'build/src/dist');
    await mkdir(bundle, { recursive: true });
    await cp(programFile, join(bundle, 'vault-secret-sync.cjs'));

    await buildah('build', '--isolation', 'chroot', '--file', recipe, '--tag', 'localhost/node', base);
    const stead = ['--build-arg', 'NODE_IMAGE=localhost/node', '--build-context', `build=${join(folder, 'build')}`];
    await buildah('build', '--isolation', 'chroot', ...stead, '--tag', 'localhost/vault-secret-sync', root);
    container = await buildah('from', '--pull-never', 'localhost/vault-secret-sync');
  });

  afterAll(async () => {
    await buildah('rm', '--all');
    await rm(folder, { recursive: true, force: true });
  });

  test('runs the program', async () => {
    const help = await inContainer('node', '/app/vault-secret-sync.cjs', '--help');

    expect(help).toContain('vault-secret-sync COMMAND');
  });

  test('is not root and holds the bundle and the licence', async () => {
    const look = 'console.log(JSON.stringify([process.getuid(), process.getgid(), fs.readdirSync("/app")]))';

    const seen = JSON.parse(await inContainer('node', '--eval', look));

    expect(seen).toEqual([1000, 1000, ['LICENSE', 'vault-secret-sync.cjs']]);
  });

  test('says what it is', async () => {
    const inspected = JSON.parse(await buildah('inspect', '--type', 'image', 'localhost/vault-secret-sync'));

    expect(inspected.OCIv1.config).toMatchObject({
      User: '1000:1000',
      Entrypoint: ['node', '/app/vault-secret-sync.cjs'],
      Labels: {
        'org.opencontainers.image.title': 'vault-secret-sync',
        'org.opencontainers.image.licenses': 'Apache-2.0',
      },
    });
  });
});

/** A root file system with this Node and the libraries that it is linked with. */
async function layOutNode(base: string): Promise<void> {
  const { stdout } = await run('ldd', process.execPath);
  const libraries = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path);
  for (const path of libraries) {
    await mkdir(join(base, dirname(path)), { recursive: true });
    await cp(path, join(base, path), { dereference: true });
  }
  await mkdir(join(base, 'usr/local/bin'), { recursive: true });
  await cp(process.execPath, join(base, 'usr/local/bin/node'));
  for (const name of ['proc', 'sys', 'dev', 'etc', 'tmp']) await mkdir(join(base, name));
}
