import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JestReport, sayWhatWasSkipped } from './skipped-tests.ts';

/** The whole gate: types, lint, unused code, generated files, then every test. Says what was skipped, and ends with `N passed, N failed`. */
const checks: readonly (readonly [what: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc'],
  ['lint and format', 'biome', 'ci', `--colors=${process.stdout.isTTY ? 'force' : 'off'}`, '.'],
  ['unused code and packages', 'knip'],
  ['generated files', 'node', 'scripts/generate.ts', '--check'],
];
const env = { ...process.env, PATH: `node_modules/.bin:${process.env['PATH'] ?? ''}`, NO_UPDATE_NOTIFIER: '1' };
let passed = 0;
let failed = 0;

for (const [what, command, ...args] of checks) {
  const started = Date.now();
  const { status } = spawnSync(command, args, { stdio: 'inherit', env });
  if (status === 0) passed++;
  else failed++;
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${what} (${Math.round((Date.now() - started) / 1000)} s)`);
}

const report = join(tmpdir(), `vss-test-${process.pid}.json`);
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const run = spawnSync('node', [...jest, '--json', `--outputFile=${report}`, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env,
});
const noTests: JestReport = { testResults: [] };
let tests = { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 0, ...noTests };
try {
  tests = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  // Jest itself broke; its exit code says so below.
}
rmSync(report, { force: true });
passed += tests.numPassedTests;
failed += tests.numFailedTests + tests.numRuntimeErrorTestSuites;
if (run.status !== 0 && failed === 0) failed = 1;

const skipped = sayWhatWasSkipped(tests);
if (skipped.length > 0) console.log(`\n${skipped.join('\n')}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
