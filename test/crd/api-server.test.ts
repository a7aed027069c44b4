import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { exampleManifest } from '../../src/crd/generate/example.ts';
import { parseManifest } from '../../src/crd/manifest.ts';
import { group, plural, version } from '../../src/crd/vault-secret-sync.ts';
import { eventually } from '../peers/processes.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { manifestWith, rightManifests, unknownFields, wrongManifests } from './manifests.ts';
import { rightSpecs, wrongSpecs } from './specs.ts';

const definitions = join(import.meta.dirname, '../../deploy/crds');
const collection = `/apis/${group}/${version}/namespaces/default/${plural}`;

let kubernetes: KubernetesPeer;

beforeAll(async () => {
  kubernetes = await startKubernetes();
  const applied = await kubernetes.kubectl(['apply', '--server-side', '--validate=strict', '-f', definitions]);
  if (applied.code !== 0) throw new Error(applied.stderr);
  const served = async () => (await kubernetes.api('GET', collection)).status === 200;
  await eventually(served, { what: 'the custom resource' });
}, 600_000);

afterAll(() => kubernetes?.stop());

interface Refusal {
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly field: string; readonly message: string }[] };
}

/** What the API server would say to the manifest, without storing it. */
async function judge(manifest: unknown): Promise<{ status: number; body: Refusal }> {
  const answer = await kubernetes.api('POST', `${collection}?dryRun=All&fieldValidation=Strict`, manifest);
  return { status: answer.status, body: answer.body as Refusal };
}

describe('the custom resource definition', () => {
  test('is stored by the API server as it was written, with nothing dropped', async () => {
    const written = await kubernetes.kubectl(['create', '--dry-run=client', '-o', 'json', '-f', definitions]);
    const stored = await kubernetes.kubectl(['get', 'crd', `${plural}.${group}`, '-o', 'json']);

    const schemaOf = (text: string) => JSON.parse(text).spec.versions[0].schema;
    expect(schemaOf(stored.stdout)).toEqual(schemaOf(written.stdout));
  });

  test('is Established, its names accepted, its schema structural', async () => {
    const stored = await kubernetes.kubectl(['get', 'crd', `${plural}.${group}`, '-o', 'json']);

    const conditions: { type: string; status: string }[] = JSON.parse(stored.stdout).status.conditions;
    const isTrue = conditions.filter(({ status }) => status === 'True').map(({ type }) => type);
    expect(isTrue.sort()).toEqual(['Established', 'NamesAccepted']);
  });

  test('shows what matters in the columns of kubectl get vss', async () => {
    await kubernetes.kubectl(['apply', '-f', '-'], JSON.stringify(manifestWith({}, { name: 'columns' })));
    const condition = { type: 'Ready', status: 'True', reason: 'Synced', message: 'all is well' };
    const status = { copies: '3/3', conditions: [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }] };
    const patch = ['patch', 'vss', 'columns', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
    await kubernetes.kubectl(patch);

    const narrow = await kubernetes.kubectl(['get', 'vss']);
    const wide = await kubernetes.kubectl(['get', 'vault-secret-sync', '-o', 'wide']);

    expect(narrow.stdout).toMatch(/^NAME +READY +REASON +COPIES +AGE\ncolumns +True +Synced +3\/3 /);
    expect(wide.stdout).toMatch(/MESSAGE.*\n.*all is well/);
  });

  test('takes the example of the reference page', async () => {
    const namespaced = exampleManifest.replace('namespace: team-a', 'namespace: default');

    const applied = await kubernetes.kubectl(['apply', '--validate=strict', '-f', '-'], namespaced);

    expect(applied).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a wrong manifest is refused by the API server and in a file', () => {
  test.each([...wrongManifests, ...wrongSpecs])('$title', async ({ manifest, path, sentence, inFiles }) => {
    const { status, body } = await judge(manifest);
    const parsed = parseManifest(manifest);

    expect(status).toBe(422);
    expect(body.details?.causes).toContainEqual(
      expect.objectContaining({ field: path, message: expect.stringContaining(sentence) }),
    );
    expect(parsed).toMatchObject({ problems: expect.anything() });
    const said = 'problems' in parsed ? parsed.problems.map((problem) => `${problem.path}: ${problem.message}`) : [];
    expect(said.join('\n')).toContain(inFiles ?? `${path}: ${sentence}`);
  });
});

describe('an unknown field is refused', () => {
  test.each(unknownFields)('$path', async ({ manifest, path, nearest }) => {
    const { status, body } = await judge(manifest);
    const parsed = parseManifest(manifest);

    expect(status).toBe(400);
    expect(body.message).toContain(`unknown field "${path}"`);
    expect(parsed).toMatchObject({ problems: [{ path, message: `unknown field; did you mean "${nearest}"?` }] });
  });

  test('by kubectl with strict validation', async () => {
    const manifest = JSON.stringify(manifestWith({ dryrun: true }));

    const applied = await kubernetes.kubectl(['apply', '--validate=strict', '-f', '-'], manifest);

    expect(applied.code).toBe(1);
    expect(applied.stderr).toContain('unknown field "spec.dryrun"');
  });
});

describe('a right manifest is taken by the API server and in a file, with the same defaults', () => {
  test.each([...rightManifests, ...rightSpecs])('$title', async ({ manifest }) => {
    const answer = await judge(manifest);
    const parsed = parseManifest(manifest);

    expect(answer).toMatchObject({ status: 201 });
    expect('sync' in parsed ? parsed.sync.spec : parsed.problems).toEqual((answer.body as { spec: unknown }).spec);
  });
});

test('the API server and the check of files agree on whatever is written', async () => {
  const pieces = [
    'a',
    'Z',
    '9',
    '-',
    '_',
    '/',
    '.',
    '$',
    '$1',
    ' ',
    '\n',
    'ß',
    '🔑',
    'vss-',
    'aws:',
    'https://',
    's',
    'm',
    'h',
    '10',
    '%',
    'secret/',
    '{{',
  ];
  const word = fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((parts) => parts.join(''));
  const words = fc.dictionary(word, word, { maxKeys: 2 });
  const optional = { requiredKeys: [] };
  const shape = {
    granularity: fc.constantFrom('secret', 'key'),
    format: fc.constantFrom('json', 'raw'),
    property: word,
  };
  const aws = fc.record({ name: word, region: word, tags: words, ...shape }, optional);
  const azure = fc.record({ vaultUrl: word, vaultName: word, name: word, tags: words, ...shape }, optional);
  const gcp = fc.record({ project: word, name: word, labels: words, ...shape }, optional);
  const dest = fc.array(fc.record({ aws, azure, gcp }, optional), { maxLength: 2 });
  const paths = fc.array(word, { maxLength: 2 });
  const version = fc.integer({ min: 0, max: 2 });
  const source = fc.record({ path: word, mount: word, paths, exclude: paths, merge: fc.boolean(), version }, optional);
  const maxDeletions = fc.oneof(
    word,
    fc.integer({ min: -1, max: 1_000_001 }),
    fc.double({ min: -9, max: 9, noNaN: true }),
    fc.boolean(),
  );
  const duration = { refreshInterval: word, deletionGracePeriod: word };
  const transforms = fc.record({ template: word }, optional);
  const spec = fc.record({ source, dest, transforms, maxDeletions, ...duration });
  const fields = ['source', 'dest', 'dest', 'maxDeletions', 'refreshInterval', 'deletionGracePeriod'] as const;

  await fc.assert(
    // One field at a time is wild, so that a manifest is not wrong for five reasons at once.
    fc.asyncProperty(spec, fc.constantFrom(...fields), fc.boolean(), async (wild, field, withTemplate) => {
      const { transforms: template } = wild;
      const manifest = manifestWith({ [field]: wild[field], ...(withTemplate ? { transforms: template } : {}) });

      const { status } = await judge(manifest);

      expect('sync' in parseManifest(manifest)).toBe(status === 201);
    }),
    { seed: 20261120, numRuns: 600 },
  );
});
