import { open } from 'node:fs/promises';
import type { VaultPeer } from '../../test/peers/start-vault.ts';

/** Puts in flight at once where a bench changes much at once: what Vault's own clients may well do. */
const putsAtOnce = 64;

/** Changes a secret below `secret/`; returns the id of the request, which its audit entry bears too. */
export async function put(vault: VaultPeer, path: string, data: Readonly<Record<string, string>>): Promise<string> {
  const { status, body } = await vault.api('POST', `secret/data/${path}`, { data });
  if (status >= 300) throw new Error(`Vault answered ${status} to a put of ${path}`);
  return (body as { request_id: string }).request_id;
}

/** Changes many secrets at once; ids of the requests in the order of the paths. */
export function putAll(
  vault: VaultPeer,
  changes: readonly { readonly path: string; readonly data: Readonly<Record<string, string>> }[],
): Promise<string[]> {
  return mapAtOnce(changes, putsAtOnce, ({ path, data }) => put(vault, path, data));
}

/** What Vault holds at a path below `secret/`, as the JSON that a copy must be; null = nothing. */
export async function valueInVault(vault: VaultPeer, path: string): Promise<unknown> {
  const { body } = await vault.api('GET', `secret/data/${path}`);
  return (body as { data?: { data?: unknown } }).data?.data ?? null;
}

/** Reads what a Vault's file audit device writes. */
export interface AuditTail {
  /** Times of the changes since the last call, by request id: Unix time in milliseconds from the entry of the response. */
  changeTimes(): Promise<Map<string, number>>;
  /** Lines since the last call. */
  lines(): Promise<string[]>;
}

export function tailAudit({ auditFile }: VaultPeer): AuditTail {
  let position = 0;
  const lines = async (): Promise<string[]> => {
    await using file = await open(auditFile);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - position), position });
    const text = buffer.subarray(0, bytesRead);
    // A line that is being written waits for the next call.
    const end = text.lastIndexOf('\n') + 1;
    position += end;
    return text.subarray(0, end).toString().split('\n').slice(0, -1);
  };
  return {
    lines,
    async changeTimes() {
      const times = new Map<string, number>();
      for (const line of await lines()) {
        if (!line.includes('"type":"response"') || /"operation":"(read|list)"/.test(line)) continue;
        const entry = JSON.parse(line) as { time: string; request: { id: string } };
        times.set(entry.request.id, Date.parse(entry.time));
      }
      return times;
    },
  };
}

/** Runs `work` over all items, at most `limit` at a time; results in the items' order. */
export async function mapAtOnce<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [index, item] of queue) results[index] = await work(item, index);
  };
  await Promise.all(Array.from({ length: limit }, lane));
  return results;
}
