import type { Logger } from '../logging.ts';
import type { KubernetesClient } from './contract.ts';

export interface ConnectOptions {
  /** A kubeconfig file. Default: `KUBECONFIG`, `~/.kube/config`, or a pod's own ServiceAccount. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig; default: its current one. */
  readonly context?: string;
  readonly logger: Logger;
  /** Milliseconds until a request that is no watch is given up; 30 s unless said. */
  readonly requestLimitMs?: number;
}

/**
 * Loads the client library (a third of a second and 90 MB, which the webhook never pays) and reads the kubeconfig. Sends no request.
 *
 * @throws InputError when there is no kubeconfig, or none with that context
 */
export async function connectKubernetes(options: ConnectOptions): Promise<KubernetesClient> {
  const { openClient } = await import('./client.ts');
  return openClient(options);
}
