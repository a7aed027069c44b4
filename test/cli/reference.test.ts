import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { commands, helpFor, overview, wordsOf } from '../../src/cli/help.ts';
import { Report } from '../../src/cli/report.ts';
import { planClasses } from '../../src/sync/plan-class.ts';

/** The page on the command line says what the help says, and nothing else. */

let page: string;
let sections: ReadonlyMap<string, string>;

beforeAll(async () => {
  page = await readFile('docs/reference/cli.md', 'utf8');
  const parts = page.split(/^## (.*)$/m).slice(1);
  sections = new Map(parts.flatMap((title, index) => (index % 2 === 0 ? [[title, parts[index + 1] ?? '']] : [])));
});

/** The rows of the tables under a heading, e.g. `| flag | |`. */
function rowsUnder(section: string, heading: string): string[] {
  const [, table = ''] = section.split(`${heading}\n|---|---|\n`);
  return (table.split('\n\n')[0] ?? '').trim().split('\n').filter(Boolean);
}

describe('the page on the command line', () => {
  test('has every command with its summary, in the order of the help', () => {
    const rows = commands.map(({ name, summary }) => `| [\`${name}\`](#${name}) | ${summary} |`);

    expect([...sections.keys()]).toEqual(commands.map(({ name }) => name));
    expect(rowsUnder(page, '| command | what it does |')).toEqual(rows);
  });

  test.each(commands)('has what $name takes, how it ends, and examples of it', (command) => {
    const section = sections.get(command.name) ?? '';
    const examples = command.examples.map(({ says, command: line }) => `# ${says}\n${line}`).join('\n\n');

    expect(section).toContain(`\`\`\`\n${command.usage}\n\`\`\``);
    expect(section).toContain(`\`\`\`sh\n${examples}\n\`\`\``);
    expect(rowsUnder(section, '| flag | |')).toEqual(
      command.flags.map((flag) => `| \`${wordsOf(flag)}\` | ${flag.description} |`),
    );
    expect(rowsUnder(section, '| exit code | |')).toEqual(
      command.exits.map(([code, meaning]) => `| ${code} | ${meaning} |`),
    );
  });

  test('has every class of a plan', () => {
    const section = sections.get('plan') ?? '';
    const [, table = ''] = section.split('| class | what a run would do | pending |\n|---|---|---|\n');

    expect([...(table.split('\n\n')[0] ?? '').matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name)).toEqual([
      ...planClasses,
    ]);
  });

  test('has every field of the document', () => {
    const documented = rowsUnder(sections.get('plan') ?? '', '| field | |').map((row) => row.split('`')[1]);
    const counted = planClasses.slice(1).map((name) => `summary.${name === 'metadata-only' ? 'metadataOnly' : name}`);

    expect([...documented, ...counted].sort()).toEqual(fieldsOf(someDocument()).sort());
  });
});

/** A document in which nothing is empty. */
function someDocument(): unknown {
  const lines: string[] = [];
  const output = { out: (line: string) => void lines.push(line), err: () => undefined, colours: false };
  const report = new Report({ command: 'sync', json: true, all: false }, output);
  report.note('a note');
  report.bad({ manifest: 'bad.yaml', message: 'not YAML' });
  report.add({
    sync: 'team-a/db',
    mode: 'active',
    problems: [{ reason: 'Sealed', message: 'Vault is sealed' }],
    results: [
      {
        sync: 'team-a/db',
        copy: 'gcp:p/db',
        store: 'gcp',
        destination: 'gcp:p',
        name: 'db',
        source: '["main","","secret","db"]',
        change: 'created',
        planned: 'created',
        reason: '',
        message: '',
        fingerprints: { wanted: '11111111', found: null },
        retry: null,
      },
    ],
  });
  report.end();
  return JSON.parse(lines.join(''));
}

/** `syncs[].copies[].name` for each value in a document. */
function fieldsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((item) => fieldsOf(item, `${path}[]`)))];
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, child]) => fieldsOf(child, path === '' ? name : `${path}.${name}`));
}

describe('the help', () => {
  test('of the program names every command', () => {
    for (const { name, summary } of commands) expect(overview()).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
  });

  test.each(commands)('of $name teaches with examples, and names every flag and exit code', (command) => {
    const help = helpFor(command);

    expect(command.examples.length).toBeGreaterThan(0);
    for (const { says, command: line } of command.examples) expect(help).toContain(`  # ${says}\n  ${line}\n`);
    for (const flag of command.flags) expect(help).toContain(`  ${wordsOf(flag)} `);
    for (const [code, meaning] of command.exits) expect(help).toContain(`  ${code}  ${meaning}`);
    expect(command.exits.map(([code]) => code)).toContain(2);
  });

  test.each(commands)('of $name has examples of that command, with flags that it knows', (command) => {
    for (const { command: line } of command.examples) {
      const [, own = ''] = line.split('vault-secret-sync ');
      const flags = [...(own.split(/ [|]/)[0] ?? '').matchAll(/ (--?[a-zA-Z-]+)/g)].map(([, flag = '']) => flag);
      const help = helpFor(command);

      expect(own.split(' ')[0]).toBe(command.name);
      for (const flag of flags.filter((flag) => flag !== '-eq')) expect(help).toContain(flag);
    }
  });
});
