import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadSettings } from '../../../src/config/load.ts';
import { startVaultEvents, type VaultEvents } from '../../stand-ins/vault-events/start.ts';
import { eventually, jobsOf, startWorld, type World } from '../fakes.ts';
import { mayHearAll, TOKEN } from './world.ts';

let folder: string;
let events: VaultEvents;
let world: World | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-subscriptions-'));
  await writeFile(join(folder, 'token'), TOKEN);
  events = await startVaultEvents({ tokens: { [TOKEN]: mayHearAll } });
});

afterEach(async () => {
  await world?.webhook.close(100);
  world = null;
  await events.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('a webhook that subscribes', () => {
  const subscription = () => ({
    vault: 'main',
    address: events.address,
    tokenFile: join(folder, 'token'),
  });

  test('needs no listener, and asks for one reconcile at its start', async () => {
    world = await startWorld({ settings: { http: null, tcp: [], tokens: [], eventSubscriptions: [subscription()] } });
    const { state } = world;

    events.happen({ type: 'kv-v2/data-write', name: 'app', version: 1 });

    await eventually(() => state.added.length > 0, 'the job');
    expect(jobsOf(state.added)).toEqual(['path main  secret app']);
  });

  test('is ready while its Vault cannot be heard: what others send it still can', async () => {
    events.fault('sealed');

    world = await startWorld({ settings: { eventSubscriptions: [subscription()] } });

    expect(world.webhook.ready()).toEqual({ ready: true, reason: '' });
  });

  test('ends its subscription when it closes', async () => {
    const { webhook } = await startWorld({ settings: { eventSubscriptions: [subscription()] } });

    await webhook.close(100);

    await eventually(() => events.connections === 0, 'the connection to end');
  });

  test('does not start for a Vault that it does not know', async () => {
    const starting = startWorld({ settings: { eventSubscriptions: [{ ...subscription(), vault: 'other' }] } });

    await expect(starting).rejects.toThrow('webhook.eventSubscriptions names the Vault "other"');
  });
});

describe('the settings of subscriptions', () => {
  const entry = { vault: 'main', tokenFile: '/etc/vss/token' };

  /** The complaints about settings, one a line; empty when there are none. */
  function complaintsAbout(eventSubscriptions: readonly object[]): string[] {
    const settings = {
      roles: ['webhook'],
      state: { redis: 'redis://redis:6379' },
      vaults: [{ name: 'main', address: 'https://vault.example.com' }],
      webhook: { http: { enabled: false }, eventSubscriptions },
    };
    try {
      loadSettings({ file: { name: 'settings.yaml', text: JSON.stringify(settings) }, env: {}, flags: {} });
      return [];
    } catch (error) {
      return Error.isError(error)
        ? error.message
            .split('\n')
            .slice(1)
            .map((line) => line.trim())
        : [];
    }
  }

  test.each([
    ['nothing else', [entry], []],
    [
      'an unknown Vault',
      [{ ...entry, vault: 'x' }],
      ['webhook.eventSubscriptions[0].vault: no Vault is called "x"; known: main'],
    ],
    [
      'one Vault twice',
      [entry, entry],
      ['webhook.eventSubscriptions[1].vault: is subscribed to already: one subscription hears all of a Vault'],
    ],
    [
      'a namespace with a slash at its end',
      [{ ...entry, namespace: 'admin/' }],
      [expect.stringContaining('webhook.eventSubscriptions[0].namespace')],
    ],
    ['no token', [{ vault: 'main' }], ['webhook.eventSubscriptions[0]: must have required properties tokenFile']],
  ])('%s', (_what, given, expected) => {
    expect(complaintsAbout(given)).toEqual(expected);
  });
});
