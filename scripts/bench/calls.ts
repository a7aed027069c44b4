import { type FaultProxy, startFaultProxy } from '../../test/peers/fault-proxy.ts';
import { loopbackSettings } from '../loopback-settings.ts';
import { put } from './changes.ts';
import type { Bench, BenchContext, Section } from './context.ts';
import { benchPath, idsOf, writeManifest } from './manifests.ts';
import { startPeers } from './peers.ts';
import { listenTo, type Running, startSingle, untilCounted, untilQuiet, untilWritten } from './running.ts';
import { figure, formatTable } from './table.ts';

/** Requests by peer and operation, as the peers saw them. */
type Counts = Map<string, number>;

export const calls: Bench = {
  name: 'calls',
  about: 'requests that Vault and each store see per changed secret, counted at the peers',
  async run(context) {
    return [await count(context)];
  },
};

const aims: Readonly<Record<string, string>> = {
  'Vault: read': '1',
  'AWS: PutSecretValue': '1',
  'Azure: SetSecret': '1',
  'GCP: AddSecretVersion': '1',
};

async function count(context: BenchContext): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const { vault, aws: moto, azure, gcp, stores } = await startPeers(stack);
  const beforeVault = await startFaultProxy({ upstream: vault.address });
  stack.defer(() => beforeVault.stop());
  const beforeMoto = await startFaultProxy({ upstream: moto.endpoint });
  stack.defer(() => beforeMoto.stop());

  const ids = idsOf(context.many(50));
  const path = (id: string) => `bench/${id}`;
  for (const id of ids) await put(vault, path(id), { password: 'first' });
  const folder = await context.newFolder('manifests');
  await writeManifest(folder, { name: 'bench', path: benchPath, dest: stores.map(({ destination }) => destination) });
  const running = await startSingle({
    settings: loopbackSettings({
      name: 'bench',
      vault: { address: beforeVault.url, token: vault.token },
      aws: { endpoint: beforeMoto.url },
      azure,
      gcp,
      folder,
    }),
    env: context.programEnv,
  });
  stack.defer(() => running.stop());
  await untilQuiet(running);
  await listenTo(vault, running, stack);

  /** What the peers saw since this was last asked. */
  const countRequests = async (): Promise<Counts> => {
    const seen = [
      ...vaultOperations(beforeVault),
      ...beforeMoto.requests.map(({ target }) => `AWS: ${target?.split('.').pop() ?? 'unknown'}`),
      ...(await azure.requests()).map(({ operation }) => `Azure: ${operation}`),
      ...(await gcp.requests()).map(({ method }) => `GCP: ${method}`),
    ];
    beforeVault.forget();
    beforeMoto.forget();
    await azure.clearRequests();
    await gcp.forgetRequests();
    const counts: Counts = new Map();
    for (const operation of seen) counts.set(operation, (counts.get(operation) ?? 0) + 1);
    return counts;
  };
  const change = async (id: string, password: string) => {
    const from = running.operator.log.length;
    await put(vault, path(id), { password });
    const copies = stores.map((store) => store.copyOf(id));
    await untilWritten(running, { from, copies, withinMs: 20_000 });
  };

  context.say(`${ids.length} first changes, not counted: what comes after is warm`);
  for (const id of ids) await change(id, 'second');
  await countRequests();
  context.say('each secret changed once');
  for (const id of ids) await change(id, 'third');
  const distinct = await countRequests();
  context.say('one secret changed again and again');
  const [one = ''] = ids;
  for (let turn = 0; turn < ids.length; turn += 1) await change(one, `turn-${turn}`);
  const same = await countRequests();
  context.say('each secret put once more with what it holds');
  await putUnchanged(running, ids.slice(1), (id) => put(vault, path(id), { password: 'third' }));
  const unchanged = await countRequests();
  await running.stop();
  const atStop = await countRequests();

  const operations = [
    ...new Set([...Object.keys(aims), ...[distinct, same, unchanged, atStop].flatMap((counts) => [...counts.keys()])]),
  ];
  const perChange = (counts: Counts, operation: string, changes: number) =>
    figure((counts.get(operation) ?? 0) / changes);
  return {
    title: 'Requests per changed secret once warm, counted at the peers',
    table: formatTable(
      [
        'operation',
        `${ids.length} secrets, one change each`,
        `one secret, ${ids.length} changes`,
        `${ids.length - 1} puts of the same value`,
        'at the stop, in all',
        'aim per change',
      ],
      operations
        .sort()
        .map((operation) => [
          operation,
          perChange(distinct, operation, ids.length),
          perChange(same, operation, ids.length),
          perChange(unchanged, operation, ids.length - 1),
          String(atStop.get(operation) ?? 0),
          aims[operation] ?? '0',
        ]),
    ),
    notes: [
      'Vault and moto: the log of a proxy before them; Azure and GCP: the request logs of the stand-ins.',
      'A GCP annotation (GetSecret and UpdateSecret) is written at most once a minute for each copy, here by the stop: aim one a minute.',
    ],
  };
}

function vaultOperations({ requests }: FaultProxy): string[] {
  return requests.map(({ method, path }) => {
    if (path.startsWith('/v1/sys/internal/ui/mounts')) return 'Vault: mount';
    if (path.startsWith('/v1/auth/')) return 'Vault: login, renewal';
    if (method === 'LIST' || path.includes('list=true')) return 'Vault: list';
    if (method === 'GET' && path.startsWith('/v1/secret/')) return 'Vault: read';
    return `Vault: ${method} ${path.split('?')[0]}`;
  });
}

async function putUnchanged(
  running: Running,
  ids: readonly string[],
  change: (id: string) => Promise<unknown>,
): Promise<void> {
  const metric = 'vss_jobs_total';
  const labels = { kind: 'path', outcome: 'done' };
  for (const id of ids) {
    const before = await running.operator.metric(metric, labels);
    await change(id);
    await untilCounted(running.operator, { metric, labels, least: before + 1 });
  }
}
