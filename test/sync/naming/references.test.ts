import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SyncError } from '../../../src/errors.ts';
import { type CompiledText, compileName, compileText } from '../../../src/sync/naming/text.ts';
import { someParts } from './some-parts.ts';

function needs(template: string) {
  return compileName(template, { granularity: 'key' }).needsRead;
}

describe('Vault must be read before a name is known', () => {
  test.each([
    '{{ .metadata.team }}',
    '{{ index .metadata "team" }}',
    '{{ .keys | join "-" }}',
    '{{ if .name }}{{ else }}{{ .metadata.x }}{{ end }}',
    '{{ with .sync }}{{ $.metadata.x }}{{ end }}',
    '{{ with .metadata }}{{ .team }}{{ end }}',
    '{{ with .name }}{{ else }}{{ .metadata }}{{ end }}',
    '{{ range .segments }}{{ $.keys }}{{ end }}',
    '{{ range .segments }}{{ else }}{{ .keys }}{{ end }}',
    '{{ range $k, $v := .metadata }}{{ $k }}{{ end }}',
    '{{ with . }}{{ with . }}{{ .keys }}{{ end }}{{ end }}',
    '{{ with $ }}{{ .keys }}{{ end }}',
    '{{ (.).metadata.x }}',
    '{{ (($)).keys }}',
    '{{ (index .captures 0) | default .metadata.x }}',
    '{{ $x := .metadata }}{{ $x.team }}',
    '{{ $x := . }}{{ $x.metadata.team }}',
    '{{ with $x := . }}{{ $x.keys }}{{ end }}',
    '{{ with $x := $ }}{{ 1 }}{{ end }}',
    '{{ . }}',
    '{{ $ }}',
    '{{ toJson . }}',
    '{{ . | toJson }}',
    '{{ get $ "metadata" }}',
    '{{ index . "keys" }}',
    '{{ (list .).x }}',
    '{{ range . }}{{ end }}',
    '{{ range list . }}{{ .keys }}{{ end }}',
    '{{ if . }}{{ end }}',
    '{{ or .name . }}',
    '{{ define "x" }}{{ .keys }}{{ end }}{{ template "x" . }}',
    '{{ define "x" }}{{ $.keys }}{{ end }}{{ template "x" $ }}',
    '{{ define "x" }}{{ template "y" . }}{{ end }}{{ define "y" }}{{ .keys }}{{ end }}{{ template "x" .sync }}{{ template "x" . }}',
    '{{ block "x" . }}{{ .metadata.a }}{{ end }}',
    '{{ define "x" }}{{ template "x" . }}{{ .keys }}{{ end }}{{ template "x" . }}',
  ])('for %s', (template) => {
    expect(needs(template)).toBe(true);
  });

  test.each([
    'fixed',
    '$1-${metadata}',
    '{{ .name }}',
    '{{ .path }}{{ .mount }}{{ .base }}{{ .key }}{{ .sync.name }}{{ .captures }}{{ .capture.x }}',
    '{{ range .segments }}{{ . }}{{ end }}',
    '{{ range $i, $s := .segments }}{{ $s }}{{ end }}',
    '{{ with .name }}{{ . | upper }}{{ end }}',
    '{{ with . }}{{ .name }}{{ end }}',
    '{{ $n := .name }}{{ $n }}',
    '{{ with .sync }}{{ .name }}{{ $.base }}{{ end }}',
    '{{ "metadata" }} .metadata',
    '{{/* .metadata */}}x',
    '{{ define "x" }}{{ .keys }}{{ end }}x',
    '{{ define "x" }}{{ .metadata }}{{ end }}{{ template "x" }}',
    '{{ define "x" }}{{ $ }}{{ end }}{{ template "x" .name }}',
    '{{ with .captures }}{{ .keys }}{{ end }}',
    '{{ block "x" .name }}{{ . }}{{ end }}',
  ])('not for %s', (template) => {
    expect(needs(template)).toBe(false);
  });

  test('and asking for it before is a defect of ours, not an empty name', () => {
    const compiled = compileName('{{ .name }}{{ .keys }}', { granularity: 'secret' });

    expect(() => compiled.expand(someParts('kv/(.*)', 'x'))).toThrow('before Vault was read');
  });
});

describe('whatever a template looks like', () => {
  const templates = fc.letrec<{ pipeline: string; node: string; body: string }>((tie) => ({
    pipeline: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(
        '.',
        '$',
        '.name',
        '.metadata',
        '.keys',
        '.sync',
        '.key',
        '$.keys',
        '$.metadata.a',
        '.metadata.a',
      ),
      fc.constantFrom('$x', '$x.keys', '$x.metadata.a', '$x.a', '.a', '$.sync', '.segments', '"a"'),
      fc
        .tuple(tie('pipeline'), fc.constantFrom('.keys', '.metadata', '.metadata.a', '.name', '.a'))
        .map(([inner, path]) => `(${inner})${path}`),
      fc
        .tuple(fc.constantFrom('print', 'toJson', 'list', 'len', 'keys'), tie('pipeline'))
        .map(([called, inner]) => `${called} (${inner})`),
      fc
        .tuple(fc.constantFrom('or', 'and', 'index', 'get', 'dict "x"'), tie('pipeline'), tie('pipeline'))
        .map(([called, one, other]) => `${called} (${one}) (${other})`),
      fc
        .tuple(tie('pipeline'), fc.constantFrom('print', 'toJson', 'list', 'default "d"', 'first'))
        .map(([inner, called]) => `${inner} | ${called}`),
    ),
    body: fc.array(tie('node'), { maxLength: 3 }).map((nodes) => nodes.join('')),
    node: fc.oneof(
      { depthSize: 'small' },
      tie('pipeline').map((pipeline) => `{{ ${pipeline} }}`),
      tie('pipeline').map((pipeline) => `{{ $x = ${pipeline} }}`),
      fc
        .tuple(fc.constantFrom('if', 'with', 'range'), tie('pipeline'), tie('body'), tie('body'))
        .map(([kind, pipeline, body, otherwise]) => `{{ ${kind} ${pipeline} }}${body}{{ else }}${otherwise}{{ end }}`),
      fc
        .tuple(fc.constantFrom('with $x :=', 'range $i, $x :='), tie('pipeline'), tie('body'))
        .map(([kind, pipeline, body]) => `{{ ${kind} ${pipeline} }}${body}{{ end }}`),
      fc
        .tuple(fc.constantFrom('one', 'two'), tie('pipeline'))
        .map(([name, pipeline]) => `{{ template "${name}" ${pipeline} }}`),
    ),
  }));
  const whole = fc
    .tuple(templates.body, templates.body, templates.body)
    .map(
      ([one, two, main]) =>
        `{{ define "one" }}{{ $x := 1 }}${one}{{ end }}{{ define "two" }}{{ $x := 2 }}${two}{{ end }}{{ $x := 3 }}${main}`,
    );

  function outcome(compiled: CompiledText, more: Parameters<typeof someParts>[2]): unknown {
    try {
      return compiled.expand(someParts('kv/(.*)', 'x/y', more)).text;
    } catch (error) {
      if (error instanceof SyncError) return error.reason;
      throw error;
    }
  }

  test('what it is said not to look at does not show in it', () => {
    const seen = { read: 0, unread: 0, key: 0, keyless: 0 };
    fc.assert(
      fc.property(whole, (template) => {
        const compiled = compiledOrNull(template);
        if (!compiled) return;
        const { needsRead, needsKey } = compiled;
        seen[needsRead ? 'read' : 'unread']++;
        seen[needsKey ? 'key' : 'keyless']++;
        const base = { metadata: { a: 'one', b: 'two' }, keys: ['k', 'l'], key: 'k' };

        const plain = outcome(compiled, base);

        if (!needsRead) expect(outcome(compiled, { key: 'k' })).toEqual(plain);
        if (!needsRead) expect(outcome(compiled, { ...base, metadata: { a: 'three' }, keys: ['m'] })).toEqual(plain);
        if (!needsKey) expect(outcome(compiled, { ...base, key: 'other' })).toEqual(plain);
      }),
      { seed: 1, numRuns: 3_000 },
    );
    // All four were met often enough for the above to say something.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(150);
  });

  function compiledOrNull(template: string): CompiledText | null {
    try {
      return compileText(template, { where: 'tag', most: 100_000, granularity: 'key' });
    } catch (error) {
      if (error instanceof SyncError) return null;
      throw error;
    }
  }
});
