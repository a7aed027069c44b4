import { describe, expect, test } from '@jest/globals';
import type { Destination } from '../../../src/crd/vault-secret-sync.ts';
import { compileDestination, expandDestination } from '../../../src/sync/naming/destination.ts';
import { someParts } from './some-parts.ts';

const read = { metadata: { team: 'Payments', 'cost-center': '47' }, keys: ['user'] };

function fill(destination: Destination, more: Parameters<typeof someParts>[2] = read): Destination {
  const parts = someParts('kv/(?P<env>[^/]+)/(.*)', 'prod/db', more);
  return expandDestination(destination, compileDestination(destination), parts);
}

describe('a destination', () => {
  test('that has nothing to fill in is the very same one', () => {
    const destination: Destination = {
      aws: { name: '$1/{{ .base }}', description: 'a database', tags: { team: 'payments' }, region: 'eu-west-1' },
    };

    expect(compileDestination(destination)).toEqual({ needsRead: false, texts: [] });
    expect(fill(destination)).toBe(destination);
  });

  test('gets its tags and description filled in, and everything else stays', () => {
    const destination: Destination = {
      aws: {
        name: '$1/{{ .base }}',
        region: 'eu-west-1',
        description: 'copy of {{ .path }}, for $1',
        tags: {
          env: '${env}',
          team: '{{ .metadata.team | lower }}',
          fixed: 'x',
          'cost-center': '{{ index .metadata "cost-center" }}',
        },
      },
    };
    const before = structuredClone(destination);

    const filled = fill(destination);

    expect(filled).toEqual({
      aws: {
        name: '$1/{{ .base }}',
        region: 'eu-west-1',
        description: 'copy of kv/prod/db, for prod',
        tags: { env: 'prod', team: 'payments', fixed: 'x', 'cost-center': '47' },
      },
    });
    expect(Object.keys(filled.aws?.tags ?? {})).toEqual(['env', 'team', 'fixed', 'cost-center']);
    expect(destination).toEqual(before);
  });

  test('gets its labels filled in, and its annotations', () => {
    const gcp = { labels: { env: '$1' }, annotations: { from: '{{ .sync.name }}' } };

    expect(fill({ gcp } as Destination)).toEqual({
      gcp: { labels: { env: 'prod' }, annotations: { from: 'databases' } },
    });
  });

  test.each([
    ['{{ .metadata.owner }}', ''],
    ['<{{ index .metadata "owner" }}>', '<>'],
    ['{{ .metadata.owner | default "nobody" }}', 'nobody'],
    ['{{ .capture.stage }}', ''],
  ])('has an empty text where something is missing in a tag: %s becomes %j', (tag, expected) => {
    expect(fill({ azure: { vaultName: 'v-1', tags: { owner: tag } } }).azure?.tags).toEqual({ owner: expected });
  });

  test('keeps a $ where the path is written out', () => {
    const destination: Destination = { aws: { tags: { price: '$5' } } };

    const filled = expandDestination(destination, compileDestination(destination), someParts('kv/app/db', 'app/db'));

    expect(filled).toEqual(destination);
  });

  test('never fills in again what was filled in', () => {
    const metadata = { team: '{{ .name }} $1 ${env}' };

    expect(fill({ aws: { tags: { team: '{{ .metadata.team }}' } } }, { metadata, keys: [] }).aws?.tags).toEqual({
      team: '{{ .name }} $1 ${env}',
    });
  });

  test('takes __proto__ for a key like any other', () => {
    const tags = JSON.parse('{"__proto__":"$1","a":"$1"}') as Record<string, string>;

    const filled = fill({ aws: { tags } });

    expect(JSON.stringify(filled)).toBe('{"aws":{"tags":{"__proto__":"prod","a":"prod"}}}');
  });

  test.each([
    [{ tags: { a: '$1' } }, false],
    [{ tags: { a: '$1', b: '{{ .metadata.team }}' } }, true],
    [{ description: '{{ .keys }}' }, true],
    [{ description: '{{ .name }}' }, false],
  ])('%j needs Vault to be read: %s', (aws, needsRead) => {
    expect(compileDestination({ aws }).needsRead).toBe(needsRead);
  });

  test('may speak of the key only where each key has a copy of its own', () => {
    const tags = { key: '{{ .key }}' };

    expect(fill({ aws: { granularity: 'key', tags } }, { ...read, key: 'user' }).aws?.tags).toEqual({ key: 'user' });
    expect(() => compileDestination({ aws: { tags } })).toThrow(
      'dest.aws.tags.key "{{ .key }}", line 1, column 4: there is no .key where one copy is made of a whole secret',
    );
  });

  test.each([
    [{ tags: { a: '{{ repeat 1025 "x" }}' } }, 'dest.aws.tags.a "{{ repeat 1025 "x" }}" becomes 1025 characters'],
    [{ description: '{{ repeat 2049 "x" }}' }, 'dest.aws.description "{{ repeat 2049 "x" }}" becomes 2049 characters'],
    [{ tags: { a: '$7' } }, 'dest.aws.tags.a "$7" uses $7, but the pattern'],
  ])('complains about %j and says where', (aws, sentence) => {
    expect(() => fill({ aws })).toThrow(
      expect.objectContaining({ remedy: 'FixSpec', message: expect.stringContaining(sentence) }),
    );
  });

  test('takes a tag and a description of the greatest length', () => {
    const aws = { tags: { a: '{{ repeat 1024 "x" }}' }, description: '{{ repeat 2048 "x" }}' };

    expect(fill({ aws }).aws).toEqual({ tags: { a: 'x'.repeat(1024) }, description: 'x'.repeat(2048) });
  });
});
