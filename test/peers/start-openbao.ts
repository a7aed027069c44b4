import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makePeerFolder, removeFolder, startOnFreePort, startProcess } from './processes.ts';
import { providePeer } from './provision.ts';
import { connectTo, type VaultPeer } from './start-vault.ts';

/**
 * Starts a real OpenBao dev server on a free loopback port. `settings` are its audit devices, in which FOLDER stands for
 * its own folder; `env` is what they may refer to.
 */
export async function startOpenBao(options: {
  readonly settings: string;
  readonly env: Readonly<Record<string, string>>;
}): Promise<VaultPeer> {
  const { bao: bin } = await providePeer('openbao');
  const folder = await makePeerFolder('openbao');
  const token = 'root';
  try {
    await writeFile(join(folder, 'audit.hcl'), options.settings.replaceAll('FOLDER', folder));
    const { server, port } = await startOnFreePort(async (free) => {
      const dev = ['-dev', `-dev-root-token-id=${token}`, '-dev-no-store-token'];
      const args = ['server', ...dev, `-dev-listen-address=127.0.0.1:${free}`, `-config=${join(folder, 'audit.hcl')}`];
      const started = await startProcess({ name: 'openbao', command: bin, args, folder, env: options.env });
      await started.untilReady(async () => {
        const health = await fetch(`http://127.0.0.1:${free}/v1/sys/health`);
        return health.ok && /^Unseal Key: /m.test(await started.readLog());
      });
      return { server: started, port: free };
    });
    return connectTo({ bin, folder, port, server, token, unsealKey: async () => '' });
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}
