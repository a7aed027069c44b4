import { chmod, rm } from 'node:fs/promises';
import { build } from 'esbuild';

/**
 * Bundles the program into one file. CommonJS, because some of the vendors' packages cannot live in an ESM bundle
 * (`__dirname`, dynamic `require`). Modules that are imported lazily stay lazy.
 */
const outfile = 'dist/vault-secret-sync.cjs';
await rm('dist', { recursive: true, force: true });
const { errors } = await build({
  entryPoints: ['src/cli/program.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  sourcemap: 'external',
  banner: { js: '#!/usr/bin/env node' },
  logLevel: 'warning',
});
if (errors.length > 0) process.exit(1);
await chmod(outfile, 0o755);
