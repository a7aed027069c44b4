import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { runCommand } from '../peers/processes.ts';

test('the demo shows the main job on one process, and sums up in one line', async () => {
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...cacheVariables() };

  const result = await runCommand(process.execPath, [resolve('scripts/demo/main.ts')], { cwd: process.cwd(), env });

  expect(result.stdout).not.toContain('FAILED');
  expect(result.stdout.trim().split('\n').at(-1)).toMatch(
    /^tour: 7 steps, 0 failed, change to copy p50 \d+ ms, max \d+ ms$/,
  );
  expect(result.code).toBe(0);
}, 600_000);

/** Where the peers are: the demo must find those that this run has. */
function cacheVariables(): Record<string, string> {
  const names = ['VSS_PEERS_CACHE', 'XDG_CACHE_HOME', 'VAULT_BIN'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
