import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type PeerProcess, startProcess } from '../peers/processes.ts';
import { providePeer } from '../peers/provision.ts';
import { auditLine } from './entries.ts';
import { eventually, fakeState, interestIn, jobsOf, startWorld, TOKEN, type World } from './fakes.ts';
import { settingsInGuide } from './guide-snippets.ts';

describe('the OpenTelemetry Collector, set up as in the guide', () => {
  let program: string;
  let folder: string;
  let world: World;
  let collector: PeerProcess;

  const start = () => {
    const args = ['--config', `file:${join(folder, 'config.yaml')}`];
    return startProcess({ name: 'otelcol', command: program, args, folder, env: { VSS_TOKEN: TOKEN } });
  };

  beforeAll(async () => {
    ({ otelcol: program } = await providePeer('otelcol'));
    folder = await mkdtemp(join(tmpdir(), 'vss-otelcol-'));
    world = await startWorld({ state: fakeState(interestIn()) });
    const settings = settingsInGuide('OpenTelemetry Collector', {
      'https://vss-events.example.com': world.url,
      '/vault/audit/audit.log': join(folder, 'audit.log'),
      '/var/lib/otelcol': join(folder, 'storage'),
    });
    // Its own metrics would want a port that is the same for all.
    const quiet = 'service:\n  telemetry: { metrics: { level: none } }\n';
    await mkdir(join(folder, 'storage'));
    await writeFile(join(folder, 'config.yaml'), settings.replace('service:\n', quiet));
    await writeFile(join(folder, 'audit.log'), '');
    collector = await start();
  }, 600_000);

  afterAll(async () => {
    await collector?.kill();
    await world?.webhook.close(1_000);
    await rm(folder, { recursive: true, force: true });
  });

  /** Appends an entry to the audit log as Vault would. */
  const write = (name: string, requestData?: unknown) =>
    appendFile(join(folder, 'audit.log'), auditLine({ path: `secret/data/${name}`, id: randomUUID(), requestData }));

  const isHeard = (name: string) => jobsOf(world.state.added).includes(`path main  secret ${name}`);

  test('brings every change, and a line of megabytes whole', async () => {
    await write('a');
    await write('long', { value: 'x"{}\\ é😀'.repeat(300_000) });
    await write('b');

    await eventually(() => ['a', 'long', 'b'].every(isHeard), 'all three');
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(0);
  });

  test('comes again after 503, and with what it had not been rid of when it was killed', async () => {
    world.state.mode = 'refusing';
    await write('while-away');
    await eventually(async () => (await world.count('ingestRefused', { reason: 'queue' })) > 0, 'a refusal');
    await collector.kill();
    await write('while-killed');
    world.state.mode = 'up';

    collector = await start();

    await eventually(() => isHeard('while-away') && isHeard('while-killed'), 'what was written meanwhile');
  });
});
