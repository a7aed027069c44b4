import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort, makePeerFolder, removeFolder, startOnFreePort, startProcess } from './processes.ts';
import { providePeer } from './provision.ts';
import { connectTo, enableAuditFile, type VaultPeer } from './start-vault.ts';

/** A Vault whose data can be saved and put back. */
export interface RaftVaultPeer extends VaultPeer {
  saveSnapshot(): Promise<Buffer>;
  /** Resolves once Vault answers with the data of the snapshot. */
  restoreSnapshot(snapshot: Buffer): Promise<void>;
}

/** Starts a real Vault server on integrated storage (one node), unsealed, with `secret/` (KV v2) and a file audit device. */
export async function startRaftVault(): Promise<RaftVaultPeer> {
  const { vault: bin } = await providePeer('vault');
  const folder = await makePeerFolder('vault-raft');
  await mkdir(join(folder, 'data'));
  const { port, server } = await startOnFreePort(async (free) => {
    const config = join(folder, 'vault.hcl');
    await writeFile(config, configuration(folder, free, await findFreePort()));
    const started = await startProcess({ name: 'vault', command: bin, args: ['server', `-config=${config}`], folder });
    // 501: it listens, and waits to be initialised.
    const isThere = async () => (await fetch(`http://127.0.0.1:${free}/v1/sys/health`)).status === 501;
    await started.untilReady(isThere);
    return { port: free, server: started };
  });
  const address = `http://127.0.0.1:${port}`;
  const init = await fetch(`${address}/v1/sys/init`, {
    method: 'PUT',
    body: JSON.stringify({ secret_shares: 1, secret_threshold: 1 }),
  });
  const { keys, root_token: token } = (await init.json()) as { keys: string[]; root_token: string };
  const peer = connectTo({ bin, folder, port, server, token, unsealKey: async () => keys[0] ?? '' });
  const isActive = async () => (await fetch(`${address}/v1/sys/health`)).status === 200;
  await peer.unseal();
  await server.untilReady(isActive);
  await enableAuditFile(peer);
  await peer.enableKv('secret', 2);
  return {
    ...peer,
    async saveSnapshot() {
      const file = join(folder, 'snapshot');
      const { code, stderr } = await peer.cli(['operator', 'raft', 'snapshot', 'save', file]);
      if (code !== 0) throw new Error(stderr);
      return readFile(file);
    },
    async restoreSnapshot(snapshot) {
      const file = join(folder, 'restored');
      await writeFile(file, snapshot);
      const { code, stderr } = await peer.cli(['operator', 'raft', 'snapshot', 'restore', '-force', file]);
      if (code !== 0) throw new Error(stderr);
      await server.untilReady(isActive);
    },
    async stop() {
      await server.kill();
      await removeFolder(folder);
    },
  };
}

function configuration(folder: string, port: number, clusterPort: number): string {
  return `
storage "raft" {
  path = "${join(folder, 'data')}"
  node_id = "one"
}
listener "tcp" {
  address = "127.0.0.1:${port}"
  tls_disable = true
}
api_addr = "http://127.0.0.1:${port}"
cluster_addr = "https://127.0.0.1:${clusterPort}"
disable_mlock = true
`;
}
