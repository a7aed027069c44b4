import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type SettingsWatch, watchSettings } from '../../src/cli/settings-watch.ts';
import { loadSettings } from '../../src/config/load.ts';
import type { Settings } from '../../src/config/settings.ts';
import { createLogger } from '../../src/logging.ts';
import { eventually } from '../peers/processes.ts';

const vaults = '[{name: main, address: "https://vault.example.com", auth: {tokenFile: /token}}]';
const least = `vaults: ${vaults}\nwebhook: {allowUnauthenticated: true}\n`;

let folder: string;
let file: string;
let lines: Record<string, unknown>[];
let applied: Pick<Settings, 'writes' | 'log'>[];
let looks: number;
let watch: SettingsWatch | null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'settings-'));
  file = join(folder, 'settings.yaml');
  lines = [];
  applied = [];
  looks = 0;
  watch = null;
  writeFileSync(file, least);
});

afterEach(async () => {
  await watch?.close();
  rmSync(folder, { recursive: true });
});

function parse(text: string): Settings {
  looks++;
  return loadSettings({ file: { name: file, text }, env: {}, flags: {} });
}

function start(): void {
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const logger = createLogger({ level: 'info', destination });
  watch = watchSettings({
    file,
    parse,
    started: parse(least),
    apply: ({ writes, log }) => applied.push({ writes, log }),
    logger,
    everyMs: 5,
  });
}

/** Until the file, as it is now, has been looked at. */
async function untilRead(text: string): Promise<void> {
  const before = looks;
  writeFileSync(file, text);
  await eventually(() => looks > before, { what: 'the file to be read' });
}

const warnings = () => lines.filter(({ level }) => level === 'warn');

describe('the settings file, watched', () => {
  test('writes and log level take effect, and nothing happens while they stay', async () => {
    start();
    await untilRead(`${least}\n# a comment\n`);
    await untilRead(`${least}writes: paused\n`);
    await untilRead(`${least}writes: paused\n# a comment\n`);
    await untilRead(`${least}writes: enabled\nlog: {level: debug}\n`);
    await eventually(() => applied.length === 2, { what: 'both changes' });

    expect(applied).toEqual([
      { writes: 'paused', log: { level: 'info' } },
      { writes: 'enabled', log: { level: 'debug' } },
    ]);
    expect(warnings()).toEqual([]);
  });

  test('is followed where a mount swaps the folder behind a symbolic link, as Kubernetes does', async () => {
    const [one, two] = ['..one', '..two'].map((name) => join(folder, name));
    for (const [version, text] of [
      [one, least],
      [two, `${least}writes: paused\n`],
    ]) {
      mkdirSync(version!);
      writeFileSync(join(version!, 'settings.yaml'), text!);
    }
    unlinkSync(file);
    symlinkSync(one!, join(folder, '..data'));
    symlinkSync(join('..data', 'settings.yaml'), file);
    start();
    await eventually(() => looks > 1, { what: 'the first look' });

    symlinkSync(two!, join(folder, '..new'));
    renameSync(join(folder, '..new'), join(folder, '..data'));
    await eventually(() => applied.length > 0, { what: 'the swap to be seen' });

    expect(applied).toEqual([{ writes: 'paused', log: { level: 'info' } }]);
  });

  test('whatever else has changed is told once, by name, and waits for a restart', async () => {
    start();

    await untilRead(`${least}fingerprintKey: hunter2-hunter2-hunter2\n`);
    await untilRead(`${least}fingerprintKey: hunter2-hunter2-hunter2\nwrites: paused\n`);
    await eventually(() => applied.length === 1, { what: 'what can take effect' });
    await untilRead(`${least}fingerprintKey: hunter2-hunter2-hunter2\nops: {port: 1}\n`);
    await eventually(() => warnings().length === 2, { what: 'the second warning' });

    expect(warnings().map(({ settings }) => settings)).toEqual([['fingerprintKey'], ['fingerprintKey', 'ops.port']]);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    expect(applied.map(({ writes }) => writes)).toEqual(['paused', 'enabled']);
  });

  test.each<[string, () => void, string]>([
    ['broken', () => writeFileSync(file, `${least}writes: maybe\n`), 'writes: must be one of "enabled", "paused"'],
    ['no YAML', () => writeFileSync(file, `${least}token: "hunter2\n`), 'is not YAML'],
    ['empty', () => writeFileSync(file, ''), 'vaults: name at least one Vault'],
    ['gone', () => unlinkSync(file), 'cannot be read (ENOENT)'],
  ])(
    'one that is %s changes nothing, says so once, and is followed again when it is mended',
    async (_what, spoil, said) => {
      start();
      await untilRead(`${least}writes: paused\n`);
      await eventually(() => applied.length === 1, { what: 'the pause' });

      spoil();
      await eventually(() => warnings().length === 1, { what: 'the warning' });
      await untilRead(`${least}writes: enabled\n`);
      await eventually(() => applied.length === 2, { what: 'the end of the pause' });

      expect(applied.map(({ writes }) => writes)).toEqual(['paused', 'enabled']);
      expect(warnings().map(({ problem }) => problem)).toEqual([expect.stringContaining(said)]);
      expect(JSON.stringify(lines)).not.toContain('hunter2');
    },
  );
});

describe('a logger whose level changes', () => {
  test('takes its children along', () => {
    const seen: string[] = [];
    const destination = { write: (line: string) => void seen.push((JSON.parse(line) as { msg: string }).msg) };
    let level: 'info' | 'debug' | 'silent' = 'info';
    const logger = createLogger({ level: () => level, destination });
    const child = logger.child({ role: 'operator' }).child({ vault: 'main' });
    const say = (what: string) => {
      for (const one of [logger, child]) {
        one.debug(`${what} debug`);
        one.warn(`${what} warn`);
      }
    };

    say('one');
    level = 'debug';
    say('two');
    level = 'silent';
    say('three');

    expect(seen).toEqual(['one warn', 'one warn', 'two debug', 'two warn', 'two debug', 'two warn']);
  });
});
