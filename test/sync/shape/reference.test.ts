import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse as parseYaml } from 'yaml';
import { parseManifest } from '../../../src/crd/manifest.ts';
import { compileShape, type ShapeFields } from '../../../src/sync/shape/shape.ts';
import { type JsonObject, parseExactly } from '../../../src/vault/json.ts';

const page = readFileSync('docs/reference/formats.md', 'utf8');

test('the reference of formats shows what its example makes of the secret', () => {
  const [manifest = '', ...values] = [...page.matchAll(/```\w+\n(.*?)```/gs)].map(([, text = '']) => text);
  const { spec } = parseYaml(manifest) as { spec: { dest: { aws: ShapeFields }[] } };
  const secret = parseExactly(/the secret `(.*?)` becomes/.exec(page)?.[1] ?? '') as JsonObject;

  const judged = parseManifest({
    apiVersion: 'vaultsecretsync.dev/v1alpha1',
    kind: 'VaultSecretSync',
    metadata: { name: 'db' },
    spec,
  });
  const made = spec.dest.map(({ aws }) => compileShape(aws)(secret).replace(/\n?$/, '\n'));

  expect(judged).not.toHaveProperty('problems');
  expect(made).toEqual(values);
});
