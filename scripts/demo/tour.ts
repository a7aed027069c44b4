import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { requestedAtAnnotation } from '../../src/crd/vault-secret-sync.ts';
import type { VaultPeer } from '../../test/peers/start-vault.ts';
import type { Program } from '../../test/program/start-program.ts';
import type { Store, Stores } from './stores.ts';

export interface World {
  readonly vault: VaultPeer;
  readonly stores: Stores;
  readonly program: Program;
  readonly manifest: { readonly file: string; readonly content: Readonly<Record<string, unknown>> };
  say(line: string): void;
}

/** One step of the tour: what is done, and what every store must show afterwards. */
interface Step {
  readonly title: string;
  readonly command: string;
  run(world: World, timings: number[]): Promise<void>;
}

const secret = 'secret/app';
/** A step that takes longer than this has failed. Milliseconds. */
const patienceMs = 20_000;

export const steps: readonly Step[] = [
  {
    title: 'a new secret is copied to three stores',
    command: `vault kv put ${secret} user=ada password=first`,
    run: (world, timings) =>
      changed(world, timings, ['kv', 'put', secret, 'user=ada', 'password=first'], { user: 'ada', password: 'first' }),
  },
  {
    title: 'a second put updates the copies',
    command: `vault kv put ${secret} user=ada password=second`,
    run: (world, timings) =>
      changed(world, timings, ['kv', 'put', secret, 'user=ada', 'password=second'], {
        user: 'ada',
        password: 'second',
      }),
  },
  {
    title: 'a patch of one key updates them too',
    command: `vault kv patch ${secret} password=third`,
    run: (world, timings) =>
      changed(world, timings, ['kv', 'patch', secret, 'password=third'], { user: 'ada', password: 'third' }),
  },
  {
    title: 'a denied delete changes nothing',
    command: `VAULT_TOKEN=<a token without rights> vault kv delete ${secret}`,
    run: deniedDelete,
  },
  {
    title: 'a delete removes the copies',
    command: `vault kv delete ${secret}`,
    run: (world, timings) => changed(world, timings, ['kv', 'delete', secret], null),
  },
  {
    title: 'an undelete brings them back',
    command: `vault kv undelete -versions=3 ${secret}`,
    run: (world, timings) =>
      changed(world, timings, ['kv', 'undelete', '-versions=3', secret], { user: 'ada', password: 'third' }),
  },
  {
    title: 'a copy changed by hand in AWS is put right by a reconcile',
    command: `kubectl annotate --overwrite vss app ${requestedAtAnnotation}="$(date)"   (here: in the manifest file)`,
    run: repaired,
  },
];

/** Runs a command of Vault's own and waits until every store shows what it must, timing each. */
async function changed(
  world: World,
  timings: number[],
  args: readonly string[],
  expected: Readonly<Record<string, string>> | null,
): Promise<void> {
  const entriesBefore = (await auditEntries(world.vault)).length;
  // The stores are watched while the command still runs: it takes longer to end than the copies to change.
  const [result, ...seen] = await Promise.all([
    world.vault.cli(args),
    ...world.stores.all.map(async (store) => ({ store, at: await untilShows(store, expected) })),
  ]);
  if (result.code !== 0) throw new Error(`vault ${args.join(' ')} failed: ${result.stderr.trim()}`);
  const changedAt = await timeOfChange(world.vault, entriesBefore);
  for (const { store, at } of seen) {
    const ms = Math.max(0, at - changedAt);
    timings.push(ms);
    world.say(
      `      ${store.name.padEnd(20)} ${expected === null ? 'copy gone' : 'copy equal'} after ${Math.round(ms)} ms`,
    );
  }
}

async function deniedDelete(world: World): Promise<void> {
  const { vault, program, stores, say } = world;
  await vault.api('PUT', 'sys/policies/acl/reader', { policy: 'path "secret/data/*" { capabilities = ["read"] }' });
  const made = await vault.api('POST', 'auth/token/create', { policies: ['reader'] });
  const token = (made.body as { auth: { client_token: string } }).auth.client_token;
  const ignoredBefore = await program.metric('vss_audit_entries_total', { verdict: 'ignored' });
  const answer = await vault.api('DELETE', 'secret/data/app', undefined, { 'X-Vault-Token': token });
  if (answer.status !== 403) throw new Error(`Vault answered ${answer.status} where 403 was expected`);
  await until('the webhook to hear of the denial', async () => {
    return (await program.metric('vss_audit_entries_total', { verdict: 'ignored' })) > ignoredBefore;
  });
  for (const store of stores.all) {
    if (!shows(await store.look(), { user: 'ada', password: 'third' })) throw new Error(`${store.name} lost its copy`);
  }
  say('      Vault said 403; the audit entry was heard and ignored; the three copies are as they were');
}

async function repaired(world: World): Promise<void> {
  const { stores, manifest, say } = world;
  const [aws] = stores.all;
  if (!aws) throw new Error('there is no store to tamper with');
  await aws.tamper('{"user":"mallory"}');
  const metadata = {
    ...(manifest.content['metadata'] as object),
    annotations: { [requestedAtAnnotation]: new Date().toISOString() },
  };
  const askedAt = Date.now();
  await writeFile(manifest.file, stringify({ ...manifest.content, metadata }));
  const at = await untilShows(aws, { user: 'ada', password: 'third' });
  say(`      ${aws.name.padEnd(20)} copy equal again ${at - askedAt} ms after the reconcile was asked for`);
}

/** Resolves with the time at which the store first showed it. */
async function untilShows(store: Store, expected: Readonly<Record<string, string>> | null): Promise<number> {
  await until(`${store.name} to show the ${expected === null ? 'deletion' : 'new value'}`, async () =>
    shows(await store.look(), expected),
  );
  return Date.now();
}

function shows(value: string | null, expected: Readonly<Record<string, string>> | null): boolean {
  if (value === null || expected === null) return value === expected;
  const found = JSON.parse(value) as Record<string, string>;
  const keys = Object.keys(expected);
  return Object.keys(found).length === keys.length && keys.every((key) => found[key] === expected[key]);
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s for ${what}`);
    await sleep(2);
  }
}

interface AuditEntry {
  readonly time: string;
  readonly type: string;
  readonly request?: { readonly path?: string; readonly operation?: string };
}

async function auditEntries(vault: VaultPeer): Promise<AuditEntry[]> {
  const lines = (await readFile(vault.auditFile, 'utf8')).split('\n').filter((line) => line.endsWith('}'));
  return lines.map((line) => JSON.parse(line) as AuditEntry);
}

/** When Vault made the change: the time of its own audit entry, in Unix milliseconds. */
async function timeOfChange(vault: VaultPeer, before: number): Promise<number> {
  const writes = (await auditEntries(vault)).slice(before).filter(({ type, request }) => {
    return type === 'response' && request?.operation !== 'read' && request?.path?.startsWith('secret/');
  });
  const last = writes.at(-1);
  if (!last) throw new Error("Vault's audit file shows no change");
  return Date.parse(last.time);
}
