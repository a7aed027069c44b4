import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { judgeNotification } from '../../../src/webhook/subscriptions/notification.ts';
import { startVault, type VaultPeer } from '../../peers/start-vault.ts';
import { startVaultEvents } from '../../stand-ins/vault-events/start.ts';
import { eventually } from '../fakes.ts';
import { endAll, mayHearAll, startSubscribed, TOKEN } from './world.ts';

/** Event notifications are Enterprise only. What a community Vault can show: its refusal, and that its own client takes the stand-in for a Vault. */

let vault: VaultPeer;

beforeAll(async () => {
  vault = await startVault();
}, 600_000);

afterEach(endAll);

afterAll(async () => {
  await vault?.stop();
});

describe('a community Vault', () => {
  test('has no event notifications: that is said, and what to do instead', async () => {
    const { said, subscribed } = await startSubscribed({
      settings: { address: vault.address },
      token: vault.token,
    });

    expect(said()).toContain(
      'it answered 404: it has no event notifications, which need Vault Enterprise 1.16 or newer',
    );
    expect(await subscribed()).toBe(0);
  });

  test('that does not know the token says only that', async () => {
    const { said } = await startSubscribed({ settings: { address: vault.address } });

    expect(said()).toContain('it answered 403: the token in tokenFile is not valid (any more)');
  });

  test('that is sealed is told from one that has none', async () => {
    await vault.seal();

    const { said } = await startSubscribed({ settings: { address: vault.address } });

    expect(said()).toContain('it answered 503: it is sealed');
    await vault.unseal();
  });
});

describe("Vault's own client, `vault events subscribe`", () => {
  test('hears from the stand-in what we hear', async () => {
    const events = await startVaultEvents({ tokens: { [TOKEN]: mayHearAll } });
    const client = spawn(vault.bin, ['events', 'subscribe', 'kv*'], {
      env: { VAULT_ADDR: events.address, VAULT_TOKEN: TOKEN, HOME: '/nonexistent' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const heard: string[] = [];
    // It writes one notification after the other, with no line ends.
    client.stdout.on('data', (piece: Buffer) => heard.push(piece.toString()));
    await eventually(() => events.connections === 1, 'the client');

    events.happen({ type: 'kv-v2/data-write', name: 'app', version: 4 });

    await eventually(() => heard.length > 0, 'the notification');
    expect(events.requests[0]?.url).toBe('/v1/sys/events/subscribe/kv%2A?json=true');
    expect(judgeNotification(heard.join(''))).toMatchObject({ path: 'secret/data/app', version: 4 });
    client.kill('SIGKILL');
    await once(client, 'close');
    await events.stop();
  });

  test('is sent on by a standby, and refused without the right', async () => {
    const active = await startVaultEvents({ tokens: { [TOKEN]: mayHearAll } });
    const standby = await startVaultEvents({ tokens: {} });
    standby.standBy(active.address);
    const run = async (address: string, token: string) => {
      const client = spawn(vault.bin, ['events', 'subscribe', 'kv*'], {
        env: { VAULT_ADDR: address, VAULT_TOKEN: token, HOME: '/nonexistent' },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const lines: string[] = [];
      createInterface({ input: client.stderr }).on('line', (line) => lines.push(line));
      return { client, lines, closed: once(client, 'close') };
    };

    const sentOn = await run(standby.address, TOKEN);
    await eventually(() => active.connections === 1, 'the client at the active node');
    const refused = await run(active.address, 'hvs.unknown');
    await refused.closed;

    expect(refused.lines.join('\n')).toContain('403');
    sentOn.client.kill('SIGKILL');
    await sentOn.closed;
    await Promise.all([active.stop(), standby.stop()]);
  });
});
