import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';

/**
 * Who may import whom. `docs/decisions/0001-rooms.md` says why. Leaves may be imported by everybody; what is not listed
 * is forbidden. The line between `webhook` and everything that holds a credential is the security line of the product.
 */
const leaves = ['errors', 'logging', 'metrics', 'schema'];
const rooms: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  // It must tell our own errors, whose text may be shown, from all others.
  logging: ['errors'],
  metrics: [],
  schema: [],
  paths: leaves,
  config: [...leaves, 'paths'],
  crd: [...leaves, 'paths'],
  state: leaves,
  webhook: [...leaves, 'paths', 'config', 'state'],
  vault: [...leaves, 'paths'],
  'sync-targets': [...leaves, 'crd', 'vault'],
  sync: [...leaves, 'paths', 'crd', 'vault', 'sync-targets'],
  kubernetes: leaves,
  operator: [...leaves, 'paths', 'config', 'state', 'crd', 'sync', 'kubernetes'],
  ops: leaves,
  cli: [
    ...leaves,
    'paths',
    'config',
    'crd',
    'state',
    'webhook',
    'vault',
    'sync-targets',
    'sync',
    'kubernetes',
    'operator',
    'ops',
  ],
};
/** Vendors' packages that only one room may touch. */
const vendors: Readonly<Record<string, string>> = {
  '@kubernetes/client-node': 'kubernetes',
  express: 'webhook',
  bullmq: 'state',
  ioredis: 'state',
  'node-vault': 'vault',
  '@aws-sdk/client-secrets-manager': 'sync-targets',
  '@azure/keyvault-secrets': 'sync-targets',
  '@google-cloud/secret-manager': 'sync-targets',
};

interface Import {
  readonly file: string;
  readonly from: string;
  readonly of: string;
}

const imports: readonly Import[] = globSync('src/**/*.ts').flatMap((file) => {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+)'([^']+)'/gm);
  return [...found].map(([, of = '']) => ({ file, from: roomOf(file), of }));
});

/** `src/sync/plan.ts` is in `sync`, `src/errors.ts` is the leaf `errors`. */
function roomOf(file: string): string {
  const [first = ''] = relative('src', file).split('/');
  return first.replace(/\.ts$/, '');
}

describe('the house', () => {
  test('has only rooms that are known', () => {
    const found = new Set(globSync('src/**/*.ts').map(roomOf));

    expect([...found].sort()).toEqual(Object.keys(rooms).sort());
  });

  test('has no import that its rooms do not allow', () => {
    const own = imports.filter(({ of }) => of.startsWith('.') && of.endsWith('.ts'));
    const forbidden = own
      .map(({ file, from, of }) => ({ file, from, to: roomOf(join(dirname(file), of)) }))
      .filter(({ from, to }) => from !== to && !rooms[from]?.includes(to))
      .map(({ file, to }) => `${file} imports ${to}`);

    expect(own.length).toBeGreaterThan(200);
    expect(forbidden).toEqual([]);
  });

  test("lets each vendor's package into one room only", () => {
    const strays = imports
      .filter(({ from, of }) => vendors[of] !== undefined && vendors[of] !== from)
      .map(({ file, of }) => `${file} imports ${of}`);

    expect(strays).toEqual([]);
  });

  test('reads the environment in one file only', () => {
    const readers = globSync('src/**/*.ts').filter((file) => readFileSync(file, 'utf8').includes('process.env'));

    expect(readers).toEqual(['src/config/environment.ts']);
  });

  test('keeps targets apart from each other', () => {
    const strays = imports.filter(({ file, of }) => {
      const kind = targetOf(file);
      const other = of.startsWith('.') ? targetOf(join(dirname(file), of)) : null;
      return kind !== null && other !== null && kind !== other;
    });

    expect(strays).toEqual([]);
  });
});

/** `src/sync-targets/aws/target.ts` belongs to `aws`; the files beside the folders to none. */
function targetOf(file: string): string | null {
  return /^src\/sync-targets\/([^/]+)\//.exec(file)?.[1] ?? null;
}
