import { leaves } from '../config/leaves.ts';
import type { OwnFlag } from './arguments.ts';
import { exitCodes } from './output.ts';

export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  /** Whether it takes words that are no flags. */
  readonly takesNames: boolean;
  readonly flags: readonly OwnFlag[];
  /** Whether settings apply to it. */
  readonly takesSettings: boolean;
  /** What one has to know. */
  readonly more: string;
  readonly examples: readonly Example[];
  /** Exit codes and what they mean; 2 is always bad input. */
  readonly exits: readonly (readonly [number, string])[];
}

interface Example {
  /** What it is for, in a few words. */
  readonly says: string;
  readonly command: string;
}

const settingsFlag: OwnFlag = {
  name: 'settings',
  value: 'FILE',
  description: 'the settings file (YAML); also VSS_SETTINGS',
};
const folderFlag: OwnFlag = {
  name: 'manifests',
  value: 'DIR',
  description: 'the folder of manifests',
  shortFor: 'manifests-directory',
};
const reportFlags: readonly OwnFlag[] = [
  { name: 'all', short: 'v', description: 'show the copies that are unchanged too' },
  { name: 'json', description: 'one JSON document with every copy, instead of text' },
];
const badInput = [exitCodes.badInput, 'bad input: a flag, a setting, a manifest'] as const;

export const commands: readonly Command[] = [
  {
    name: 'start',
    usage: 'vault-secret-sync start [--settings FILE] [--roles webhook|operator|webhook,operator]',
    summary: 'run the webhook, the operator, or both as one process',
    takesNames: false,
    flags: [settingsFlag],
    takesSettings: true,
    more: 'Both roles in one process need neither Redis nor Kubernetes; two processes meet in Redis. SIGTERM ends it when work in hand is done.',
    examples: [
      {
        says: 'one process that does everything, with manifests from a folder',
        command: 'vault-secret-sync start --settings settings.yaml --manifests-directory ./manifests',
      },
      {
        says: 'the part that hears Vault, apart from all credentials',
        command: 'vault-secret-sync start --settings settings.yaml --roles webhook --state-redis redis://redis:6379',
      },
      {
        says: 'the part that writes to the stores',
        command: 'vault-secret-sync start --settings settings.yaml --roles operator --state-redis redis://redis:6379',
      },
    ],
    exits: [
      [exitCodes.ok, 'told to stop, and stopped'],
      [exitCodes.failed, 'it broke, or was told twice to stop'],
      badInput,
    ],
  },
  {
    name: 'sync',
    usage: 'vault-secret-sync sync --manifests DIR [--settings FILE] [--all] [--json]',
    summary: 'reconcile once what a folder of manifests says, then exit',
    takesNames: false,
    flags: [settingsFlag, folderFlag, ...reportFlags],
    takesSettings: true,
    more: `The same full reconcile that the operator does, without a server: nothing is remembered from one run to the next but the marks
on the copies themselves. It prints, by sync, what was done with each copy.`,
    examples: [
      {
        says: 'once, by hand or from a pipeline',
        command: 'vault-secret-sync sync --settings settings.yaml --manifests ./manifests',
      },
      {
        says: 'what failed, for a script',
        command: `vault-secret-sync sync --manifests ./manifests --json | jq '.syncs[].copies[] | select(.change == "failed")'`,
      },
    ],
    exits: [
      [exitCodes.ok, 'all in sync'],
      [exitCodes.failed, 'something failed, conflicts, or may not be written now'],
      badInput,
    ],
  },
  {
    name: 'plan',
    usage: 'vault-secret-sync plan (--manifests DIR | -n NAMESPACE [NAME] | -A) [--settings FILE] [--all] [--json]',
    summary: 'say what a run would do with each copy, and why, without writing anything',
    takesNames: true,
    flags: [
      settingsFlag,
      folderFlag,
      { name: 'namespace', short: 'n', value: 'NAMESPACE', description: 'the syncs of a namespace in the cluster' },
      { name: 'all-namespaces', short: 'A', description: 'every sync in the cluster' },
      {
        name: 'kubeconfig',
        value: 'FILE',
        description: 'a kubeconfig file; default: the usual places',
        shortFor: 'manifests-kubeconfig',
      },
      ...reportFlags,
    ],
    takesSettings: true,
    more: `It is a run in rehearsal: Vault is read and the stores are looked at, and what would be written stays in memory. No store, Redis,
status or Secret is written. With --manifests it rehearses "sync"; with -n or -A it rehearses the operator of the cluster: give
it the operator's settings, and it reads what the operator remembers in Redis, if Redis can be reached.

Each line names the copy and what is due: create, update, metadata-only (tags, labels and the like), adopt (taken over), delete,
guarded (a deletion that the deletion guard stops), conflict (another's), failed, skip (a policy leaves it as it is), unchanged. The
two groups of 8 hex digits are keyed fingerprints of what is there and of what must be there: they tell whether both are the
same, and nothing of the values.`,
    examples: [
      {
        says: 'before a merge: what would these manifests do?',
        command: 'vault-secret-sync plan --settings settings.yaml --manifests ./manifests',
      },
      {
        says: 'one sync in a cluster, its unchanged copies too',
        command: 'vault-secret-sync plan --settings settings.yaml -n team-a databases --all',
      },
      {
        says: 'the whole cluster; what conflicts, for a script',
        command: `vault-secret-sync plan --settings settings.yaml -A --json | jq '.syncs[].copies[] | select(.class == "conflict")'`,
      },
      {
        says: 'in a pipeline: stop at conflicts and failures, not at pending changes',
        command: 'vault-secret-sync plan --manifests ./manifests || test $? -eq 3',
      },
    ],
    exits: [
      [exitCodes.ok, 'nothing to do'],
      [exitCodes.pending, 'changes are pending'],
      [exitCodes.failed, 'something failed or conflicts'],
      badInput,
    ],
  },
  {
    name: 'dead-letters',
    usage: 'vault-secret-sync dead-letters [replay ID… | replay --all] [--settings FILE] [--limit N] [--json]',
    summary: 'show the jobs that were given up, or have them run again',
    takesNames: true,
    flags: [
      settingsFlag,
      { name: 'limit', value: 'N', description: 'show the newest N (default 100)' },
      { name: 'all', description: 'with replay: all of them' },
      { name: 'json', description: 'one JSON line per dead letter' },
    ],
    takesSettings: true,
    more: 'Takes the settings of the operator, for the dead letters are in Redis. A replayed job runs at once, as if it had never failed.',
    examples: [
      {
        says: 'what was given up, the newest first',
        command: 'vault-secret-sync dead-letters --settings settings.yaml',
      },
      { says: 'two of them again', command: 'vault-secret-sync dead-letters replay 17 23 --settings settings.yaml' },
      { says: 'all of them again', command: 'vault-secret-sync dead-letters replay --all --settings settings.yaml' },
    ],
    exits: [
      [exitCodes.ok, 'done'],
      [exitCodes.failed, 'a dead letter is not there, or Redis is away'],
      [exitCodes.badInput, 'bad input: a flag, a setting, no Redis in the settings'],
    ],
  },
  {
    name: 'test-event',
    usage: 'vault-secret-sync test-event [FILE]',
    summary: 'say what the webhook makes of audit entries, one JSON line per entry',
    takesNames: true,
    flags: [],
    takesSettings: false,
    more: `Reads FILE or standard input. The verdict is changed, reconcile (a whole mount changes), ignored (reads, failures, intents) or
malformed. No value, token or accessor is ever printed.`,
    examples: [
      {
        says: 'what the webhook would do with the latest entries',
        command: 'tail -n 20 /vault/audit/audit.log | vault-secret-sync test-event',
      },
    ],
    exits: [
      [exitCodes.ok, 'read to the end'],
      [exitCodes.badInput, 'bad input: a file that cannot be read'],
    ],
  },
];

/** Help for the program. */
export function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Keeps the secrets of Vault or OpenBao the same in AWS, Azure and GCP, within a second of each change.

Usage: vault-secret-sync COMMAND [flags]

${lines.join('\n')}

  vault-secret-sync COMMAND --help    what a command does, and its flags
  vault-secret-sync --version         the version`;
}

/** Help for one command. */
export function helpFor(command: Command): string {
  const { summary, usage, more, examples, flags, exits, takesSettings } = command;
  const sections = [`${summary[0]?.toUpperCase()}${summary.slice(1)}.`, `Usage: ${usage}`, more];
  sections.push(`Examples:\n${examples.map(({ says, command: line }) => `  # ${says}\n  ${line}`).join('\n\n')}`);
  if (flags.length > 0) {
    sections.push(`Flags:\n${table(flags.map((flag) => [wordsOf(flag), flag.description]))}`);
  }
  sections.push(`Exit codes:\n${table(exits.map(([code, meaning]) => [String(code), meaning]))}`);
  if (takesSettings) {
    const rows = leaves.map((leaf): [string, string] => [
      `--${leaf.flag}`,
      `${leaf.description}${defaultOf(leaf.byDefault)}`,
    ]);
    sections.push(
      `Settings (each also as a variable, e.g. --log-level is VSS_LOG_LEVEL, and in the file, log.level):\n${table(rows)}`,
    );
  }
  return sections.join('\n\n');
}

/** How a flag is written: `-n, --namespace NAMESPACE`. */
export function wordsOf({ name, short, value }: OwnFlag): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}

function defaultOf(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '';
  return ` (default ${Array.isArray(value) ? value.join(',') : String(value)})`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
