import { describe, expect, test } from '@jest/globals';
import { compileTemplate } from '../../../src/sync/transform/template/template.ts';
import { complaintOf, render } from './render.ts';

describe('numbers of the secret', () => {
  test.each([
    ['1234567', '{{ .n }} {{ .n | json }} {{ . }}', '1234567 1234567 map[n:1234567]'],
    [
      '12345678901234567890',
      '{{ .n }} {{ json .n }} {{ printf "%v" .n }} {{ quote .n }}',
      '12345678901234567890 12345678901234567890 12345678901234567890 "12345678901234567890"',
    ],
    [
      '9223372036854775807',
      '{{ .n }} {{ add .n 0 }} {{ int .n }}',
      '9223372036854775807 9223372036854775807 9223372036854775807',
    ],
    ['0.10', '{{ .n }} {{ toJson . }}', '0.10 {"n":0.10}'],
    ['1.0', '{{ .n }} {{ int .n }} {{ printf "%.0f" .n }}', '1.0 1 1'],
    ['-0', '{{ .n }}', '-0'],
    ['1e3', '{{ .n }} {{ .n | int }} {{ join "," (list .n) }}', '1e3 1000 1e3'],
    ['1E400', '{{ .n }}', '1E400'],
  ])('%s keep every digit in %s', (number, template, expected) => {
    expect(render(template, `{"n":${number}}`)).toBe(expected);
  });

  test('compare with whole numbers and fractions alike', () => {
    const template = '{{ eq .i 1 }} {{ eq .i 1.0 }} {{ lt .i 1.5 }} {{ gt .f 1 }} {{ eq 1.0 .i }} {{ le 2 .f }}';

    expect(render(template, '{"i":1,"f":1.5}')).toBe('true true true true true false');
  });

  test('keep their digits through fromJson', () => {
    expect(render('{{ (fromJson .x).a }}', '{"x":"{\\"a\\":12345678901234567890}"}')).toBe('12345678901234567890');
  });
});

describe('a complaint', () => {
  test.each([
    [
      '{{ upperr .a }}',
      'TemplateInvalid: transforms.template, line 1, column 4: there is no function upperr; did you mean upper?',
    ],
    [
      '\n\n  a\n ä {{ .a }} {{ if }}',
      'TemplateInvalid: transforms.template, line 4, column 19: a value is missing in if',
    ],
    [
      '{{ env "HOME" }}',
      'TemplateInvalid: transforms.template, line 1, column 4: there is no function env; docs/reference/templates.md lists those that there are',
    ],
    [
      '{{ .my-key }}',
      'TemplateInvalid: transforms.template, line 1, column 7: "-" cannot follow .my without a space; a key that has more than letters, digits and _ is written index . "the-key"',
    ],
    [
      '{{ if .a }}\nx',
      'TemplateInvalid: transforms.template, line 1, column 1: the block that begins here has no {{ end }}',
    ],
    [
      '{{ replace "a" .b }}',
      'TemplateInvalid: transforms.template, line 1, column 4: replace takes 3 arguments, and is given 2',
    ],
    [
      '{{ template "heder" . }}{{ define "header" }}{{ end }}',
      'TemplateInvalid: transforms.template, line 1, column 1: no template is called "heder"; did you mean "header"?',
    ],
    [
      'a\n{{ $x }}',
      'TemplateInvalid: transforms.template, line 2, column 4: the variable $x is not set here; set it before with {{ $x := … }}',
    ],
    [
      'x\n{{ upper .none }}',
      'TemplateFailed: transforms.template, line 2, column 10: upper wants a text here, and is given nothing (the key is missing or null)',
    ],
    [
      '{{ fail "set owner first" }}',
      'TemplateFailed: transforms.template, line 1, column 4: the template fails: set owner first',
    ],
    [
      '{{ "\\xff" }}',
      'TemplateInvalid: transforms.template, line 1, column 5: \\xff is a byte, not a character: write the character itself or \\u00e9',
    ],
  ])('about %j says where and what to do', (template, expected) => {
    expect(complaintOf(template)).toBe(expected);
  });

  test('of every kind holds no value of the secret', () => {
    const templates = [
      ...[
        'upper .n',
        'int .x',
        'index .l .x',
        'index .l .n',
        '.x.y',
        '.l.y',
        'b64dec .x',
        'base64decode .x',
        'fail .x',
      ],
      ...[
        'fail (print "no " .x)',
        'mustFromJson .x',
        'div .n 0',
        'lt .x 1',
        'eq .l .l',
        'range .x }}{{ end',
        'regexMatch .p .x',
      ],
      ...[
        'slice .x 99',
        'index .x 99',
        'repeat 99999999 .x',
        'indent 99999999 .x',
        'trunc 1 .u',
        'printf .f .x',
        'dig .x .x .x',
      ],
      ...[
        'ternary .x .x .x',
        'len .n',
        'set .none .x .x',
        'has .x .x',
        'first .x',
        'substr 99 1 .x',
        'template .x',
        'b64dec .bytes',
      ],
    ];
    const secret = JSON.stringify({
      x: 'hunter2!',
      n: 31337,
      l: ['hunter2!'],
      p: '(hunter2!',
      u: '\u{1f600}hunter2!',
      f: '%phunter2!',
      bytes: '/w==',
    });
    for (const template of templates) {
      const complaint = complaintOf(`{{ ${template} }}`, secret);
      expect(complaint).not.toMatch(/hunter2|31337|^rendered/);
    }
  });
});

test('the words of a failure are told only when they stand in the template', () => {
  expect(complaintOf('{{ fail .x }}', '{"x":"hunter2"}')).toMatch(/: the template fails$/);
  expect(complaintOf('{{ .x | fail }}', '{"x":"hunter2"}')).toMatch(/: the template fails$/);
});

describe('a template sees', () => {
  test('the own keys of the secret and nothing behind them', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'entries', 'size'];

    expect(render(names.map((name) => `{{ .${name} }}{{ .m.${name} }}`).join(''), '{"m":{}}')).toBe(
      '<no value>'.repeat(names.length * 2),
    );
    expect(
      render('{{ .__proto__ }} {{ .m.constructor }} {{ toJson . }}', '{"__proto__":"a","m":{"constructor":"b"}}'),
    ).toBe('a b {"__proto__":"a","m":{"constructor":"b"}}');
    expect(complaintOf('{{ .s.length }}', '{"s":"x"}')).toMatch(/^TemplateFailed/);
    expect(complaintOf('{{ constructor }}')).toMatch(/^TemplateInvalid/);
  });

  test('what another rendering changed no more than another secret', () => {
    const template = compileTemplate('{{ $_ := set . "a" "changed" }}{{ .b }}{{ $x := .a }}{{ $x }}');
    const data = { a: 'first', b: 'x' };

    expect([template(data), template({ b: 'y' }), data]).toEqual(['xchanged', 'ychanged', { a: 'first', b: 'x' }]);
  });

  test('text only: bytes that are none are refused instead of damaged', () => {
    expect(complaintOf('{{ b64dec "/w==" }}')).toContain('b64dec yields bytes that are no UTF-8 text');
    expect(complaintOf('{{ slice "ä" 1 }}')).toContain('lies within a character');
    expect(render('{{ .x }}', '{"x":"\\ud800"}')).toBe('\ufffd');
  });
});

test('space around a template is not part of it, and every byte within it is', () => {
  expect(render('\n {{ .a }}\t\r\n b \n', '{"a":"x"}')).toBe('x\t\r\n b');
});
