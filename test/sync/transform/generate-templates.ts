import fc from 'fast-check';
import type { Question } from './ask-go.ts';

/** Kinds of expressions, so that most of what is generated makes sense; now and then one of another kind is taken. */
type Kind = 'any' | 'string' | 'int' | 'bool' | 'list' | 'map' | 'float';

/** Functions by what they yield, with the kinds of their arguments; `...` repeats the last one up to three times. */
const calls: Readonly<Record<Kind, readonly (readonly string[])[]>> = {
  string: [
    ...['upper', 'lower', 'title', 'trim', 'b64enc', 'sha256sum', 'regexQuoteMeta'].map((name) => [name, 'string']),
    ...['trimAll', 'trimPrefix', 'trimSuffix'].map((name) => [name, 'string', 'string']),
    ...['quote', 'squote', 'print', 'println', 'html', 'urlquery'].map((name) => [name, 'any', '...']),
    ...['toJson', 'toPrettyJson', 'toRawJson', 'json', 'toString', 'string'].map((name) => [name, 'any']),
    ['replace', 'string', 'string', 'string'],
    ['repeat', 'small', 'string'],
    ['indent', 'small', 'string'],
    ['nindent', 'small', 'string'],
    ['join', 'string', 'any'],
    ['printf', 'format', 'any', '...'],
    ['b64dec', 'string'],
    ['typeOf', 'any'],
    ['kindOf', 'any'],
    ['regexFind', 'pattern', 'string'],
    ['regexReplaceAll', 'pattern', 'string', 'replacement'],
    ['regexReplaceAllLiteral', 'pattern', 'string', 'string'],
    ['get', 'map', 'key'],
  ],
  int: [
    ['len', 'any'],
    ['int', 'int'],
    ['int64', 'any'],
    ['atoi', 'string'],
    ...['add', 'mul', 'max', 'min'].map((name) => [name, 'any', '...']),
    ...['sub', 'div', 'mod'].map((name) => [name, 'int', 'int']),
  ],
  bool: [
    ...['eq', 'ne'].map((name) => [name, 'any', 'any']),
    ...['eq', 'lt', 'le', 'gt', 'ge'].flatMap((name) => [
      [name, 'int', 'int'],
      [name, 'string', 'string'],
      [name, 'float', 'float'],
    ]),
    ...['not', 'empty'].map((name) => [name, 'any']),
    ...['contains', 'hasPrefix', 'hasSuffix'].map((name) => [name, 'string', 'string']),
    ...['all', 'any'].map((name) => [name, 'any', '...']),
    ['hasKey', 'map', 'key'],
    ['has', 'any', 'list'],
    ['regexMatch', 'pattern', 'string'],
    ['kindIs', 'string', 'any'],
  ],
  list: [
    ['list', 'any', '...'],
    ...['rest', 'initial', 'reverse', 'uniq', 'compact', 'sortAlpha'].map((name) => [name, 'list']),
    ...['append', 'prepend'].map((name) => [name, 'list', 'any']),
    ['concat', 'list', 'list'],
    ['without', 'list', 'any', '...'],
    ['keys', 'map'],
    ['values', 'map'],
    ['splitList', 'string', 'string'],
    ['until', 'small'],
    ['regexFindAll', 'pattern', 'string', 'small'],
  ],
  map: [
    ['dict', 'key', 'any'],
    ['dict', 'key', 'any', 'key', 'any'],
    ['set', 'map', 'key', 'scalar'],
    ['unset', 'map', 'key'],
    ['pick', 'map', 'key', '...'],
    ['omit', 'map', 'key', '...'],
    ['split', 'string', 'string'],
  ],
  float: [],
  any: [
    ['index', 'list', '0'],
    ['index', 'map', 'key'],
    ['first', 'list'],
    ['last', 'list'],
    ['default', 'any', 'any'],
    ['coalesce', 'any', '...'],
    ['ternary', 'any', 'any', 'bool'],
    ['and', 'any', '...'],
    ['or', 'any', '...'],
    ['fromJson', 'json'],
    ['dig', 'key', 'any', 'map'],
  ],
};

const fields: Readonly<Record<Kind, readonly string[]>> = {
  string: ['s', 't'],
  int: ['i', 'j'],
  float: ['f'],
  bool: ['b'],
  list: ['l', 'strings'],
  map: ['m'],
  any: ['s', 't', 'i', 'b', 'l', 'strings', 'm', 'nothing', 'missing', 'missing.x', 'm.a', 'm.b', 'm.c', 'f'],
};

const kinds: readonly Kind[] = ['any', 'string', 'int', 'bool', 'list', 'map', 'float'];
const letters = fc.string({ unit: fc.constantFrom(...'ab c,<&"\\\n\täß€😀.-0'), maxLength: 8 });
const keys = ['a', 'b', 'c', 's', 'l', 'none'];
/** Fractions that Go prints as JSON has them. */
const fractions = fc.constantFrom(0.25, 1.5, -2.75, 100.125, 0.001, 0);
const wholes = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }));

const leaf = fc.oneof(letters, wholes, fc.boolean(), fc.constant(null));
const items = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 2 }),
  fc.dictionary(fc.constantFrom(...keys), leaf, { maxKeys: 2 }),
);

const data = fc.record({
  s: letters,
  t: fc.oneof(letters, fc.constantFrom('42', 'aGVsbG8=', '{"a":[1,null]}', 'a,b,c')),
  i: wholes,
  j: fc.integer({ min: 0, max: 3 }),
  f: fractions.filter((value) => !Number.isInteger(value)),
  b: fc.boolean(),
  nothing: fc.constant(null),
  l: fc.array(items, { maxLength: 4 }),
  strings: fc.array(letters, { maxLength: 4 }),
  m: fc.dictionary(fc.constantFrom(...keys), items, { maxKeys: 4 }),
});

/** A template with its data. Templates are seldom refused, and use everything that the subset has. */
export const generatedQuestions: fc.Arbitrary<Question> = fc
  .tuple(data, fc.gen())
  .map(([secret, draw]) => ({ template: new Writer(draw).template(), data: secret }));

class Writer {
  readonly #draw: fc.GeneratorValue;
  #variables: { name: string; kind: Kind }[] = [];
  #budget = 12;
  #inRange = false;
  /** Dot may be anything here. */
  #nested = false;
  /** Definitions call no templates: they would go round in circles. */
  #inDefinition = false;

  constructor(draw: fc.GeneratorValue) {
    this.#draw = draw;
  }

  template(): string {
    const body = this.#nodes(3);
    this.#inDefinition = true;
    const definitions = ['t0', 't1'].map((name) => {
      this.#variables = [];
      return `{{ define "${name}" }}${this.#nodes(1)}{{ end }}`;
    });
    return this.#chance(50) ? definitions.join('') + body : body + definitions.join('\n');
  }

  #below(limit: number): number {
    return this.#draw(fc.nat, { max: limit - 1 });
  }

  #chance(percent: number): boolean {
    return this.#below(100) < percent;
  }

  #one<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)] as T;
  }

  #nodes(depth: number): string {
    const count = 1 + this.#below(3);
    return Array.from({ length: count }, () => this.#node(depth)).join('');
  }

  #open(): string {
    return this.#one(['{{', '{{ ', '{{- ']);
  }

  #close(): string {
    return this.#one(['}}', ' }}', ' -}}']);
  }

  #action(inside: string): string {
    return this.#open() + inside + this.#close();
  }

  #node(depth: number): string {
    this.#budget--;
    if (depth > 0 && this.#budget > 0) {
      const choice = this.#below(12);
      if (choice < 2) return this.#branch(this.#one(['if', 'with']), depth);
      if (choice < 4) return this.#range(depth);
      if (choice === 4 && !this.#inDefinition)
        return this.#action(
          `template "${this.#one(['t0', 't1'])}" ${this.#chance(80) ? '$' : this.#expression('any', 2)}`,
        );
      if (choice === 5) return this.#assignment();
    }
    const choice = this.#below(8);
    if (choice < 2) return this.#one([' ', '\n', ' text ', 'x\n  ', '}', '{ ', 'ä']);
    if (choice === 2) return this.#one(['{{/* c */}}', '{{- /* c */ -}}', ' {{- /* c */}}']);
    if (choice === 3 && this.#inRange) return this.#branchOf('if', this.#action(this.#one(['break', 'continue'])));
    return this.#action(this.#pipeline('any', 3));
  }

  #assignment(): string {
    const known = this.#variables.length > 0 && this.#chance(40) ? this.#one(this.#variables) : null;
    if (known) return this.#action(`${known.name} = ${this.#pipeline(known.kind, 2)}`);
    const kind = this.#one(kinds);
    const name = `$v${this.#below(4)}`;
    const action = this.#action(`${name} := ${this.#pipeline(kind, 2)}`);
    this.#variables.push({ name, kind });
    return action;
  }

  #branch(kind: string, depth: number): string {
    const visible = [...this.#variables];
    const outer = this.#nested;
    this.#nested ||= kind === 'with';
    let text = this.#branchOf(kind, this.#nodes(depth - 1), false);
    this.#nested = outer;
    this.#variables = [...visible];
    if (this.#chance(30)) text += this.#action(`else ${kind} ${this.#pipeline('any', 2)}`) + this.#nodes(depth - 1);
    this.#variables = [...visible];
    if (this.#chance(50)) text += this.#action('else') + this.#nodes(depth - 1);
    this.#variables = visible;
    return text + this.#action('end');
  }

  #branchOf(kind: string, body: string, ends = true): string {
    const condition = this.#pipeline(kind === 'if' && this.#chance(60) ? 'bool' : 'any', 2);
    return this.#action(`${kind} ${condition}`) + body + (ends ? this.#action('end') : '');
  }

  #range(depth: number): string {
    const visible = [...this.#variables];
    // Never over a count that Go would walk through for minutes.
    const counts = this.#chance(10);
    const over = counts ? this.#argument('small', 0) : this.#pipeline(this.#one(['list', 'list', 'map'] as const), 2);
    const shape = this.#below(counts ? 2 : 3);
    const declared = ['', '$e := ', '$k, $e := '][shape] ?? '';
    if (shape > 0) this.#variables.push({ name: '$e', kind: 'any' });
    if (shape > 1) this.#variables.push({ name: '$k', kind: 'any' });
    const outer = { inRange: this.#inRange, nested: this.#nested };
    this.#inRange = true;
    this.#nested = true;
    let text = this.#action(`range ${declared}${over}`) + this.#nodes(depth - 1);
    this.#inRange = outer.inRange;
    this.#nested = outer.nested;
    this.#variables = [...visible];
    if (this.#chance(40)) text += this.#action('else') + this.#nodes(depth - 1);
    this.#variables = visible;
    return text + this.#action('end');
  }

  #pipeline(kind: Kind, depth: number): string {
    if (depth === 0 || !this.#chance(40)) return this.#expression(kind, depth);
    const call = this.#one(calls[kind].length > 0 ? calls[kind] : calls.any);
    const [name = '', ...parameters] = call.filter((part) => part !== '...');
    const last = parameters.pop() ?? 'any';
    const given = parameters.map((parameter) => this.#argument(parameter, depth - 1));
    return [this.#argument(last, depth - 1), '|', name, ...given].join(' ');
  }

  #expression(kind: Kind, depth: number): string {
    const calling = calls[kind];
    if (depth === 0 || calling.length === 0 || this.#chance(30)) return this.#atom(kind);
    const [name = '', ...parameters] = this.#one(calling);
    const given = parameters.flatMap((parameter, index) => {
      if (parameter !== '...') return [this.#argument(parameter, depth - 1)];
      return Array.from({ length: this.#below(4) }, () => this.#argument(parameters[index - 1] ?? 'any', depth - 1));
    });
    return [name, ...given].join(' ');
  }

  #argument(parameter: string, depth: number): string {
    switch (parameter) {
      case 'small':
        return String(this.#below(4));
      case '0':
        return '0';
      case 'scalar':
        // Never the map itself: Go would walk in circles.
        return this.#one(['"x"', '5', 'true']);
      case 'key':
        return JSON.stringify(this.#one(keys));
      case 'json':
        return this.#one(['`{"a":[1,"x",null]}`', '"[]"', '"{"', '"5"', '.t']);
      case 'pattern':
        return this.#one(['"a"', '"[a-c]+"', '"^"', '"$"', '"(a)(b)?"', '"\\\\s*"', '"(?i)A|ß"', '""', '"."', '"b*"']);
      case 'replacement':
        return this.#one(['"x"', '"$1"', '"<${0}>"', '"$$"', '"${2}-"', '"$1x"']);
      case 'format':
        return this.#one([
          '"%v"',
          '"%s %s"',
          '"%d|"',
          '"%q"',
          '"%5v"',
          '"%-6v|"',
          '"%6.2v"',
          '"%05d"',
          '"%+d"',
          '"%T"',
          '"%.2s"',
          '"%t%%"',
        ]);
      default:
        return this.#wrapped(this.#chance(3) ? this.#one(kinds) : (parameter as Kind), depth);
    }
  }

  #wrapped(kind: Kind, depth: number): string {
    const expression = this.#expression(kind, depth);
    return /^(?:[$.][\w.]*|"(?:\\.|[^"\\])*"|[\d.+-]+|true|false|nil)$/.test(expression)
      ? expression
      : `(${expression})`;
  }

  #atom(kind: Kind): string {
    const variables = this.#variables.filter((variable) => variable.kind === kind);
    if (variables.length > 0 && this.#chance(40)) return this.#one(variables).name;
    if (this.#chance(60)) return `${this.#chance(this.#nested ? 97 : 50) ? '$.' : '.'}${this.#one(fields[kind])}`;
    switch (kind) {
      case 'string':
        return JSON.stringify(this.#draw(() => letters));
      case 'int':
        return String(this.#draw(() => wholes));
      case 'bool':
        return this.#one(['true', 'false']);
      case 'float':
        return this.#draw(() => fractions).toFixed(3);
      case 'list':
        return '$.l';
      case 'map':
        return '$.m';
      case 'any':
        return this.#one(['.', '$', '""', '0', 'true', '"x"', '1.5', '.s']);
      default: {
        const never: never = kind;
        return never;
      }
    }
  }
}
