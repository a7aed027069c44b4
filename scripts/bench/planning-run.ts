import { createHmac } from 'node:crypto';
import { createLogger } from '../../src/logging.ts';
import { createMemoryState } from '../../src/state/memory/state.ts';
import { compilePolicies } from '../../src/sync/policies.ts';
import type { CopyRecord, World } from '../../src/sync/ports.ts';
import { resolveSync } from '../../src/sync/resolve.ts';
import { reconcileSync } from '../../src/sync/sync.ts';
import type { Desired, Observed, Target } from '../../src/sync-targets/contract.ts';
import type { VaultReader } from '../../src/vault/contract.ts';
import { someSync } from '../../test/sync/some-sync.ts';

/**
 * A full reconcile of as many secrets as the first argument says, each with one copy, against a Vault and a store that
 * are a few lines in this process: what is left is ours. Prints one line of JSON; a process of its own, so that its
 * memory is its own too.
 */
const count = Number(process.argv[2]);
const nameAt = (index: number) => `bench/s-${String(index).padStart(6, '0')}`;
const dataOf = (name: string) => ({ user: 'ada', password: `of ${name}`, host: 'db.example.com', port: '5432' });
const key = Buffer.from('0123456789abcdef');
const createdTime = '2026-01-01T00:00:00Z';
const mount = { kvVersion: 2, uuid: 'uuid-1' } as const;

const vault: VaultReader = {
  read: async ({ name }) => ({ found: true, version: 1, createdTime, data: dataOf(name), customMetadata: {} }),
  async *list() {
    for (let index = 0; index < count; index++) yield nameAt(index);
  },
  mount: async () => mount,
  check: async () => undefined,
  close: async () => undefined,
};

const stored = new Map<string, Observed>();
const calls = { list: 0, describe: 0, write: 0 };
const store: Target = {
  scope: 'aws:eu-west-1:',
  nameOf: (name) => name,
  identityOf: (name) => name,
  preflight: () => undefined,
  async describe(name) {
    calls.describe++;
    return stored.get(name) ?? null;
  },
  async *list() {
    calls.list++;
    yield* stored.values();
  },
  compare: ({ marks }, observed) => (observed.state === marks.state ? [] : ['value']),
  async write(desired: Desired) {
    calls.write++;
    const { name, marks } = desired;
    stored.set(name, {
      name,
      existence: 'live',
      ...marks,
      versionId: desired.versionIdAfter(null),
      managedBy: null,
      details: null,
    });
    return { versionId: desired.versionIdAfter(null), at: 0 };
  },
  remove: async () => undefined,
};

const state = createMemoryState<CopyRecord>({ log: createLogger({ level: 'silent' }) });
const vaults = [{ name: 'main', address: 'https://vault.example.com', aliases: [], namespaces: false }];
const all = ['**'];
const world: World = {
  installation: 'bench',
  fingerprintKey: key,
  ledger: state.ledger,
  leases: state.leases,
  deletions: state.deletions,
  budgets: state.budgets,
  vaults,
  allows: compilePolicies([{ namespaces: all, vaults: all, paths: all, destinations: all, roles: [] }]),
  defaultAdoptionPolicy: 'Never',
  writes: () => 'enabled',
  reader: () => vault,
  target: async () => store,
  targetAt: async () => store,
  generationOf: () => 1,
  earlierRival: () => null,
  recordPlaces: async () => undefined,
  wake: async () => undefined,
  onCopy: () => undefined,
  now: Date.now,
};

/** What nobody can do without: read each secret, make its text, fingerprint it twice, keep a record. */
async function bare(): Promise<number> {
  const records = new Map<string, string>();
  const startedAt = performance.now();
  for await (const name of vault.list({ namespace: '', mount: 'secret', prefix: '' }, new AbortController().signal)) {
    const read = await vault.read({ namespace: '', mount: 'secret', name }, new AbortController().signal);
    if (!read.found) continue;
    const text = JSON.stringify(read.data);
    const fingerprint = createHmac('sha256', key).update(text).digest('hex');
    const settings = createHmac('sha256', key).update(name).digest('hex');
    records.set(name, JSON.stringify({ name, fingerprint, settings }));
  }
  return (performance.now() - startedAt) / 1000;
}

async function reconcile(dryRun: boolean): Promise<number> {
  const sync = someSync({ path: 'secret/bench/(s-[0-9]+)', dest: [{ aws: { name: 'bench/$1' } }], dryRun });
  const resolved = resolveSync(sync, { vaults, installation: 'bench' });
  const startedAt = performance.now();
  await reconcileSync({ world, resolved, signal: new AbortController().signal });
  return (performance.now() - startedAt) / 1000;
}

const seconds = { bare: await bare(), plan: 0, first: 0, unchanged: 0 };
const memory = { before: process.memoryUsage.rss(), after: 0 };
seconds.plan = await reconcile(true);
memory.after = process.resourceUsage().maxRSS * 1024;
seconds.first = await reconcile(false);
Object.assign(calls, { list: 0, describe: 0, write: 0 });
seconds.unchanged = await reconcile(false);
const peak = process.resourceUsage().maxRSS * 1024;
await state.close();
console.log(JSON.stringify({ count, seconds, memory: { ...memory, peak }, calls }));
