import { leaves } from '../src/config/leaves.ts';
import { Settings } from '../src/config/settings.ts';

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly items?: Node;
}

/** The reference page of every setting, from the schema that the loader checks with. */
export function settingsPage(): string {
  const rows = leaves.map(({ path, variable, description, byDefault }) =>
    row([`\`${path}\``, `\`${variable}\``, shownDefault(byDefault), description]),
  );
  const lists = leaves.filter(({ type }) => type === 'json').map(({ path }) => listSection(path));
  return `<!-- Generated from src/config by "node scripts/generate.ts". -->

# Settings

Settings come from a YAML file (\`--settings FILE\` or \`VSS_SETTINGS\`), from variables and from flags; a flag wins over a variable, a
variable over the file. The flag of \`webhook.http.port\` is \`--webhook-http-port\`, its variable \`VSS_WEBHOOK_HTTP_PORT\`. Lists of words are written
with commas in variables and flags, lists of objects as JSON. An unknown setting is refused with the nearest known name.
[examples/settings.yaml](../../examples/settings.yaml) shows them in a file.

| setting | variable | default | what it says |
|---|---|---|---|
${rows.join('\n')}

${lists.join('\n\n')}
`;
}

function listSection(path: string): string {
  const list = path
    .split('.')
    .reduce<Node | undefined>((node, key) => node?.properties?.[key], Settings as unknown as Node);
  const fields = fieldsOf(list?.items ?? {}, '');
  return `## Each of \`${path}\`\n\n| field | default | what it says |\n|---|---|---|\n${fields.join('\n')}`;
}

function fieldsOf(node: Node, prefix: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const path = `${prefix}${name}`;
    if (child.properties) return fieldsOf(child, `${path}.`);
    const required = node.required?.includes(name) && child.default === undefined;
    const words = child.enum ? ` One of ${child.enum.map((word) => `\`${String(word)}\``).join(', ')}.` : '';
    return [
      row([`\`${path}\``, required ? 'required' : shownDefault(child.default), `${child.description ?? ''}${words}`]),
    ];
  });
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function shownDefault(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : `\`${value.join(',')}\``;
  return `\`${String(value)}\``;
}
