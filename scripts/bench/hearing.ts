import { startVault, type VaultPeer } from '../../test/peers/start-vault.ts';
import { type Program, startProgram } from '../../test/program/start-program.ts';
import { loopbackSettings, region } from '../loopback-settings.ts';
import { startAnsweringAws } from './answering-aws.ts';
import { putAll, tailAudit } from './changes.ts';
import { type BenchContext, redisIfThere } from './context.ts';
import { benchPath, idsOf, writeManifest } from './manifests.ts';
import { startSplit, untilReconciled } from './running.ts';
import { openAnswering } from './stores.ts';

/** What a webhook hears, and what it needs for that. */
export interface Hearing {
  /** A folder for what is posted. */
  readonly folder: string;
  readonly lines: AuditLines;
  /** The webhook as a process of its own, its queue in Redis; it ends with the stack. */
  startWebhook(): Promise<Program>;
}

/** Audit lines as a real Vault writes them. */
export interface AuditLines {
  /** Reads and look-ups of a token, request and response entries. */
  readonly reads: readonly string[];
  /** Changes that no sync wants. */
  readonly unwanted: readonly string[];
  /** Changes that one wants, of 500 secrets. */
  readonly wanted: readonly string[];
}

/**
 * A real Vault and Redis, and a sync of which the operator has told what it wants to hear; the operator is gone then, so that
 * a webhook has the processor for itself. Null where there is no Redis.
 */
export async function prepareHearing(
  stack: AsyncDisposableStack,
  context: BenchContext,
  name: string,
): Promise<Hearing | null> {
  const redis = await redisIfThere(stack, context);
  if (!redis) return null;
  const vault = await startVault();
  stack.defer(() => vault.stop());
  const aws = await startAnsweringAws();
  stack.defer(() => aws.stop());
  const folder = await context.newFolder(name);
  const store = openAnswering(aws, region);
  stack.defer(() => store.close());
  await writeManifest(folder, { name: 'bench', path: benchPath, dest: [store.destination] });
  const { webhook, ...others } = loopbackSettings({ name: 'bench', vault, aws, folder });
  // One sender alone would be held back by its default, 20,000 a second, before the process is busy.
  const settings = { ...others, webhook: { ...webhook, http: { ...webhook.http, requestsPerSecond: 1_000_000 } } };
  const both = await startSplit({ settings, env: {}, redis: redis.url });
  await untilReconciled(both);
  await both.stop();
  return {
    folder,
    lines: await collectLines(vault),
    async startWebhook() {
      const webhook = await startProgram({
        settings: { ...settings, roles: ['webhook'], state: { redis: redis.url } },
        env: context.programEnv,
      });
      stack.defer(async () => void (await webhook.stop()));
      return webhook;
    },
  };
}

/** The entries among lines that tell of a change. */
export function puts(lines: readonly string[]): string[] {
  return lines.filter(
    (line) =>
      line.includes('"type":"response"') && /"operation":"(create|update)"/.test(line) && line.includes('/data/'),
  );
}

async function collectLines(vault: VaultPeer): Promise<AuditLines> {
  const ids = idsOf(500);
  const changes = (folder: string) =>
    ids.map((id) => ({ path: `${folder}/${id}`, data: { user: 'ada', password: id } }));
  const audit = tailAudit(vault);
  await audit.lines();
  await putAll(vault, changes('bench'));
  const wanted = puts(await audit.lines());
  await putAll(vault, changes('other'));
  const unwanted = puts(await audit.lines());
  for (const id of ids.slice(0, 50)) {
    await vault.api('GET', `secret/data/bench/${id}`);
    await vault.api('GET', 'auth/token/lookup-self');
  }
  return { reads: await audit.lines(), unwanted, wanted };
}
