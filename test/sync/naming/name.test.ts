import { describe, expect, test } from '@jest/globals';
import { compileName } from '../../../src/sync/naming/text.ts';
import { someParts } from './some-parts.ts';

const metadata = { team: 'payments', 'cost-center': '47', Tier: '' };
const read = { metadata, keys: ['user', 'password'] };

function nameOf(template: string, more: Parameters<typeof someParts>[2] = read): string {
  const parts = someParts('kv/(?P<env>[^/]+)/(.*)', 'prod/app/db', more);
  return compileName(template, { granularity: parts.key === null ? 'secret' : 'key' }).expand(parts).text;
}

function complaintOf(work: () => unknown): string {
  try {
    return `no complaint: ${JSON.stringify(work())}`;
  } catch (error) {
    const { remedy, reason, message } = error as { remedy?: string; reason?: string; message: string };
    return `${remedy} ${reason}: ${message}`;
  }
}

describe('a name with templates', () => {
  test.each([
    ['{{ .name }}', 'prod/app/db'],
    ['{{ .path }}', 'kv/prod/app/db'],
    ['{{ .mount }}', 'kv'],
    ['{{ .base }}', 'db'],
    ['{{ index .segments 1 }}', 'app'],
    ['{{ join "-" .segments }}', 'prod-app-db'],
    ['{{ range .segments }}<{{ . }}>{{ end }}', '<prod><app><db>'],
    ['{{ index .captures 0 }} {{ len .captures }}', 'prod 2'],
    ['{{ .capture.env }}', 'prod'],
    ['{{ .metadata.team }}', 'payments'],
    ['{{ index .metadata "cost-center" }}', '47'],
    ['{{ join "+" .keys }}', 'password+user'],
    ['{{ .sync.namespace }}/{{ .sync.name }}', 'team-a/databases'],
    ['{{ .name | replace "/" "_" | upper }}', 'PROD_APP_DB'],
    ['{{ .name | sha256sum | trunc 8 }}', 'f132e41e'],
    ['$1/{{ .metadata.team }}/${2}', 'prod/payments/app/db'],
    ['{{ $1x := "v" }}{{ if $1x }}$1{{ end }}', 'prod'],
    ['{{ $e := .capture.env }}$1-{{ $e }}', 'prod-prod'],
    ['{{ "$1" }}-{{/* $9 */}}{{ `${9}` }}', '$1-${9}'],
    ['{{ define "x" }}$1:{{ .team }}{{ end }}{{ template "x" .metadata }}', 'prod:payments'],
    ['{{ with .metadata }}{{ .team }}-{{ $.base }}{{ end }}', 'payments-db'],
    [' {{ .base }} ', ' db '],
    ['a\n{{- " b" }}', 'a b'],
  ])('%s becomes %s', (template, expected) => {
    expect(nameOf(template)).toBe(expected);
  });

  test('is a derived name, which a store may make fit, unless nothing in it comes from anywhere', () => {
    const derived = (template: string) =>
      compileName(template, { granularity: 'secret' }).expand(someParts('kv/app/db', 'app/db', read)).derived;

    expect(derived('{{ .base }}')).toBe(true);
    expect(derived('{{ .metadata.team }}')).toBe(true);
    expect(derived('{{ "app" | upper }}')).toBe(false);
    expect(derived('$1{{/* nothing */}}')).toBe(false);
  });

  test('is derived when only a capture beside its templates is', () => {
    const compiled = compileName('$1{{ "-db" }}', { granularity: 'secret' });

    expect(compiled.expand(someParts('kv/(.*)', 'x'))).toEqual({ text: 'x-db', derived: true });
  });

  test('fills nothing in that a path written out would have had to capture', () => {
    const compiled = compileName('$1-{{ .base }}', { granularity: 'secret' });

    expect(compiled.expand(someParts('kv/app/db', 'app/db')).text).toBe('$1-db');
  });

  test('is not followed by the rest of the path, as a name without templates is for a pattern without groups', () => {
    const compiled = compileName('{{ .base }}', { granularity: 'secret' });

    expect(compiled.expand(someParts('kv/app/.*', 'app/db')).text).toBe('db');
  });

  test('refuses a capture that the pattern does not have, wherever it stands', () => {
    expect(complaintOf(() => nameOf('{{ .base }}{{ if true }}$3{{ end }}'))).toBe(
      'FixSpec CaptureUnknown: the name "{{ .base }}{{ if true }}$3{{ end }}" uses $3, but the pattern ' +
        '"(?P<env>[^/]+)/(.*)" has 2 capture groups, named env; a $ that is meant as itself is written {{ "$" }}',
    );
  });
});

describe('what is missing', () => {
  test.each([
    ['{{ .metadata.owner }}', '.metadata.owner', 'owner'],
    ['x-{{ index .metadata "cost-centre" }}', '.metadata.cost-centre', 'cost-centre'],
    ['{{ .metadata.tier | default "x" }}-{{ .metadata.owner }}', '.metadata.owner', 'owner'],
    ['{{ $o := .metadata.owner }}{{ $o }}', '.metadata.owner', 'owner'],
    ['{{ printf "%s-db" .metadata.owner }}', '.metadata.owner', 'owner'],
    ['{{ print .metadata.owner "-db" }}', '.metadata.owner', 'owner'],
    ['{{ urlquery .metadata.owner }}', '.metadata.owner', 'owner'],
    ['{{ .metadata.constructor }}', '.metadata.constructor', 'constructor'],
  ])('in the metadata makes %s a mistake that is told', (template, asked, key) => {
    expect(complaintOf(() => nameOf(template))).toBe(
      `FixSpec NameIncomplete: the name "${template}" asks for ${asked} that the secret kv/prod/app/db does not have: ` +
        `add "${key}" to its custom metadata in Vault, or say what stands for it, as in {{ … | default "none" }}`,
    );
  });

  test('among the captures is told, too', () => {
    expect(complaintOf(() => nameOf('{{ .capture.stage }}'))).toBe(
      'FixSpec NameIncomplete: the name "{{ .capture.stage }}" asks for .capture.stage that the secret kv/prod/app/db ' +
        'does not have: say what stands for it, as in {{ … | default "none" }}',
    );
  });

  test('without a name of its own is told as well', () => {
    expect(complaintOf(() => nameOf('{{ first (list) }}'))).toContain(
      'NameIncomplete: the name "{{ first (list) }}" asks for something',
    );
  });

  test('may be stood in for', () => {
    expect(nameOf('{{ .metadata.owner | default "nobody" }}')).toBe('nobody');
    expect(nameOf('{{ .metadata.Tier | default "low" }}')).toBe('low');
    expect(nameOf('{{ if .metadata.owner }}x{{ else }}y{{ end }}')).toBe('y');
    expect(nameOf('{{ coalesce .metadata.owner .metadata.team }}')).toBe('payments');
    expect(nameOf('{{ get .metadata "owner" }}x')).toBe('x');
    expect(nameOf('{{ dig "owner" "nobody" .metadata }}')).toBe('nobody');
    expect(nameOf('{{ hasKey .metadata "owner" }}')).toBe('false');
  });

  test('leaves no name empty', () => {
    expect(complaintOf(() => nameOf('{{ .metadata.Tier }}'))).toBe(
      'FixSpec NameIncomplete: the name "{{ .metadata.Tier }}" is empty for the secret kv/prod/app/db: make it of something more',
    );
  });
});

describe('the name of a copy of one key', () => {
  test.each([
    [undefined, 'prod/app/db/user'],
    ['fixed', 'fixed/user'],
    ['fixed/', 'fixed/user'],
    ['$1', 'prod/user'],
    ['{{ .base }}', 'db/user'],
    ['{{ .base }}.{{ .key }}', 'db.user'],
    ['{{ with . }}{{ .key }}{{ end }}', 'user'],
    ['{{ $.key | upper }}', 'USER'],
    ['{{ printf "%v" . | len }}', '239'],
    ['{{ define "key" }}{{ .key }}{{ end }}{{ template "key" . }}', 'user'],
    ['{{ define "key" }}{{ .key }}{{ end }}{{ template "key" .sync }}x', null],
  ])('%s becomes %s', (template, expected) => {
    const compiled = compileName(template, { granularity: 'key' });
    const parts = someParts('kv/([^/]+)/(.*)', 'prod/app/db', { ...read, key: 'user' });

    if (expected === null) expect(complaintOf(() => compiled.expand(parts))).toContain('NameIncomplete');
    else expect(compiled.expand(parts)).toEqual({ text: expected, derived: true });
  });

  test('is derived even when the name was written out for one secret', () => {
    const compiled = compileName('prod', { granularity: 'key' });

    expect(compiled.expand(someParts('kv/app/db', 'app/db', { key: 'user' }))).toEqual({
      text: 'prod/user',
      derived: true,
    });
  });

  test('follows what remains of the path of a pattern without groups', () => {
    const compiled = compileName('d', { granularity: 'key' });

    expect(compiled.expand(someParts('kv/app/.*', 'app/db', { key: 'user' })).text).toBe('d/db/user');
  });

  test('holds a hostile key as it is', () => {
    for (const key of ['__proto__', '$1', '{{ .name }}', '', '😀', 'a/b', '\n', '"']) {
      const parts = someParts('kv/(.*)', 'x', { key });

      expect(compileName('$1', { granularity: 'key' }).expand(parts).text).toBe(`x/${key}`);
      expect(compileName('$1{{ .key }}', { granularity: 'key' }).expand(parts).text).toBe(`x${key}`);
    }
  });

  test('cannot be asked for without the key, which would be a defect of ours', () => {
    const compiled = compileName('x', { granularity: 'key' });

    expect(() => compiled.expand(someParts('kv/(.*)', 'x'))).toThrow('without the key');
  });

  test('cannot be used where copies are of whole secrets', () => {
    expect(complaintOf(() => compileName('x\n-{{ .key }}', { granularity: 'secret' }))).toBe(
      'FixSpec TemplateInvalid: the name "x\n-{{ .key }}", line 2, column 5: there is no .key where one copy is made of a ' +
        'whole secret: set granularity: key, or leave .key out',
    );
  });
});

describe('a complaint about a name', () => {
  test.each([
    ['{{ .nmae }}', 'column 4: there is no .nmae in names and tags; did you mean .name?'],
    ['{{ .password }}', 'column 4: there is no .password in names and tags; there are .name .path .mount .segments'],
    ['{{ .sync.kind }}', 'column 4: there is no .sync.kind in names and tags; there are .sync.namespace .sync.name'],
    ['{{ $.Sync }}', 'column 4: there is no .Sync in names and tags; did you mean .sync?'],
    ['{{ if }}', 'column 7: a value is missing in if'],
    ['x{{ upperr .name }}', 'column 5: there is no function upperr; did you mean upper?'],
  ])('%s says where and what to do before any secret is read', (template, expected) => {
    const complaint = complaintOf(() => compileName(template, { granularity: 'secret' }));

    expect(complaint).toContain(`FixSpec TemplateInvalid: the name "${template}", line 1, ${expected}`);
  });

  test('that only a secret shows says where', () => {
    expect(complaintOf(() => nameOf('x{{ upper .metadata.owner }}'))).toBe(
      'FixSpec TemplateFailed: the name "x{{ upper .metadata.owner }}", line 1, column 11: upper wants a text here, and is given nothing (the key is missing or null)',
    );
  });

  test('shows no long text and no metadata', () => {
    const padding = 'p'.repeat(400);
    const secret = { ...read, metadata: { team: 'm'.repeat(2_000) } };

    const complaint = complaintOf(() => nameOf(`{{ .metadata.team }}${padding}`, secret));

    expect(complaint).toMatch(/^FixSpec TextTooLong: the name "\{\{ \.metadata\.team \}\}p+…" becomes 2400 characters/);
    expect(complaint).toContain('and at most 1024 are allowed: shorten it, e.g. with trunc in a template');
    expect(complaint).not.toMatch(/mm/);
    expect(complaint.length).toBeLessThan(500);
  });

  test('of a template that goes on and on comes soon, whatever it repeats', () => {
    const template = `{{ range 9999999 }}${'$1'.repeat(1_000)}{{ end }}`;
    const parts = someParts('kv/(x*)db', 'db');

    expect(complaintOf(() => compileName(template, { granularity: 'secret' }).expand(parts))).toContain(
      'the template takes more than 1000000 steps',
    );
  });

  test('of a name at the limit does not come', () => {
    expect(nameOf('{{ repeat 1024 "x" }}')).toHaveLength(1024);
    expect(complaintOf(() => nameOf('{{ repeat 1025 "x" }}'))).toContain('TextTooLong');
  });
});
