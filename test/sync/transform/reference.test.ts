import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse as parseYaml } from 'yaml';
import { parseManifest } from '../../../src/crd/manifest.ts';
import { signatures } from '../../../src/sync/transform/template/functions/all.ts';
import { limits } from '../../../src/sync/transform/template/limits.ts';
import { compileTemplate } from '../../../src/sync/transform/template/template.ts';

const page = readFileSync('docs/reference/templates.md', 'utf8');

function section(title: string): string {
  return page.split(/^#+ /m).find((text) => text.startsWith(title)) ?? '';
}

describe('the reference of templates', () => {
  test('lists every function that there is, and no other', () => {
    const table = section('Functions').match(/^\|.*\|$/gm) ?? [];
    const listed = table.slice(2).flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name));

    expect(listed.toSorted()).toEqual([...signatures.keys()].toSorted());
  });

  test('states the limits that hold', () => {
    const stated = [...section('Limits').matchAll(/\| ([\d,]+)/g)].map(([, figure = '']) =>
      Number(figure.replaceAll(',', '')),
    );

    expect(stated).toEqual(expect.arrayContaining(Object.values(limits)));
  });

  test('shows templates that compile', () => {
    const shown = [...section('Templates').matchAll(/`(\{\{.*?)`(?= \||,|$)/gm)].map(([, text = '']) => text);

    expect(shown.length).toBeGreaterThan(8);
    for (const template of shown) compileTemplate(template.replaceAll('\\|', '|'));
  });

  test('shows a manifest that is taken', () => {
    const { spec } = parseYaml(/```yaml\n(.*?)```/s.exec(page)?.[1] ?? '') as {
      spec: { transforms: { template: string } };
    };

    const judged = parseManifest({
      apiVersion: 'vaultsecretsync.dev/v1alpha1',
      kind: 'VaultSecretSync',
      metadata: { name: 'db' },
      spec,
    });

    expect(judged).not.toHaveProperty('problems');
    const data = { username: 'ada', password: 'a/b"', db_host: 'h' };
    expect(JSON.parse(compileTemplate(spec.transforms.template)(data))).toEqual({
      url: 'postgres://ada:a%2Fb%22@h:5432/app',
      password: 'a/b"',
    });
  });
});
