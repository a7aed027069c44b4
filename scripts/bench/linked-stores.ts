import { startAzureKeyVault } from '../../test/stand-ins/azure-key-vault/start.ts';
import { startGcpSecretManager } from '../../test/stand-ins/gcp-secret-manager/start.ts';
import { type LoopbackPeers, region } from '../loopback-settings.ts';
import { startAnsweringAws } from './answering-aws.ts';
import { type SlowLink, startSlowLink } from './slow-link.ts';
import { type BenchStore, openAnswering, openAzure, openGcp, project } from './stores.ts';

/** One store behind a link, for a program that knows no other. */
export interface LinkedStore {
  readonly title: string;
  readonly link: SlowLink;
  /** For the settings of the program. */
  readonly peers: Pick<LoopbackPeers, 'aws' | 'azure' | 'gcp'>;
  /** By the vendor's own SDK over the same link. */
  readonly bare: BenchStore;
  /** Calls that the store saw since the last time, and how many of them it refused for coming too fast. */
  takeCalls(): Promise<{ readonly calls: number; readonly writes: number; readonly refused: number }>;
}

export type StoreName = 'aws' | 'azure' | 'gcp';
export const storeNames: readonly StoreName[] = ['aws', 'azure', 'gcp'];

export interface LinkOptions {
  /** Milliseconds that each answer is held. */
  readonly delayMs: number;
  /** What the store takes: AWS writes a second, Azure creations in 10 seconds; GCP writes a minute. None unless said. */
  readonly quota?: number;
}

const nowhere = { endpoint: 'http://127.0.0.1:9' };

/** Starts one store behind a link; both end with the stack. */
export async function startLinked(
  stack: AsyncDisposableStack,
  name: StoreName,
  options: LinkOptions,
): Promise<LinkedStore> {
  const linked = await starters[name](stack, options);
  stack.defer(() => linked.bare.close());
  return linked;
}

const starters: Record<StoreName, (stack: AsyncDisposableStack, options: LinkOptions) => Promise<LinkedStore>> = {
  async aws(stack, { delayMs, quota }) {
    const aws = await startAnsweringAws(quota === undefined ? {} : { writesPerSecond: quota });
    stack.defer(() => aws.stop());
    const link = await linkTo(stack, new URL(aws.endpoint).port, delayMs);
    const endpoint = `http://127.0.0.1:${link.port}`;
    return {
      title: 'AWS',
      link,
      peers: { aws: { endpoint } },
      bare: openAnswering({ ...aws, endpoint }, region),
      async takeCalls() {
        const calls = sum(aws.requests.values());
        const taken = { calls, writes: aws.writes.length, refused: aws.requests.get('refused') ?? 0 };
        aws.forget();
        return taken;
      },
    };
  },
  async azure(stack, { delayMs, quota }) {
    const azure = await startAzureKeyVault(quota === undefined ? {} : { creationsPer10s: quota });
    stack.defer(() => azure.stop());
    const link = await linkTo(stack, new URL(azure.vaultUrl).port, delayMs);
    const linked = { ...azure, vaultUrl: `https://localhost:${link.port}` };
    return {
      title: 'Azure (stand-in)',
      link,
      peers: { aws: nowhere, azure: linked },
      bare: openAzure(linked),
      async takeCalls() {
        const requests = await azure.requests();
        await azure.clearRequests();
        const writes = requests.filter(({ operation, status }) => operation === 'SetSecret' && status === 200).length;
        return { calls: requests.length, writes, refused: requests.filter(({ status }) => status === 429).length };
      },
    };
  },
  async gcp(stack, { delayMs, quota }) {
    const projects = [{ id: project, number: '123456789012' }];
    const gcp = await startGcpSecretManager({ projects, ...(quota === undefined ? {} : { writesPerMinute: quota }) });
    stack.defer(() => gcp.stop());
    const link = await linkTo(stack, gcp.endpoint.split(':')[1] ?? '', delayMs);
    const linked = { ...gcp, endpoint: `127.0.0.1:${link.port}` };
    return {
      title: 'GCP (stand-in)',
      link,
      peers: { aws: nowhere, gcp: linked },
      bare: openGcp(linked),
      async takeCalls() {
        const requests = await gcp.requests();
        await gcp.forgetRequests();
        const isWrite = (method: string) => method === 'CreateSecret' || method === 'AddSecretVersion';
        const refused = requests.filter(({ status }) => status === 'RESOURCE_EXHAUSTED').length;
        const writes = requests.filter(({ method, status }) => isWrite(method) && status === 'OK').length;
        return { calls: requests.length, writes, refused };
      },
    };
  },
};

async function linkTo(stack: AsyncDisposableStack, port: string, delayMs: number): Promise<SlowLink> {
  const link = await startSlowLink(Number(port), { delayMs });
  stack.defer(() => link.stop());
  return link;
}

function sum(counts: Iterable<number>): number {
  let all = 0;
  for (const count of counts) all += count;
  return all;
}
