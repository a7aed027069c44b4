import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type PeerProcess, startProcess } from '../peers/processes.ts';
import { providePeer } from '../peers/provision.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { eventually, fakeState, interestIn, jobsOf, startWorld, TOKEN, type World } from './fakes.ts';
import { settingsInGuide } from './guide-snippets.ts';

describe('syslog-ng, set up as in the guide', () => {
  let program: string;
  let folder: string;
  let world: World;
  let vault: VaultPeer;
  let shipper: PeerProcess;

  const start = async (): Promise<void> => {
    const own = { cfgfile: 'syslog-ng.conf', 'persist-file': 'persist', pidfile: 'pid', control: 'control' };
    const files = Object.entries(own).map(([option, file]) => `--${option}=${join(folder, file)}`);
    shipper = await startProcess({
      name: 'syslog-ng',
      command: program,
      args: ['-F', '--no-caps', ...files],
      folder,
    });
  };

  beforeAll(async () => {
    ({ syslogNg: program } = await providePeer('syslog-ng'));
    folder = await mkdtemp(join(tmpdir(), 'vss-syslog-ng-'));
    world = await startWorld({ state: fakeState(interestIn()) });
    vault = await startVault();
    const settings = settingsInGuide('syslog-ng', {
      'https://vss-events.example.com': world.url,
      '/vault/audit/audit.log': vault.auditFile,
      '/var/lib/syslog-ng': folder,
      '`VSS_TOKEN`': TOKEN,
      'time-reopen(2)': 'time-reopen(1)',
    });
    await writeFile(join(folder, 'syslog-ng.conf'), settings);
    await start();
  }, 600_000);

  afterAll(async () => {
    await shipper?.kill();
    await vault?.stop();
    await world?.webhook.close(1_000);
    await rm(folder, { recursive: true, force: true });
  });

  const put = (name: string) => vault.api('POST', `secret/data/${name}`, { data: { user: 'ada' } });
  const isHeard = (name: string) => jobsOf(world.state.added).includes(`path main  secret ${name}`);

  test('brings every change', async () => {
    await put('a');
    await put('b');

    await eventually(() => isHeard('a') && isHeard('b'), 'both');
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(0);
  });

  test('comes again after 503, more often than its retries, and loses nothing', async () => {
    world.state.mode = 'refusing';
    await put('while-away');
    await eventually(async () => (await world.count('ingestRefused', { reason: 'queue' })) >= 8, 'eight refusals');
    await put('while-away-too');
    world.state.mode = 'up';

    await eventually(() => isHeard('while-away') && isHeard('while-away-too'), 'what was written meanwhile');
  });

  test('goes on where it was when it was killed', async () => {
    await shipper.kill();
    await put('while-killed');

    await start();

    await eventually(() => isHeard('while-killed'), 'what was written meanwhile');
  });
});
