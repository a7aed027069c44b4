import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { type AzureSettings, azure } from '../../../src/sync-targets/azure/index.ts';
import type { Target } from '../../../src/sync-targets/contract.ts';
import { eventually } from '../../peers/processes.ts';
import { type AzureKeyVaultStandIn, startAzureKeyVault } from '../../stand-ins/azure-key-vault/start.ts';
import { createContext, createManualClock } from '../conformance/under-test.ts';
import { settingsFor } from './under-test.ts';
import { owner, wish, withAzureWorld } from './world.ts';

/** A target with other settings than the shared worlds have. */
async function withTarget(
  standIn: AzureKeyVaultStandIn,
  changes: Partial<AzureSettings>,
  use: (target: Target) => Promise<void>,
  vaultUrl = standIn.vaultUrl,
): Promise<void> {
  await withSettings(standIn, { ...settingsFor(standIn), ...changes }, use, vaultUrl);
}

async function withSettings(
  standIn: AzureKeyVaultStandIn,
  settings: AzureSettings,
  use: (target: Target) => Promise<void>,
  vaultUrl = standIn.vaultUrl,
): Promise<void> {
  const context = createContext({ settings, clock: createManualClock(Date.now()), errors: [] });
  const target = azure.open({ azure: { vaultUrl } }, context);
  try {
    await use(target);
  } finally {
    await target.close?.();
  }
}

async function withStandIn(
  options: Parameters<typeof startAzureKeyVault>[0],
  use: (standIn: AzureKeyVaultStandIn) => Promise<void>,
): Promise<void> {
  const standIn = await startAzureKeyVault(options);
  try {
    await use(standIn);
  } finally {
    await standIn.stop();
  }
}

const write = (target: Target, name: string) =>
  target.write(wish(name), { kind: 'absent' }, AbortSignal.timeout(100_000));

describe('connections', () => {
  test('are kept: 50 calls one after the other, the sign-in too, take one handshake', async () => {
    await withAzureWorld({}, async ({ target, standIn, look }) => {
      for (let index = 0; index < 49; index += 1) await write(target, `copy-${index}`);
      await look('copy-0');

      expect(await standIn.connections()).toBe(1);
    });
  });

  test('are kept after a refusal too', async () => {
    await withAzureWorld({}, async ({ target, standIn }) => {
      await standIn.fault({ kind: 'throttle', count: 3, retryAfterSeconds: 1 });
      for (let index = 0; index < 3; index += 1) await expect(write(target, 'copy')).rejects.toThrow();

      await write(target, 'copy');

      expect(await standIn.connections()).toBe(1);
    });
  });

  test('are no more than 16 to one vault, however many calls are made at once', async () => {
    await withAzureWorld({}, async ({ target, standIn }) => {
      await Promise.all(Array.from({ length: 60 }, (_, index) => write(target, `copy-${index}`)));

      expect(await standIn.connections()).toBeLessThanOrEqual(16);
    });
  });
});

const shortLimits = { requestTimeoutMs: 200, signInTimeoutMs: 200 };
/** Less than the limits that hold without a setting, in milliseconds. */
const inTime = 9_000;

/** Expects that a call fails, by a limit of its own and not by those. */
async function expectEndInTime(call: Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await expect(call).rejects.toMatchObject({ remedy: 'Retry' });
  expect(performance.now() - begun).toBeLessThan(inTime);
}

describe('a vault that does not answer', () => {
  test.each([
    ['GetSecretVersions', 'hang', 'before the head of its answer'],
    ['GetSecretVersions', 'stall', 'within its answer'],
    ['GetToken', 'hang', 'before the head of its answer'],
    ['GetToken', 'stall', 'within its answer'],
  ] as const)('%s ends by a limit of its own (%s: %s), and its connection with it', async (operation, kind, _where) => {
    await withStandIn({}, async (standIn) => {
      await withTarget(standIn, shortLimits, async (target) => {
        await standIn.fault({ kind, operation });

        await expectEndInTime(target.describe('copy', new AbortController().signal));

        await eventually(async () => (await standIn.hanging()) === 0, { what: 'the caller to hang up' });
        await standIn.clearFaults();
      });
    });
  });

  test.each(['vault', 'sign-in'] as const)('during the TLS handshake (%s) ends by that limit too', async (which) => {
    await withStandIn({}, async (standIn) => {
      const silent = await startSilentPeer();
      const changes = which === 'vault' ? { allowedHosts: [silent.host] } : { authorityHost: `https://${silent.host}` };
      const vaultUrl = which === 'vault' ? `https://${silent.host}` : standIn.vaultUrl;
      const ends = async (target: Target) => {
        await expectEndInTime(target.describe('copy', new AbortController().signal));

        await silent.allHungUp();
      };
      await withTarget(standIn, { ...shortLimits, ...changes }, ends, vaultUrl);
      await silent.close();
    });
  });

  test('in a body that stalls ends when the caller gives up', async () => {
    await withStandIn({}, async (standIn) => {
      await withTarget(standIn, {}, async (target) => {
        await standIn.fault({ kind: 'stall', operation: 'GetSecretVersions' });
        const giveUp = new AbortController();
        const describing = target.describe('copy', giveUp.signal);
        const ended = expect(describing).rejects.toMatchObject({ remedy: 'Retry', reason: 'NoAnswer' });
        await eventually(async () => (await standIn.hanging()) === 1, { what: 'the body to stall' });

        giveUp.abort();

        await ended;
        await eventually(async () => (await standIn.hanging()) === 0, { what: 'the caller to hang up' });
        await standIn.clearFaults();
      });
    });
  });

  test('ends on a later page of a listing too', async () => {
    await withStandIn({}, async (standIn) => {
      for (let index = 0; index < 26; index += 1) await standIn.setByHand(`other-${index}`, { value: 'x' });
      await withTarget(standIn, { requestTimeoutMs: 3_000 }, async (target) => {
        await write(target, 'a-first');
        const pages = target.list?.(owner, new AbortController().signal)[Symbol.asyncIterator]();
        await pages?.next();
        await standIn.fault({ kind: 'hang', operation: 'GetSecrets' });

        const rest = pages?.next();

        await expect(rest).rejects.toMatchObject({ remedy: 'Retry', reason: 'NoAnswer' });
        await standIn.clearFaults();
      });
    });
  });

  test('holds up no other copy', async () => {
    await withAzureWorld({ deletingMs: 3_600_000, recoveryPatienceMs: 3_600_000 }, async (world) => {
      await world.create('busy');
      await world.standIn.deleteByHand('busy');
      const giveUp = new AbortController();
      const waiting = world.target.write(wish('busy', 2), { kind: 'absent' }, giveUp.signal);
      const ended = expect(waiting).rejects.toMatchObject({ remedy: 'Retry', reason: 'NoAnswer' });

      await world.create('another');
      giveUp.abort();

      await ended;
      expect((await world.standIn.secret('another'))?.phase).toBe('live');
    });
  });
});

describe('other clouds', () => {
  test.each([
    ['US Government', 'vault.usgovcloudapi.net'],
    ['China', 'vault.azure.cn'],
  ])('%s: a token is asked for the resource of its dnsSuffix', async (_cloud, dnsSuffix) => {
    await withStandIn({ resource: `https://${dnsSuffix}` }, async (standIn) => {
      await withTarget(standIn, { dnsSuffix }, async (target) => {
        await write(target, 'copy');

        expect((await standIn.secret('copy'))?.value).toBe(wish('copy').value);
      });
    });
  });

  test('a dnsSuffix of another cloud than the sign-in is refused there, and says what to check', async () => {
    await withStandIn({ resource: 'https://vault.usgovcloudapi.net' }, async (standIn) => {
      await withTarget(standIn, {}, async (target) => {
        const writing = write(target, 'copy');

        const message = expect.stringContaining('authorityHost and stores.azure.dnsSuffix belong to one cloud');
        await expect(writing).rejects.toMatchObject({ remedy: 'SlowRetry', code: 'AADSTS70011', message });
      });
    });
  });

  test.each([
    ['vault.usgovcloudapi.net', 'azure:team-a.vault.usgovcloudapi.net'],
    ['vault.azure.cn', 'azure:team-a.vault.azure.cn'],
  ])('a vaultName is completed by %s', (dnsSuffix, scope) => {
    const settings = { dnsSuffix, authorityHost: 'https://login.example.com', allowedHosts: [] };
    const context = createContext({ settings, clock: createManualClock(0), errors: [] });

    expect(azure.open({ azure: { vaultName: 'team-a' } }, context).scope).toBe(scope);
  });
});

describe('a certificate', () => {
  test('of a private authority is taken only when the settings name that one, at the sign-in and at the vault', async () => {
    await withStandIn({}, async (standIn) => {
      const { caFile: _caFile, ...untrusting } = settingsFor(standIn);
      const { clientSecret: _secret, ...withoutProof } = untrusting;
      const signedIn = { ...withoutProof, managedIdentity: true, managedIdentityEndpoint: standIn.metadataUrl };

      const message = expect.stringContaining('stores.azure.caFile');
      const refused = { remedy: 'SlowRetry', reason: 'CertificateRefused', message };
      await withSettings(standIn, untrusting, (target) => expect(write(target, 'copy')).rejects.toMatchObject(refused));
      await withSettings(standIn, signedIn, (target) => expect(write(target, 'copy')).rejects.toMatchObject(refused));
    });
  });

  test('file that is not there is told, and read again with the next call', async () => {
    await withStandIn({}, async (standIn) => {
      await withTarget(standIn, { caFile: '/nowhere/ca.pem' }, async (target) => {
        const message = expect.stringContaining('stores.azure.caFile cannot be read (ENOENT)');
        await expect(write(target, 'copy')).rejects.toMatchObject({ reason: 'NoCertificates', message });
        await expect(write(target, 'copy')).rejects.toMatchObject({ reason: 'NoCertificates', message });
      });
    });
  });
});

describe('a proxy', () => {
  test('takes the calls and the sign-in', async () => {
    await withStandIn({}, async (standIn) => {
      const asked: string[] = [];
      const proxy = await startProxy((host) => asked.push(host));
      await withTarget(standIn, { proxy: urlOf(proxy) }, (target) => write(target, 'copy').then(() => undefined));
      proxy.close();

      expect((await standIn.secret('copy'))?.value).toBe(wish('copy').value);
      expect(new Set(asked)).toEqual(new Set([new URL(standIn.vaultUrl).host]));
    });
  });

  test('that is not there is told by its code', async () => {
    await withStandIn({}, async (standIn) => {
      await withTarget(standIn, { proxy: 'http://127.0.0.1:1' }, async (target) => {
        await expect(write(target, 'copy')).rejects.toMatchObject({ remedy: 'Retry', code: 'ECONNREFUSED' });
      });
    });
  });
});

/** Takes connections and never says a word. */
async function startSilentPeer() {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    // What is sent must be read for the end of the connection to be seen.
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    allHungUp: () => eventually(() => sockets.size === 0, { what: 'the caller to hang up' }),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A proxy that tunnels, and tells where to. */
async function startProxy(onTunnel: (host: string) => void): Promise<Server> {
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    const { hostname, port, host } = new URL(`http://${request.url}`);
    onTunnel(host);
    const onward = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket);
      socket.pipe(onward);
    });
    socket.on('close', () => onward.destroy());
    socket.on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return proxy;
}

function urlOf(proxy: Server): string {
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
