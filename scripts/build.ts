import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { build } from 'esbuild';

/**
 * Bundles the program into one file. CommonJS, because some of the vendors' packages cannot live in an ESM bundle
 * (`__dirname`, dynamic `require`). Modules that are imported lazily stay lazy. Built beside and then renamed, so that
 * whoever starts the program meanwhile finds the old one or the new one.
 */
const outfile = 'dist/vault-secret-sync.cjs';
const building = `dist/building-${process.pid}.cjs`;
/**
 * Before a young space can grow, as it does while the bundle's modules are defined; `src/cli/heap.ts` lets it, or not. The
 * bundle is strict as a whole, which it must say first.
 */
const keepYoungSpace = "'use strict';require('node:v8').setFlagsFromString('--semi-space-growth-factor=1');";
const banner = `#!/usr/bin/env node\n${keepYoungSpace}`;
await mkdir('dist', { recursive: true });
try {
  await build({
    entryPoints: ['src/cli/program.ts'],
    outfile: building,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    // Vendors compare the names of errors; without this they become `AbortError4`.
    keepNames: true,
    sourcemap: 'external',
    banner: { js: banner },
    logLevel: 'warning',
  });
  await chmod(building, 0o755);
  await rename(`${building}.map`, `${outfile}.map`);
  await rename(building, outfile);
} finally {
  await rm(building, { force: true });
  await rm(`${building}.map`, { force: true });
}
