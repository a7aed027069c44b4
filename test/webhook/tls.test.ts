import { X509Certificate } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ClientSettings } from '../../src/webhook/client-certificates.ts';
import type { WebhookSettings } from '../../src/webhook/index.ts';
import { createAuthority, type Issued, type Wish } from './authority.ts';
import { auditLine } from './entries.ts';
import { bearer, eventually, type FakeClock, fakeClock, startWorld, type World } from './fakes.ts';
import {
  clientAuthority,
  type MountedSecret,
  mountSecret,
  secretFiles,
  serverCertificate,
  tlsSender,
} from './tls-senders.ts';

const undo: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface Started {
  readonly world: World;
  readonly clock: FakeClock;
  readonly secret: MountedSecret;
}

type TlsSettings = NonNullable<NonNullable<WebhookSettings['http']>['tls']>;

async function start(
  options: {
    server?: Issued;
    tls?: Partial<TlsSettings>;
    settings?: Partial<WebhookSettings>;
    secret?: MountedSecret;
  } = {},
): Promise<Started> {
  const secret = options.secret ?? (await mountSecret(secretFiles(options.server ?? serverCertificate())));
  if (!options.secret) undo.push(() => secret.remove());
  const { certFile, keyFile } = secret;
  const tls = { certFile, keyFile, clients: [], require: 'all' as const, ...options.tls };
  const clock = fakeClock(Date.now());
  const http = { host: '127.0.0.1', port: 0, tls };
  const world = await startWorld({ clock, settings: { http, ...options.settings } });
  undo.push(() => world.webhook.close(100));
  return { world, clock, secret };
}

function senderTo(world: World, options: Parameters<typeof tlsSender>[1] = {}): ReturnType<typeof tlsSender> {
  const sender = tlsSender(world, options);
  undo.push(() => sender.close());
  return sender;
}

const serialOf = ({ cert }: Issued): string => new X509Certificate(cert).serialNumber;

/** Moves the clock until something is so: looking at files takes real time. */
async function waitUntil(clock: FakeClock, check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  await eventually(async () => {
    await clock.advance(5_000);
    return check();
  }, what);
}

const isLogged = (world: World, text: string) => () => world.logged.join('').includes(text);

describe('the certificate of the server', () => {
  test('is shown to senders', async () => {
    const server = serverCertificate();
    const { world } = await start({ server });

    const answer = await senderTo(world).post(auditLine(), bearer);

    expect(answer).toEqual({ status: 200, serial: serialOf(server) });
    expect(world.state.added).toHaveLength(1);
  });

  test('is taken anew when its files are exchanged, while open connections go on', async () => {
    const [first, second] = [serverCertificate(), serverCertificate()];
    const { world, clock, secret } = await start({ server: first });
    const open = senderTo(world);
    await open.post(auditLine(), bearer);

    await secret.put(secretFiles(second));
    await waitUntil(clock, isLogged(world, 'was renewed'), 'the renewal');
    const answers = [await open.post(auditLine(), bearer), await senderTo(world).post(auditLine(), bearer)];

    expect(answers).toEqual([
      { status: 200, serial: serialOf(first) },
      { status: 200, serial: serialOf(second) },
    ]);
  });

  const good = secretFiles(serverCertificate());

  test.each([
    ['a key of another certificate', { ...good, 'tls.key': serverCertificate().key }, /the key in \S+ is not that of/],
    ['half a certificate', { ...good, 'tls.crt': '-----BEGIN CERTIFICATE-----\nMII' }, /tls.crt holds no PEM certi/],
    ['an empty key', { ...good, 'tls.key': '' }, /tls.key holds no PEM private key/],
    ['no files', {}, /tls.crt cannot be read \(ENOENT\)/],
  ])('stays when what comes next is %s, and is exchanged once it is right', async (_title, bad, why) => {
    const [first, second] = [serverCertificate(), serverCertificate()];
    const { world, clock, secret } = await start({ server: first });

    await secret.put(bad);
    await waitUntil(clock, isLogged(world, 'the ones before stay in use'), 'the complaint');
    const during = await senderTo(world).post(auditLine(), bearer);
    await secret.put(secretFiles(second));
    await waitUntil(clock, isLogged(world, 'was renewed'), 'the renewal');
    const later = await senderTo(world).post(auditLine(), bearer);

    expect([during.serial, later.serial]).toEqual([serialOf(first), serialOf(second)]);
    expect(world.logged.join('')).toMatch(why);
    expect(world.logged.join('')).not.toMatch(/BEGIN|MII/);
  });

  test('is not taken at half of an exchange, file after file', async () => {
    const [first, second] = [serverCertificate(), serverCertificate()];
    const { world, clock, secret } = await start({ server: first });

    await secret.put({ ...secretFiles(second), 'tls.key': first.key });
    await clock.advance(5_000);
    await secret.put(secretFiles(second));
    await waitUntil(clock, isLogged(world, 'was renewed'), 'the renewal');

    expect(world.logged.join('')).not.toContain('cannot be used');
  });

  test('is told of by a metric, and by an error once it has expired', async () => {
    const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000);
    const { world } = await start({ server: serverCertificate(undefined, notAfter) });

    const { values } = await world.metrics.certificateExpires.get();

    expect(values).toEqual([{ labels: { setting: 'webhook.http.tls' }, value: notAfter.getTime() / 1000 }]);
    expect(world.logged.join('')).toContain('the certificate has expired');
  });

  test.each([
    [
      'is missing',
      { certFile: '/nowhere/tls.crt' },
      'webhook.http.tls: the file /nowhere/tls.crt cannot be read (ENOENT)',
    ],
    ['holds none', { certFile: import.meta.filename }, 'holds no PEM certificates'],
  ])('stops the start with a sentence when its file %s', async (_title, tls, message) => {
    await expect(start({ tls })).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining(message),
    });
  });

  test('is all that plain HTTP gets to see: it is turned away, and said so', async () => {
    const { world } = await start();
    const socket = connect(world.webhook.httpAddress?.port ?? 0, '127.0.0.1');

    socket.on('error', () => undefined).resume();
    socket.write('POST /events HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => socket.closed, 'the end of the connection');

    expect(await world.count('ingestRefused', { reason: 'tls' })).toBe(1);
    expect(world.logged.join('')).toContain('a connection ended before TLS was agreed on: plain HTTP');
  });

  test('does not hold up the end of the process with a handshake that never ends', async () => {
    const { world, clock } = await start();
    const socket = connect(world.webhook.httpAddress?.port ?? 0, '127.0.0.1');
    socket.on('error', () => undefined);
    await eventually(() => !socket.connecting, 'the connection');

    let closed = false;
    const closing = world.webhook.close(1_000).then(() => {
      closed = true;
    });
    await waitUntil(clock, () => closed, 'the end');

    await closing;
    socket.destroy();
  });
});

const twoVaults = {
  vaults: [
    { name: 'main', address: 'https://vault.example.com:8200', aliases: [] },
    { name: 'other', address: 'https://other.example.com', aliases: [] },
  ],
};
const noTokens = { ...twoVaults, tokens: [] };

/** A webhook that wants certificates, and a sender with one. */
async function startMutual(options: {
  clients: readonly ClientSettings[];
  wish: Wish | null;
  from?: typeof clientAuthority;
  require?: 'all' | 'any';
  settings?: Partial<WebhookSettings>;
}): Promise<Started & { sender: ReturnType<typeof tlsSender> }> {
  const { clients, wish, from = clientAuthority, require = 'all', settings = noTokens } = options;
  const secret = await mountSecret(secretFiles(serverCertificate()));
  undo.push(() => secret.remove());
  const started = await start({ secret, tls: { clientCaFile: secret.clientCaFile, clients, require }, settings });
  return { ...started, sender: senderTo(started.world, wish ? from.issue(wish) : {}) };
}

describe('the certificates of senders', () => {
  test.each<[string, Wish, string]>([
    ['its common name', { commonName: 'vault-main' }, 'vault-main'],
    ['its DNS name', { dnsNames: ['a.example.com', 'vault.example.com'] }, 'vault.example.com'],
    ['its SPIFFE id', { uris: ['spiffe://cluster.local/ns/vault/sa/agent'] }, 'spiffe://cluster.local/ns/vault/sa/*'],
    ['a name with a comma', { uris: ['spiffe://cluster.local/a,b'] }, 'spiffe://cluster.local/a,b'],
    ['any name', { commonName: 'whoever' }, '**'],
  ])('let a sender in by %s, and say which Vault it speaks for', async (_title, wish, name) => {
    const { world, sender } = await startMutual({ clients: [{ name, vault: 'main' }], wish });

    const answers = [
      await sender.post(auditLine({ path: 'secret/data/a' })),
      await sender.post(auditLine({ path: 'secret/data/b' }), {}, '/events/main'),
      await sender.post(auditLine(), {}, '/events/other'),
      await sender.post(auditLine(), { 'X-Vault-Tenant': 'other' }),
    ];

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 403, 403]);
    expect(world.state.added).toHaveLength(2);
  });

  test.each<[string, Wish]>([
    ['another name', { commonName: 'vault-mainly', dnsNames: ['vault-main.example.com'] }],
    ['a name below a glob for one step', { uris: ['spiffe://cluster.local/ns/vault/sa/agent/more'] }],
    ['a name that only looks like two', { dnsNames: ['x, DNS:vault-main'] }],
    ['no name', {}],
  ])('keep out a sender with %s', async (_title, wish) => {
    const clients = [{ name: 'vault-main' }, { name: 'spiffe://cluster.local/ns/vault/sa/*' }];
    const { world, sender } = await startMutual({ clients, wish });

    const { status } = await sender.post(auditLine());

    expect(status).toBe(401);
    expect(world.state.added).toEqual([]);
    expect(await world.count('ingestRefused', { reason: 'unauthorized' })).toBe(1);
  });

  test.each([
    ['none', null, clientAuthority],
    ['one of another authority', { commonName: 'vault-main' }, createAuthority('authority of the senders')],
    ['one that has expired', { commonName: 'vault-main', notAfter: new Date(Date.now() - 60_000) }, clientAuthority],
  ] as const)('end TLS for a sender with %s', async (_title, wish, from) => {
    const { world, sender } = await startMutual({ clients: [{ name: '**' }], wish, from });

    await expect(sender.post(auditLine())).rejects.toThrow();

    await eventually(async () => (await world.count('ingestRefused', { reason: 'tls' })) === 1, 'the count');
    expect(world.state.added).toEqual([]);
  });

  test('that are taken off the list are let in no more after the start that follows', async () => {
    const issued = clientAuthority.issue({ commonName: 'leaver' });
    const secret = await mountSecret(secretFiles(serverCertificate()));
    undo.push(() => secret.remove());
    const clientCaFile = secret.clientCaFile;
    const before = await start({
      secret,
      tls: { clientCaFile, clients: [{ name: 'leaver' }, { name: 'x' }] },
      settings: noTokens,
    });
    const letIn = await senderTo(before.world, issued).post(auditLine());

    const later = await start({ secret, tls: { clientCaFile, clients: [{ name: 'x' }] }, settings: noTokens });
    const refused = await senderTo(later.world, issued).post(auditLine());

    expect([letIn.status, refused.status]).toEqual([200, 401]);
  });

  test('are no longer good, without a restart, when their authority is taken out of its file', async () => {
    const wish = { commonName: 'vault-main' };
    const { world, clock, secret } = await startMutual({ clients: [{ name: '**' }], wish });
    const issued = clientAuthority.issue(wish);
    const letIn = await senderTo(world, issued).post(auditLine());
    const others = createAuthority('the next authority');

    await secret.put({ ...secretFiles(serverCertificate()), 'ca.crt': others.cert });
    await waitUntil(clock, isLogged(world, 'was renewed'), 'the renewal');

    expect(letIn.status).toBe(200);
    await expect(senderTo(world, issued).post(auditLine())).rejects.toThrow();
    expect((await senderTo(world, others.issue(wish)).post(auditLine())).status).toBe(200);
  });
});

describe('tokens and certificates together', () => {
  const tokens = [{ token: 'token-of-any' }, { token: 'token-of-other', vault: 'other' }];
  const settings = { ...twoVaults, tokens };
  const clients = [{ name: 'vault-main', vault: 'main' }];
  const tokenOf = (name: string) => ({ Authorization: `Bearer token-of-${name}` });
  const wish = { commonName: 'vault-main' };
  const stranger = { commonName: 'stranger' };

  test.each([
    ['all', 'both', wish, tokenOf('any'), 200],
    ['all', 'no token', wish, {}, 401],
    ['all', 'a wrong token', wish, tokenOf('none'), 401],
    ['all', 'a token, and a certificate that is not on the list', stranger, tokenOf('any'), 401],
    ['all', 'a token and a certificate of different Vaults', wish, tokenOf('other'), 403],
    ['any', 'both', wish, tokenOf('any'), 200],
    ['any', 'a certificate alone', wish, {}, 200],
    ['any', 'a token alone', null, { ...tokenOf('any'), 'X-Vault-Tenant': 'main' }, 200],
    ['any', 'a token, and a certificate that is not on the list', stranger, tokenOf('other'), 200],
    ['any', 'neither', null, {}, 401],
    ['any', 'a token and a certificate of different Vaults', wish, tokenOf('other'), 403],
  ] as const)(
    'with require: %s, a sender with %s is answered',
    async (require, _what, certificate, headers, expected) => {
      const { sender } = await startMutual({ clients, wish: certificate, require, settings });

      const { status } = await sender.post(auditLine(), headers);

      expect(status).toBe(expected);
    },
  );

  test('with require: any, a certificate that nobody vouches for counts as none', async () => {
    const from = createAuthority('nobody we know');
    const { sender } = await startMutual({ clients, wish, from, require: 'any', settings });

    const statuses = [await sender.post(auditLine()), await sender.post(auditLine(), tokenOf('other'))];

    expect(statuses.map(({ status }) => status)).toEqual([401, 200]);
  });
});
