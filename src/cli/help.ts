import { leaves } from '../config/leaves.ts';
import type { OwnFlag } from './arguments.ts';

export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly flags: readonly OwnFlag[];
  /** Whether settings apply to it. */
  readonly takesSettings: boolean;
  readonly more: string;
}

const settingsFlag: OwnFlag = {
  name: 'settings',
  value: 'FILE',
  description: 'the settings file (YAML); also VSS_SETTINGS',
};

const folderFlags: readonly OwnFlag[] = [
  { name: 'manifests', value: 'DIR', description: 'the folder of manifests', shortFor: 'manifests-directory' },
  { name: 'json', description: 'one JSON line per copy' },
];

export const commands: readonly Command[] = [
  {
    name: 'start',
    usage: 'vault-secret-sync start [--settings FILE] [--roles webhook|operator|webhook,operator]',
    summary: 'run the webhook, the operator, or both as one process',
    flags: [settingsFlag],
    takesSettings: true,
    more: `Both roles in one process need neither Redis nor Kubernetes:

  vault-secret-sync start --settings settings.yaml --manifests-directory ./manifests

Two processes meet in Redis:

  vault-secret-sync start --settings settings.yaml --roles webhook  --state-redis redis://redis:6379
  vault-secret-sync start --settings settings.yaml --roles operator --state-redis redis://redis:6379`,
  },
  {
    name: 'sync',
    usage: 'vault-secret-sync sync --manifests DIR [--settings FILE] [--json]',
    summary: 'reconcile once what a folder of manifests says, then exit',
    flags: [settingsFlag, ...folderFlags],
    takesSettings: true,
    more: 'Exit code 0: all in sync. 1: something failed. 2: bad input (a manifest, a setting, a flag).',
  },
  {
    name: 'plan',
    usage: 'vault-secret-sync plan --manifests DIR [--settings FILE] [--json]',
    summary: 'say what sync would do, without writing anything',
    flags: [settingsFlag, ...folderFlags],
    takesSettings: true,
    more: 'Exit code 0: nothing to do. 3: changes are pending. 1: something failed or conflicts. 2: bad input.',
  },
  {
    name: 'test-event',
    usage: 'vault-secret-sync test-event [FILE]',
    summary: 'say what the webhook makes of audit entries, one JSON line per entry',
    flags: [],
    takesSettings: false,
    more: `Reads FILE or standard input, e.g.

  tail -n 20 /vault/audit/audit.log | vault-secret-sync test-event

verdict is changed, reconcile (a whole mount changes), ignored (reads, failures, intents) or malformed.
No value, token or accessor is ever printed.`,
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
  const sections = [
    `${command.summary[0]?.toUpperCase()}${command.summary.slice(1)}.`,
    `Usage: ${command.usage}`,
    command.more,
  ];
  if (command.flags.length > 0) {
    sections.push(
      `Flags:\n${table(command.flags.map(({ name, value, description }) => [`--${name}${value ? ` ${value}` : ''}`, description]))}`,
    );
  }
  if (command.takesSettings) {
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

function defaultOf(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '';
  return ` (default ${Array.isArray(value) ? value.join(',') : String(value)})`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
