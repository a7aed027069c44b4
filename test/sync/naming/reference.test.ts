import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse as parseYaml } from 'yaml';
import { parseManifest } from '../../../src/crd/manifest.ts';
import type { Destination } from '../../../src/crd/vault-secret-sync.ts';
import { compileDestination, expandDestination } from '../../../src/sync/naming/destination.ts';
import { dotFields } from '../../../src/sync/naming/parts.ts';
import { compileName } from '../../../src/sync/naming/text.ts';
import { someParts } from './some-parts.ts';

const page = readFileSync('docs/reference/names.md', 'utf8');
const { spec } = parseYaml(/```yaml\n(.*?)```/s.exec(page)?.[1] ?? '') as {
  spec: { source: { path: string }; dest: [{ aws: { name: string } }] };
};

function partsWith(metadata: Record<string, string>) {
  const parts = someParts(spec.source.path, 'prod/app/db', { metadata, keys: ['user', 'password'], key: 'user' });
  return { ...parts, mount: 'secret' };
}
const parts = partsWith({ team: 'Payments', 'cost-center': '47' });

function section(title: string): string {
  return page.split(/^## /m).find((text) => text.startsWith(title)) ?? '';
}

function expand(template: string, of = parts): string {
  return compileName(template.replaceAll('\\|', '|'), { granularity: 'key' })
    .expand(of)
    .text.replace(/\/user$/, '');
}

describe('the reference of names', () => {
  test('shows a manifest that is taken, and does what is said of it', () => {
    const judged = parseManifest({
      apiVersion: 'vaultsecretsync.dev/v1alpha1',
      kind: 'VaultSecretSync',
      metadata: { name: 'db' },
      spec,
    });
    const [destination] = spec.dest;
    const filled = expandDestination(destination as Destination, compileDestination(destination as Destination), parts);

    expect(judged).not.toHaveProperty('problems');
    expect(expand(destination.aws.name)).toBe('prod/payments/app/db');
    expect(filled.aws).toMatchObject({
      description: 'copy of secret/prod/app/db',
      tags: { env: 'prod', 'cost-center': '47' },
    });
  });

  test('lists every field that there is, with what it holds', () => {
    const rows = [...section('Templates').matchAll(/^\| `\.(\w+)` \|.*\| (.*) \|$/gm)];

    const examples = rows.flatMap(([, field, shown = '']) => [
      ...[...shown.matchAll(/^`(\{\{[^`]*)` is `([^`]*)`$/g)].map(([, template = '', text]) => [template, text]),
      ...[...shown.matchAll(/^`([^`{]*)`$/g)].map(([, text]) => [`{{ .${field} }}`, text]),
    ]);

    expect(rows.map(([, field]) => field)).toEqual(dotFields);
    expect(examples).toHaveLength(dotFields.length - 1);
    expect(examples.map(([template = '']) => [template, expand(template)])).toEqual(examples);
  });

  test('shows templates that do what they are for', () => {
    const shown = [...section('Templates').matchAll(/^\| [a-z].* \| `(\{\{.*)` \|$/gm)].map(
      ([, template = '']) => template,
    );

    expect(shown.map((template) => expand(template, partsWith({ team: 'Team A' })))).toEqual([
      'Team A',
      'team-a',
      'prod_app_db',
      'app/db',
      'db-f132e41e',
    ]);
    expect(expand(shown[0] ?? '', partsWith({}))).toBe('none');
  });

  test('shows the complaint as it is', () => {
    const complaint = /```\n(the name .*)\n```/.exec(page)?.[1] ?? '';
    const [, template = ''] = /^the name "(.*?)" asks/.exec(complaint) ?? [];

    expect(() => expand(template, partsWith({}))).toThrow(complaint);
  });

  test('names every reason', () => {
    const reasons = [...section('Errors').matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason);

    expect(reasons).toEqual(['TemplateInvalid', 'TemplateFailed', 'NameIncomplete', 'CaptureUnknown', 'TextTooLong']);
  });
});
