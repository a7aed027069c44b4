import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { complaintOf } from './render.ts';

/** Time that this thread has computed, in milliseconds; what others take of a busy machine does not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

describe('a hostile template', () => {
  const nested = (open: string, middle: string, close: string, count: number) =>
    open.repeat(count) + middle + close.repeat(count);

  test.each([
    ['loops', '{{ range 1000000 }}{{ range 1000000 }}{{ end }}{{ end }}', 'takes more than 1000000 steps'],
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
      'takes more than 1000000 steps',
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
      'longer than 1048576 characters',
    ],
    [
      'compares it',
      '{{ $x := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ has $x (list $x) }}',
      'takes more than 1000000 steps',
    ],
    ['makes a map hold itself', '{{ $m := dict }}{{ $_ := set $m "a" $m }}{{ $m }}', 'nested more than 200 deep'],
    [
      'makes a map hold itself and asks whether',
      '{{ $m := dict }}{{ $_ := set $m "a" $m }}{{ has $m (list $m) }}',
      'nested more than 200 deep',
    ],
    ['fills up', '{{ printf "%999999999d" 1 }}', 'fills up to at most 1000000 characters'],
    ['fills up often', '{{ range 1000 }}{{ printf "%1000000d" 1 }}{{ end }}', 'larger than 1048576 bytes'],
    ['fills up unseen', '{{ range 1000 }}{{ $x := printf "%1000000d" 1 }}{{ end }}', 'takes more than 1000000 steps'],
    ['wants many places', '{{ printf "%.1000000f" 1.5 }}', 'at most 1000 places'],
    ['repeats', '{{ repeat 1000000000 "abc" }}', 'longer than 1048576 characters'],
    [
      'repeats nothing',
      '{{ range 20 }}{{ repeat 1000000000 "" }}{{ end }}{{ repeat 1000000001 "a" }}',
      'longer than 1048576',
    ],
    ['replaces', '{{ replace "a" (repeat 10000 "x") (repeat 10000 "a") }}', 'longer than 1048576 characters'],
    ['counts', '{{ until 1000000000 }}', 'takes more than 1000000 steps'],
    ['multiplies', '{{ $x := 3 }}{{ range 200000 }}{{ $x = mul $x $x }}{{ end }}', 'takes more than 1000000 steps'],
    ['backtracks', '{{ regexMatch "(a+)+$" (print (repeat 100000 "a") "b") }}{{ fail "in time" }}', 'in time'],
    [
      'searches again and again',
      '{{ regexReplaceAll "a.*z|a" (repeat 64000 "a") "b" }}',
      'takes more than 1000000 steps',
    ],
    [
      'measures a long text',
      '{{ $x := repeat 1000000 "a" }}{{ range 1000 }}{{ $_ := len $x }}{{ end }}',
      '1000000 steps',
    ],
    [
      'cuts a long text',
      '{{ $x := repeat 1000000 "a" }}{{ range 1000 }}{{ $_ := slice $x 5 6 }}{{ end }}',
      '1000000 steps',
    ],
    ['trims what is no end', '{{ trim (print "a" (repeat 500000 " ") "a") }}{{ fail "in time" }}', 'in time'],
    [
      'reads what is no number',
      '{{ $x := print (repeat 1000000 "1") "x" }}{{ atoi $x }}{{ int64 $x }}{{ int $x }}',
      'int is given a text',
    ],
    ['has space that is no end', `{{ fail "in time" }}a${' '.repeat(60_000)}a{{- 1 }}`, 'in time'],
    ['has a long number', `{{ 1${'1'.repeat(60_000)}e }}`, 'not a number'],
    ['has a long text', `{{ fail "in time" }}{{ "${'\\n'.repeat(30_000)}" }}`, 'in time'],
    [
      'compiles patterns',
      '{{ range 1000 }}{{ regexMatch (print . "(a|b){100}") "x" }}{{ end }}',
      'takes more than 1000000 steps',
    ],
    [
      'searches with a large pattern',
      '{{ regexMatch "(a{1,30}){1,30}c" (repeat 1000000 "a") }}',
      'takes more than 1000000 steps',
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
    const before = cpuMs();

    const complaint = complaintOf(template);

    expect(complaint).toContain(sentence);
    expect(cpuMs() - before).toBeLessThan(4_000);
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
