import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { stores } from '../../src/crd/vault-secret-sync.ts';
import { targetKinds } from '../../src/sync-targets/registry.ts';

const room = new URL('../../src/sync-targets/', import.meta.url);
/** A static import of a package, other than of its types. */
const importAtLoad = /^import (?!type )[^;]*?from '(?!\.|node:)[^']+'/gm;

describe('the registry of targets', () => {
  const registered = new Set(Object.keys(targetKinds));

  test('has every folder, and no other', () => {
    const entries = readdirSync(room, { withFileTypes: true });

    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);

    expect(new Set(folders)).toEqual(registered);
  });

  test('has every store that a manifest can name, and no other', () => {
    expect(new Set(stores)).toEqual(registered);
  });

  test('loads no vendor library until a target needs it', () => {
    const sources = readdirSync(room, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));

    const imports = sources.flatMap((path) => [...readFileSync(new URL(path, room), 'utf8').matchAll(importAtLoad)]);

    expect(imports.map(([statement]) => statement)).toEqual([]);
  });
});
