import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SyncError } from '../../../src/errors.ts';
import { compileTemplate } from '../../../src/sync/transform/template/template.ts';
import { type JsonObject, parseExactly } from '../../../src/vault/json.ts';

function render(template: string, json = '{}'): string {
  return compileTemplate(template)(parseExactly(json) as JsonObject);
}

function complaintOf(template: string, json = '{}'): string {
  try {
    return `rendered: ${render(template, json)}`;
  } catch (error) {
    if (error instanceof SyncError) return `${error.reason}: ${error.message}`;
    throw error;
  }
}

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

describe('a hostile template', () => {
  const nested = (open: string, middle: string, close: string, count: number) =>
    open.repeat(count) + middle + close.repeat(count);

  test.each([
    ['loops', '{{ range 1000000 }}{{ range 1000000 }}{{ end }}{{ end }}', 'takes more than 500000 steps'],
    [
      'calls itself',
      '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}',
      'call each other more than 400 deep',
    ],
    [
      'doubles a text',
      '{{ $x := "ab" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}',
      'longer than 1048576 characters',
    ],
    [
      'doubles a list',
      '{{ $x := list 1 }}{{ range 100 }}{{ $x = concat $x $x }}{{ end }}',
      'takes more than 500000 steps',
    ],
    [
      'nests a list',
      '{{ $x := list }}{{ range 1000 }}{{ $x = list $x }}{{ end }}{{ $x }}',
      'nested more than 200 deep',
    ],
    [
      'nests a list for JSON',
      '{{ $x := list }}{{ range 1000 }}{{ $x = list $x }}{{ end }}{{ json $x }}',
      'nested more than 200 deep',
    ],
    [
      'shares a list many times',
      '{{ $x := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ $x }}',
      'takes more than 500000 steps',
    ],
    [
      'compares it',
      '{{ $x := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ has $x (list $x) }}',
      'takes more than 500000 steps',
    ],
    ['makes a map hold itself', '{{ $m := dict }}{{ $_ := set $m "a" $m }}{{ $m }}', 'nested more than 200 deep'],
    [
      'makes a map hold itself and asks whether',
      '{{ $m := dict }}{{ $_ := set $m "a" $m }}{{ has $m (list $m) }}',
      'nested more than 200 deep',
    ],
    ['fills up', '{{ printf "%999999999d" 1 }}', 'fills up to at most 1000000 characters'],
    ['fills up often', '{{ range 1000 }}{{ printf "%1000000d" 1 }}{{ end }}', 'larger than 1048576 bytes'],
    ['fills up unseen', '{{ range 1000 }}{{ $x := printf "%1000000d" 1 }}{{ end }}', 'takes more than 500000 steps'],
    ['wants many places', '{{ printf "%.1000000f" 1.5 }}', 'at most 1000 places'],
    ['repeats', '{{ repeat 1000000000 "abc" }}', 'longer than 1048576 characters'],
    [
      'repeats nothing',
      '{{ range 20 }}{{ repeat 1000000000 "" }}{{ end }}{{ repeat 1000000001 "a" }}',
      'longer than 1048576',
    ],
    ['replaces', '{{ replace "a" (repeat 10000 "x") (repeat 10000 "a") }}', 'longer than 1048576 characters'],
    ['counts', '{{ until 1000000000 }}', 'takes more than 500000 steps'],
    ['multiplies', '{{ $x := 3 }}{{ range 200000 }}{{ $x = mul $x $x }}{{ end }}', 'takes more than 500000 steps'],
    ['backtracks', '{{ regexMatch "(a+)+$" (print (repeat 100000 "a") "b") }}{{ fail "in time" }}', 'in time'],
    [
      'compiles patterns',
      '{{ range 1000 }}{{ regexMatch (print . "(a|b){100}") "x" }}{{ end }}',
      'takes more than 500000 steps',
    ],
    [
      'searches with a large pattern',
      '{{ regexMatch "(a{1,30}){1,30}c" (repeat 1000000 "a") }}',
      'takes more than 500000 steps',
    ],
    ['nests parentheses', `{{ ${nested('(', '1', ')', 5_000)} }}`, 'nested more than 100 deep'],
    ['nests blocks', nested('{{ if 1 }}', '', '{{ end }}', 3_000), 'nested more than 100 deep'],
    ['goes on with else if', `{{ if 0 }}${'{{ else if 0 }}'.repeat(4_000)}{{ end }}`, 'nested more than 100 deep'],
    [
      'defines much',
      Array.from({ length: 101 }, (_, index) => `{{ define "${index}" }}x{{ end }}`).join(''),
      'more than 100 templates',
    ],
    ['is long', 'x'.repeat(65_537), 'at most 65536 are allowed'],
    ['has a large number', '{{ printf "%f" 1e999 }}', 'this number is too large'],
  ])('that %s is stopped in time', (_title, template, sentence) => {
    const started = performance.now();

    const complaint = complaintOf(template);

    expect(complaint).toContain(sentence);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('that nests its secret too deep is stopped', () => {
    const json = `{"a":${nested('[', '', ']', 500)}}`;

    expect(complaintOf('{{ .a }}', json)).toContain('nested more than 200 deep');
  });

  test('of any text is either refused with a place or renders', () => {
    const piece = fc.constantFrom(
      '{{',
      '}}',
      '-',
      ' ',
      '"',
      '`',
      '(',
      ')',
      '|',
      '$x',
      ':=',
      '.a',
      'if',
      'end',
      'range',
      'define',
      '/*',
      '*/',
      '1',
      'printf',
      'x',
      "'",
      '\\',
      '\n',
      '.',
      ',',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const outcome = complaintOf(pieces.join(''), '{"a":1}');
        expect(outcome).toMatch(/^rendered: |^Template(Invalid|Failed): transforms\.template, line \d+, column \d+: /);
      }),
      { seed: 7, numRuns: 3_000 },
    );
  });
});

test('space around a template is not part of it, and every byte within it is', () => {
  expect(render('\n {{ .a }}\t\r\n b \n', '{"a":"x"}')).toBe('x\t\r\n b');
});
