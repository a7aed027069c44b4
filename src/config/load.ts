import { isAbsolute } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { InputError } from '../errors.ts';
import { comparableAddress } from '../paths/places.ts';
import { createCheck, nearestName, type Problem } from '../schema.ts';
import { type Leaf, leaves } from './leaves.ts';
import { Settings } from './settings.ts';

export interface SettingsInput {
  /** Text of the settings file and the name it is called by in messages; none = no file. */
  readonly file?: { readonly name: string; readonly text: string };
  /** The environment: `VSS_…` variables and the few well-known ones of Vault, Azure, AWS and Kubernetes. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags by name without dashes, e.g. `webhook-http-port`. */
  readonly flags: Readonly<Record<string, string>>;
}

const check = createCheck(Settings);

/** Variables that others define and that fill a setting left empty. */
const wellKnown: readonly { readonly variable: string; readonly path: string }[] = [
  { variable: 'AWS_REGION', path: 'stores.aws.region' },
  { variable: 'AZURE_TENANT_ID', path: 'stores.azure.tenantId' },
  { variable: 'AZURE_CLIENT_ID', path: 'stores.azure.clientId' },
  { variable: 'AZURE_CLIENT_SECRET', path: 'stores.azure.clientSecret' },
  { variable: 'AZURE_FEDERATED_TOKEN_FILE', path: 'stores.azure.federatedTokenFile' },
  { variable: 'AZURE_AUTHORITY_HOST', path: 'stores.azure.authorityHost' },
  { variable: 'IDENTITY_ENDPOINT', path: 'stores.azure.managedIdentityEndpoint' },
  { variable: 'IDENTITY_HEADER', path: 'stores.azure.managedIdentityHeader' },
  { variable: 'POD_NAMESPACE', path: 'operator.namespace' },
  { variable: 'KUBECONFIG', path: 'manifests.kubeconfig' },
];

/**
 * Puts file, variables and flags together (a flag wins over a variable, a variable over the file), fills in defaults and
 * checks everything, rules between settings included.
 * @throws InputError naming every setting that is wrong, where it came from and the nearest known name
 */
export function loadSettings(input: SettingsInput): Settings {
  const merged = readFile(input.file);
  for (const { variable, path } of wellKnown) {
    const value = input.env[variable];
    if (value !== undefined && value !== '' && valueAt(merged, path) === undefined) setAt(merged, path, value);
  }
  for (const { leaf, text, from } of [...fromVariables(input.env), ...fromFlags(input.flags)]) {
    setAt(merged, leaf.path, parseLeaf(leaf, text, from));
  }
  fillVaultToken(merged, input.env['VAULT_TOKEN']);
  const checked = check(merged);
  if (checked.problems.length > 0) throw refuse(checked.problems, input.file?.name);
  const settings = (checked as { value: Settings }).value;
  const broken = brokenRules(settings);
  if (broken.length > 0) throw refuse(broken, input.file?.name);
  return deepFreeze(settings);
}

type Tree = Record<string, unknown>;

function readFile(file: SettingsInput['file']): Tree {
  if (!file) return {};
  let parsed: unknown;
  try {
    parsed = parseYaml(file.text);
  } catch (error) {
    // The parser's own message quotes the line, which may hold a token.
    const position = (error as { linePos?: { line: number; col: number }[] }).linePos?.[0];
    const where = position ? ` (line ${position.line}, column ${position.col})` : '';
    throw new InputError(`${file.name} is not YAML${where}: mend it, or leave it out`);
  }
  if (parsed === null || parsed === undefined) return {};
  if (typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new InputError(`${file.name} must be a YAML mapping of settings`);
  }
  return parsed as Tree;
}

interface Given {
  readonly leaf: Leaf;
  readonly text: string;
  readonly from: string;
}

function fromVariables(env: SettingsInput['env']): Given[] {
  const given: Given[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('VSS_') || text === undefined || variable === 'VSS_SETTINGS') continue;
    const leaf = leaves.find((candidate) => candidate.variable === variable);
    if (!leaf) throw unknownName('environment variable', variable, [...leaves.map((known) => known.variable)]);
    given.push({ leaf, text, from: variable });
  }
  return given;
}

function fromFlags(flags: SettingsInput['flags']): Given[] {
  return Object.entries(flags).map(([flag, text]) => {
    const leaf = leaves.find((candidate) => candidate.flag === flag);
    if (!leaf)
      throw unknownName(
        'flag',
        `--${flag}`,
        leaves.map((known) => `--${known.flag}`),
      );
    return { leaf, text, from: `--${flag}` };
  });
}

function unknownName(what: string, name: string, known: string[]): InputError {
  const nearest = nearestName(name, known);
  return new InputError(`unknown ${what} ${name}${nearest ? `; did you mean ${nearest}?` : ''}`);
}

function parseLeaf(leaf: Leaf, text: string, from: string): unknown {
  switch (leaf.type) {
    case 'string':
      return text;
    case 'words':
      return text
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== '');
    case 'integer':
      if (!/^\d+$/.test(text)) throw new InputError(`${from} must be a whole number`);
      return Number(text);
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw new InputError(`${from} must be true or false`);
      return text === 'true';
    case 'json':
      try {
        return JSON.parse(text);
      } catch {
        throw new InputError(`${from} must be JSON`);
      }
    default: {
      const never: never = leaf.type;
      return never;
    }
  }
}

/** What stands at a dotted path; undefined where nothing does. */
export function valueAt(tree: Readonly<Record<string, unknown>>, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (node, key) => (typeof node === 'object' && node !== null ? (node as Tree)[key] : undefined),
      tree,
    );
}

function setAt(tree: Tree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let node = tree;
  for (const key of keys) {
    const child = node[key];
    if (typeof child !== 'object' || child === null || Array.isArray(child)) node[key] = {};
    node = node[key] as Tree;
  }
  node[last] = value;
}

/** `VAULT_TOKEN` serves the only Vault, if it logs in by token and nothing else gives one. */
function fillVaultToken(tree: Tree, token: string | undefined): void {
  const vaults = tree['vaults'];
  if (!token || !Array.isArray(vaults) || vaults.length !== 1) return;
  const vault = vaults[0] as Tree | null;
  if (typeof vault !== 'object' || vault === null) return;
  vault['auth'] ??= {};
  const auth = vault['auth'] as Tree;
  if (typeof auth !== 'object') return;
  if ((auth['method'] ?? 'token') === 'token' && !auth['token'] && !auth['tokenFile']) auth['token'] = token;
}

/** Rules between settings. */
function brokenRules(settings: Settings): Problem[] {
  const problems: Problem[] = [];
  const add = (path: string, message: string) => problems.push({ path, message });
  const webhook = settings.roles.includes('webhook');
  const operator = settings.roles.includes('operator');
  problems.push(...stateProblems(settings.state, webhook && operator));
  if (settings.vaults.length === 0) add('vaults', 'name at least one Vault: {name: main, address: https://…}');
  const calledBy = new Map<string, { index: number; name: string }>();
  settings.vaults.forEach((vault, index) => {
    const { auth } = vault;
    const at = `vaults[${index}]`;
    for (const word of [vault.name, vault.address, ...vault.aliases].map(comparableAddress)) {
      const other = calledBy.get(word);
      if (other && other.index !== index) add(at, `"${word}" is also what Vault "${other.name}" is called by`);
      else calledBy.set(word, { index, name: vault.name });
    }
    if (!operator) return;
    if (auth.method === 'token' && !auth.token && !auth.tokenFile) {
      add(`${at}.auth`, 'give tokenFile (or token, or VAULT_TOKEN), or another method');
    }
    if (auth.method === 'kubernetes' && !auth.role) add(`${at}.auth.role`, 'is required for method kubernetes');
    if (auth.method === 'appRole' && (!auth.roleId || !(auth.secretId || auth.secretIdFile))) {
      add(`${at}.auth`, 'method appRole needs roleId and secretIdFile');
    }
  });
  if (webhook) {
    const names = settings.vaults.map((vault) => vault.name);
    for (const [list, entries] of [
      ['tcp', settings.webhook.tcp],
      ['unix', settings.webhook.unix],
      ['udp', settings.webhook.udp],
      ['tokens', settings.webhook.tokens],
      ['files', settings.webhook.files],
      ['eventSubscriptions', settings.webhook.eventSubscriptions],
      ['http.tls.clients', settings.webhook.http.tls?.clients ?? []],
    ] as const) {
      entries.forEach((entry, index) => {
        if (entry.vault !== undefined && !names.includes(entry.vault)) {
          add(`webhook.${list}[${index}].vault`, `no Vault is called "${entry.vault}"; known: ${names.join(', ')}`);
        }
      });
    }
    settings.webhook.tokens.forEach((entry, index) => {
      if (!entry.token === !entry.tokenFile) add(`webhook.tokens[${index}]`, 'give exactly one of tokenFile and token');
    });
    settings.webhook.files.forEach(({ path, checkpoint }, index, files) => {
      const at = `webhook.files[${index}]`;
      if (!isAbsolute(path)) add(`${at}.path`, 'must be absolute, e.g. /vault/audit/audit.log');
      if (!isAbsolute(checkpoint))
        add(`${at}.checkpoint`, 'must be absolute, e.g. /var/lib/vault-secret-sync/audit.json');
      for (const earlier of files.slice(0, index)) {
        if (earlier.path === path) add(`${at}.path`, 'is followed already: one Vault writes a file');
        if (earlier.checkpoint === checkpoint) add(`${at}.checkpoint`, "is another file's: give each its own");
      }
    });
    settings.webhook.eventSubscriptions.forEach(({ vault }, index, subscriptions) => {
      if (subscriptions.findIndex((other) => other.vault === vault) < index) {
        add(
          `webhook.eventSubscriptions[${index}].vault`,
          'is subscribed to already: one subscription hears all of a Vault',
        );
      }
    });
    const { enabled, host, plain, tls } = settings.webhook.http;
    if (enabled && !tls && !plain && !isLoopback(host)) {
      add(
        'webhook.http',
        `listens at ${host}, which others can reach, without TLS: name tls.certFile and tls.keyFile, or set plain: true where an ingress or a mesh ends TLS in front of it`,
      );
    }
    if (tls && tls.clients.length > 0 !== (tls.clientCaFile !== undefined)) {
      add(
        'webhook.http.tls',
        'give clientCaFile and clients together: who issues certificates, and which are let in ([{name: "**"}] for any)',
      );
    }
    const certificates = (tls?.clients.length ?? 0) > 0;
    if (enabled && settings.webhook.tokens.length === 0 && !certificates && !settings.webhook.allowUnauthenticated) {
      add(
        'webhook.tokens',
        'give senders a token ([{tokenFile: …}]), or set webhook.allowUnauthenticated: true if something before the webhook authenticates them',
      );
    }
  }
  if (operator && settings.manifests.directory && !settings.installation) {
    add('installation', 'is required with manifests from files: a name of your choice that never changes');
  }
  return problems;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** The shared state is in one place at most, and its credentials are said once. */
function stateProblems(state: Settings['state'], hasBothRoles: boolean): Problem[] {
  const places = (['redis', 'sentinel', 'cluster'] as const).filter((place) => state[place] !== undefined);
  const [place] = places;
  const problems: Problem[] = [];
  const add = (path: string, message: string) => problems.push({ path: `state.${path}`, message });
  if (place === undefined && !hasBothRoles) {
    add(
      'redis',
      'is required when this process has only one role: the roles meet in Redis (or give state.sentinel or state.cluster)',
    );
  }
  if (places.length > 1) {
    problems.push({ path: 'state', message: `give one of redis, sentinel and cluster, not ${places.join(' and ')}` });
  }
  if (state.username !== undefined && state.usernameFile !== undefined)
    add('username', 'give it or usernameFile, not both');
  if (state.password !== undefined && state.passwordFile !== undefined)
    add('password', 'give it or passwordFile, not both');
  if ((state.certFile === undefined) !== (state.keyFile === undefined))
    add('certFile', 'give certFile and keyFile, or neither');
  const usesTls = state.redis?.startsWith('rediss:') || state.sentinel?.tls || state.cluster?.tls;
  const unused = (['caFile', 'certFile', 'serverName'] as const).find((setting) => state[setting] !== undefined);
  if (place !== undefined && !usesTls && unused !== undefined) {
    add(
      unused,
      place === 'redis' ? 'is for TLS: write rediss:// in state.redis' : `is for TLS: set state.${place}.tls: true`,
    );
  }
  return problems;
}

function refuse(problems: readonly Problem[], file: string | undefined): InputError {
  const lines = problems.map(({ path, message }) => `  ${path === '' ? '(settings)' : path}: ${message}`);
  return new InputError(
    `the settings${file ? ` (${file}, variables and flags)` : ''} are refused:\n${lines.join('\n')}`,
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}
