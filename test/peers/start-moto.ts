import { makePeerFolder, removeFolder, startOnFreePort, startProcess } from './processes.ts';
import { providePeer } from './provision.ts';

export interface MotoPeer {
  /** What an AWS SDK takes as its endpoint; any access key and region will do. */
  endpoint: string;
  /** Forgets everything that was ever stored. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts moto, which answers as AWS Secrets Manager, STS, SSM and KMS do, on a free loopback port. */
export async function startMoto(): Promise<MotoPeer> {
  const { python } = await providePeer('moto');
  const folder = await makePeerFolder('moto');
  try {
    return await startOnFreePort(async (port) => {
      const endpoint = `http://127.0.0.1:${port}`;
      const args = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)];
      const server = await startProcess({ name: 'moto', command: python, args, folder });
      await server.untilReady(async () => (await fetch(`${endpoint}/moto-api/data.json`)).ok);
      return {
        endpoint,
        async reset() {
          const answer = await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' });
          if (!answer.ok) throw new Error(`moto answered ${answer.status} to its own reset`);
        },
        async stop() {
          await server.kill();
          await removeFolder(folder);
        },
      };
    });
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}
