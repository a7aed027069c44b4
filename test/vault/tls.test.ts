import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { makePeerFolder, type PeerProcess, removeFolder, startOnFreePort, startProcess } from '../peers/processes.ts';
import { providePeer } from '../peers/provision.ts';
import { calm, createReaders, listen } from './world.ts';

const ear = listen();
const readers = createReaders(ear);
let server: PeerProcess;
let folder: string;
let address: string;
let caPem: string;

beforeAll(async () => {
  const { vault: command } = await providePeer('vault');
  folder = await makePeerFolder('vault-tls');
  server = await startOnFreePort(async (port) => {
    const args = ['server', '-dev', '-dev-tls', `-dev-tls-cert-dir=${folder}`, '-dev-root-token-id=root'];
    args.push('-dev-no-store-token', `-dev-listen-address=127.0.0.1:${port}`);
    const started = await startProcess({ name: 'vault', command, args, folder });
    await started.untilReady(async () => /^Root Token: /m.test(await started.readLog()));
    address = `https://127.0.0.1:${port}`;
    return started;
  });
  caPem = await readFile(join(folder, 'vault-ca.pem'), 'utf8');
});
afterEach(() => readers.closeAll());
afterAll(async () => {
  await server?.kill();
  await removeFolder(folder);
});

describe('a Vault with a certificate authority of its own', () => {
  test('is read when that authority is trusted', async () => {
    const { reader } = readers.open({ address, caPem });

    await reader.check(calm);

    const read = await reader.read({ namespace: '', mount: 'secret', name: 'nothing' }, calm);
    expect(read).toMatchObject({ found: false, because: 'notFound' });
  });

  test('is refused otherwise, whatever VAULT_SKIP_VERIFY says', async () => {
    process.env['VAULT_SKIP_VERIFY'] = 'true';
    const { reader } = readers.open({ address });
    delete process.env['VAULT_SKIP_VERIFY'];

    const refusal = await ear.refusal(reader.check(calm));

    expect(refusal).toMatchObject({ remedy: 'SourceUnavailable', reason: 'VaultUnreachable' });
    expect(refusal.code).toMatch(/CERT|ISSUER|SIGNATURE/);
  });
});
