import { describe, expect, test } from '@jest/globals';
import { leaves } from '../../src/config/leaves.ts';
import { loadSettings } from '../../src/config/load.ts';
import { settingsChange } from '../../src/config/reload.ts';

const vaults = '[{name: main, address: "https://vault.example.com", auth: {tokenFile: /token}}]';

function settings(more = '') {
  const text = `vaults: ${vaults}\nwebhook: {allowUnauthenticated: true}\n${more}`;
  return loadSettings({ file: { name: 'settings.yaml', text }, env: {}, flags: {} });
}

describe('a change of settings', () => {
  test.each<[string, string, { takesEffect: string[]; needsRestart: string[] }]>([
    ['nothing', '', { takesEffect: [], needsRestart: [] }],
    ['what is the default anyway', 'writes: enabled\n', { takesEffect: [], needsRestart: [] }],
    ['writes', 'writes: paused\n', { takesEffect: ['writes'], needsRestart: [] }],
    ['the log level', 'log: {level: debug}\n', { takesEffect: ['log.level'], needsRestart: [] }],
    [
      'something else',
      'ops: {port: 1}\nshutdownGrace: 1\n',
      { takesEffect: [], needsRestart: ['ops.port', 'shutdownGrace'] },
    ],
    [
      'a list',
      'policies: [{namespaces: [a], paths: [a], destinations: [a]}]\n',
      { takesEffect: [], needsRestart: ['policies'] },
    ],
    ['both', 'writes: paused\ninstallation: x\n', { takesEffect: ['writes'], needsRestart: ['installation'] }],
  ])('of %s is told by the paths of the settings', (_what, more, expected) => {
    expect(settingsChange(settings(), settings(more))).toEqual(expected);
    expect(settingsChange(settings(more), settings())).toEqual(expected);
  });

  test('names a secret, never its value', () => {
    const change = settingsChange(settings(), settings('fingerprintKey: hunter2-hunter2-hunter2\n'));

    expect(change.needsRestart).toEqual(['fingerprintKey']);
    expect(JSON.stringify(change)).not.toContain('hunter2');
  });

  test('only of settings that exist can take effect', () => {
    const paths = leaves.map(({ path }) => path);

    expect(paths).toEqual(expect.arrayContaining(['writes', 'log.level']));
  });
});
