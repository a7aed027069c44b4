import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findFreePort, type PeerProcess, startProcess } from '../peers/processes.ts';
import { providePeer } from '../peers/provision.ts';
import { auditLine } from './entries.ts';
import { eventually, fakeState, interestIn, jobsOf, startWorld, type World } from './fakes.ts';
import { settingsInGuide } from './guide-snippets.ts';

describe.each(['octet-counted', 'traditional'])('rsyslog over TCP (%s), set up as in the guide', (framing) => {
  let program: string;
  let folder: string;
  let port: number;
  let world: World;
  let relay: PeerProcess;

  const startListener = () => {
    const tcp = [{ host: '127.0.0.1', port, vault: 'main' }];
    return startWorld({ state: fakeState(interestIn()), settings: { tcp } });
  };
  const startRelay = () => {
    const args = ['-n', '-f', join(folder, 'rsyslog.conf'), '-i', join(folder, 'pid')];
    return startProcess({ name: 'rsyslog', command: program, args, folder });
  };

  beforeAll(async () => {
    ({ rsyslogd: program } = await providePeer('rsyslog'));
    folder = await mkdtemp(join(tmpdir(), 'vss-rsyslog-'));
    port = await findFreePort();
    const settings = settingsInGuide('rsyslog over TCP', {
      'vss-events.example.com': '127.0.0.1',
      '9090': String(port),
      '/vault/audit/audit.log': join(folder, 'audit.log'),
      '/var/lib/rsyslog': folder,
      'octet-counted': framing,
    });
    // So that it says on its standard error what goes wrong.
    await writeFile(join(folder, 'rsyslog.conf'), `${settings}global(processInternalMessages="on")\n`);
    await writeFile(join(folder, 'audit.log'), '');
    world = await startListener();
    relay = await startRelay();
  });

  afterAll(async () => {
    await relay?.kill();
    await world?.webhook.close(100);
    await rm(folder, { recursive: true, force: true });
  });

  /** Appends entries to the audit log as Vault would. */
  async function write(names: readonly string[], requestData?: unknown): Promise<void> {
    const lines = names.map((name) => auditLine({ path: `secret/data/${name}`, id: randomUUID(), requestData }));
    await appendFile(join(folder, 'audit.log'), lines.join(''));
  }

  function named(prefix: string): string[] {
    return Array.from({ length: 50 }, (_, index) => `${prefix}-${index}`);
  }

  /** Those of the names that were heard. */
  function heard(names: readonly string[]): string[] {
    const jobs = new Set(jobsOf(world.state.added));
    return names.filter((name) => jobs.has(`path main  secret ${name}`));
  }

  async function allAreHeard(names: readonly string[]): Promise<void> {
    await eventually(() => heard(names).length === names.length, `all of ${names[0]} …`);
  }

  /** Closes the listener and writes; resolves once rsyslog has tried to connect in vain. */
  async function writeWhileAway(names: readonly string[]): Promise<void> {
    const refusals = async () => (await relay.readLog()).split('cannot connect').length;
    const before = await refusals();
    await world.webhook.close(100);
    await write(names);
    await eventually(async () => (await refusals()) > before, 'rsyslog to be refused');
  }

  test('brings every change, and lines of megabytes whole', async () => {
    await write(named('short'));
    await write(['long'], { value: 'x"{}\\ é😀'.repeat(300_000) });
    await write(['after']);

    await allAreHeard([...named('short'), 'long', 'after']);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(0);
  });

  test('waits while the listener is away, and brings what was written meanwhile', async () => {
    await writeWhileAway(named('meanwhile'));

    world = await startListener();

    await allAreHeard(named('meanwhile'));
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(0);
  });

  test('brings what it held, and what was written meanwhile, when it was killed itself', async () => {
    await writeWhileAway(named('held'));
    await relay.kill();
    await write(named('while-killed'));

    world = await startListener();
    relay = await startRelay();

    await allAreHeard([...named('held'), ...named('while-killed')]);
  });
});
