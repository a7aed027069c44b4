import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { root } from './chart.ts';

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** The instructions of each stage; the first entry holds what stands before any stage. */
let stages: Instruction[][];
let packageJson: { version: string; devDependencies: Record<string, string> };
/** What .dockerignore lets in. */
let admitted: string[];

beforeAll(async () => {
  const text = await readFile(join(root, 'Dockerfile'), 'utf8');
  stages = [[]];
  for (const line of text.replaceAll(/\\\n\s*/g, '').split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [word = '', ...rest] = line.split(' ');
    if (word === 'FROM') stages.push([]);
    stages.at(-1)?.push({ word, rest: rest.join(' ') });
  }
  packageJson = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const ignore = await readFile(join(root, '.dockerignore'), 'utf8');
  admitted = ignore.split('\n').flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
});

const inFinalStage = (word: string) =>
  (stages.at(-1) ?? []).filter((each) => each.word === word).map(({ rest }) => rest);

describe('the Dockerfile', () => {
  test('takes the version of Node that the tests run on', () => {
    const [image] = stages[0] ?? [];

    expect(image?.rest).toBe(`NODE_IMAGE=node:${packageJson.devDependencies['node']}-bookworm-slim`);
  });

  test('copies only what is there and what .dockerignore lets in', () => {
    const copied = stages.flat().filter(({ word, rest }) => word === 'COPY' && !rest.startsWith('--from'));

    const sources = copied.flatMap(({ rest }) => rest.split(' ').slice(0, -1));

    expect(sources.filter((source) => !existsSync(join(root, source)))).toEqual([]);
    expect(sources.filter((source) => !admitted.includes(source))).toEqual([]);
    expect(admitted.filter((path) => !sources.includes(path))).toEqual([]);
  });

  test('takes from the build nothing but the bundle that the build script writes', async () => {
    const script = await readFile(join(root, 'scripts/build.ts'), 'utf8');
    const [, outfile] = /outfile = '([^']+)'/.exec(script) ?? [];

    const taken = inFinalStage('COPY').filter((rest) => rest.startsWith('--from'));

    expect(taken).toEqual([`--from=build /src/${outfile} ./`]);
  });

  test('runs as a user whose number is not root, and needs no shell', () => {
    const [user = ''] = inFinalStage('USER');
    const [entrypoint = ''] = inFinalStage('ENTRYPOINT');

    expect(Number(user.split(':')[0])).toBeGreaterThan(0);
    expect(JSON.parse(entrypoint)).toEqual(['node', '/app/vault-secret-sync.cjs']);
    expect(inFinalStage('RUN')).toEqual([]);
  });

  test('is labelled with the version of the program', () => {
    const version = inFinalStage('ARG').find((rest) => rest.startsWith('VERSION='));

    expect(version).toBe(`VERSION=${packageJson.version}`);
  });
});
