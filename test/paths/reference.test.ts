import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse as parseYaml } from 'yaml';
import { parseManifest } from '../../src/crd/manifest.ts';
import { parseSelection, type Selected, selectSecret } from '../../src/paths/selection.ts';
import { compileName } from '../../src/sync/naming/text.ts';

const page = readFileSync('docs/reference/selection.md', 'utf8');

/** The rows of the table that begins with these words, without backticks. */
function rowsOf(header: string): string[][] {
  const [, table = ''] = page.split(`${header}\n`);
  const rows = table.split('\n\n')[0]?.split('\n').slice(1) ?? [];
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '').replaceAll('\\|', '|')),
  );
}

function selected(path: string, secret: string): Selected | null {
  const slash = secret.indexOf('/');
  return selectSecret(parseSelection({ path }), secret.slice(0, slash), secret.slice(slash + 1));
}

function kindOf(path: string): string {
  const [selector] = parseSelection({ path }).selectors;
  if (selector?.kind !== 'pattern') return 'literal';
  return selector.glob === null ? 'pattern' : 'glob';
}

describe('the reference of selection', () => {
  test('says rightly what each path is, and what it takes', () => {
    const rows = rowsOf('| path | is | takes | does not take |');

    expect(rows.length).toBeGreaterThan(10);
    for (const [path = '', is, takes = '', others = ''] of rows) {
      expect([path, kindOf(path)]).toEqual([path, is]);
      for (const secret of takes.split(', ')) expect([path, secret, selected(path, secret)]).not.toContain(null);
      for (const secret of others.split(', ')) expect([path, secret, selected(path, secret)]).toContain(null);
    }
  });

  test('says rightly what copies are called', () => {
    const rows = rowsOf('| path | `name` | secret | copy |');

    expect(rows.length).toBeGreaterThan(5);
    for (const [path = '', template, secret = '', copy] of rows) {
      const found = selected(path, secret);
      if (!found) throw new Error(`${path} does not take ${secret}`);
      const parts = {
        ...found,
        ...{ mount: 'secret', name: secret.slice('secret/'.length), key: null, keys: null, metadata: null },
        sync: { namespace: 'team-a', name: 'db' },
      };
      expect(compileName(template, { granularity: 'secret' }).expand(parts).text).toBe(copy);
    }
  });

  test('shows manifests that are taken, and paths that mean what is said of them', () => {
    const shown = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => parseYaml(text) as { spec: object });

    const judged = shown.map(({ spec }) =>
      parseManifest({
        apiVersion: 'vaultsecretsync.dev/v1alpha1',
        kind: 'VaultSecretSync',
        metadata: { name: 'db' },
        spec,
      }),
    );

    expect(judged).toHaveLength(2);
    for (const one of judged) expect(one).not.toHaveProperty('problems');
    const [{ spec }] = shown as [{ spec: { source: Parameters<typeof parseSelection>[0] } }];
    const selection = parseSelection(spec.source);
    const secrets = ['team-a/db', 'team-a/scratch/x', 'team-a/db-test', 'shared/ca', 'shared/other'];
    expect(secrets.filter((name) => selectSecret(selection, 'secret', name))).toEqual(['team-a/db', 'shared/ca']);
    expect(selectSecret(selection, 'infra', 'us-west-2/tls')).not.toBeNull();
  });
});
