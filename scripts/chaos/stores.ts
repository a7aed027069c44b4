import { startFaultProxy } from '../../test/peers/fault-proxy.ts';
import { startAzureKeyVault } from '../../test/stand-ins/azure-key-vault/start.ts';
import { startGcpSecretManager } from '../../test/stand-ins/gcp-secret-manager/start.ts';
import { startAnsweringAws } from '../bench/answering-aws.ts';
import { region } from '../loopback-settings.ts';
import type { StoreName } from './plan.ts';

/** `lose-answer`: it is done, and the connection breaks; `refuse`: it is not done, and an error of the server says so. */
export type FaultKind = 'throttle' | 'hang' | 'lose-answer' | 'refuse';

/** A store as chaos sees it: what it holds, and how it is made to fail. */
export interface DisturbedStore {
  readonly name: StoreName;
  /** Value of the copy of a secret; null = there is none. */
  look(secret: string): Promise<string | null>;
  fault(kind: FaultKind): Promise<void>;
  heal(): Promise<void>;
}

export const project = 'chaos-project';

/** Starts the three stores on loopback. */
export async function startStores() {
  const behind = await startAnsweringAws();
  const aws = await startFaultProxy({ upstream: behind.endpoint });
  const azure = await startAzureKeyVault({ deletingMs: 20, recoveringMs: 20 });
  const gcp = await startGcpSecretManager({ projects: [{ id: project, number: '123456789012' }] });
  const all: DisturbedStore[] = [
    {
      name: 'aws',
      look: async (secret) => behind.value(region, `chaos/${secret}`),
      fault: async (kind) =>
        aws.inject({ fault: kind === 'refuse' ? { kind: 'status', status: 500, body: {} } : { kind } }),
      heal: async () => aws.clear(),
    },
    {
      name: 'azure',
      async look(secret) {
        const stored = await azure.secret(secret);
        return stored?.phase === 'live' ? stored.value : null;
      },
      async fault(kind) {
        if (kind === 'throttle') return azure.fault({ kind, retryAfterSeconds: 1 });
        return azure.fault({ kind: kind === 'lose-answer' ? 'lost' : kind === 'refuse' ? 'error' : kind });
      },
      heal: () => azure.clearFaults(),
    },
    {
      name: 'gcp',
      look: async (secret) => (await gcp.payload(project, secret))?.toString('utf8') ?? null,
      fault: (kind) => gcp.fault({ kind: kind === 'refuse' ? 'unavailable' : kind }),
      heal: () => gcp.clearFaults(),
    },
  ];
  return {
    all,
    aws: { endpoint: aws.url },
    azure,
    gcp,
    async stop() {
      await Promise.all([aws.stop(), azure.stop(), gcp.stop()]);
      await behind.stop();
    },
  };
}
