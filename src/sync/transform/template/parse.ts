import { nearestName } from '../../../schema.ts';
import { Fault } from './fault.ts';
import { lex, type Token, type TokenKind } from './lex.ts';
import { limits } from './limits.ts';
import { unquote } from './literals.ts';
import type { BranchNode, Node, Pipeline, RangeNode, Template, TemplateNode } from './nodes.ts';
import { parsePipeline } from './parse-pipeline.ts';
import { TokenReader } from './token-reader.ts';

/** How many arguments the functions take that templates may call. */
export type Signatures = ReadonlyMap<string, { readonly fewest: number; readonly most: number }>;

/** Parses a template. @throws Fault with an offset for whatever it could not do for any secret */
export function parse(text: string, signatures: Signatures): Template {
  return new Parser(lex(text), signatures).parseTemplate();
}

/** What ended a list of nodes. */
interface Ending {
  readonly kind: 'end' | 'else';
  readonly offset: number;
}

class Parser {
  readonly #tokens: TokenReader;
  readonly #signatures: Signatures;
  readonly #definitions = new Map<string, readonly Node[]>();
  readonly #calls: TemplateNode[] = [];
  #variables: string[] = ['$'];
  #ranges = 0;
  #nesting = 0;

  constructor(tokens: readonly Token[], signatures: Signatures) {
    this.#tokens = new TokenReader(tokens);
    this.#signatures = signatures;
  }

  parseTemplate(): Template {
    const body: Node[] = [];
    while (this.#tokens.peek().kind !== 'end') {
      const token = this.#tokens.next();
      if (token.kind === 'text') body.push(textNode(token));
      else if (this.#tokens.takeKeyword('define')) this.#parseDefinition(token.offset);
      else {
        const node = this.#parseAction(token.offset);
        if ('ending' in node) {
          throw new Fault(`{{ ${node.ending.kind} }} belongs to no if, range, with, define or block`, token.offset);
        }
        body.push(node);
      }
    }
    for (const { name, offset } of this.#calls) {
      if (!this.#definitions.has(name)) throw new Fault(this.#noDefinition(name), offset);
    }
    return { body, definitions: this.#definitions };
  }

  #noDefinition(name: string): string {
    const nearest = nearestName(name, [...this.#definitions.keys()]);
    const hint = nearest === null ? `add {{ define ${JSON.stringify(name)} }}…{{ end }}` : `did you mean "${nearest}"?`;
    return `no template is called "${name}"; ${hint}`;
  }

  /** What stands between `{{` and `}}`, and for a block everything up to its end. */
  #parseAction(offset: number): Node | { readonly ending: Ending } {
    const first = this.#tokens.peekWord();
    if (first.kind !== 'keyword') {
      return { kind: 'action', offset, pipeline: this.#parsePipeline('close', 'action') };
    }
    this.#tokens.nextWord();
    switch (first.text) {
      case 'if':
      case 'with':
      case 'range':
        return this.#parseBlock(first.text, offset);
      case 'end':
        this.#tokens.expect('close', 'end');
        return { ending: { kind: 'end', offset } };
      case 'else': {
        const next = this.#tokens.peekWord();
        if (!(next.kind === 'keyword' && ['if', 'with'].includes(next.text))) this.#tokens.expect('close', 'else');
        return { ending: { kind: 'else', offset } };
      }
      case 'break':
      case 'continue':
        this.#tokens.expect('close', first.text);
        if (this.#ranges === 0) throw new Fault(`{{ ${first.text} }} stands outside of any range`, offset);
        return { kind: first.text, offset };
      case 'template':
        return this.#parseCall(offset);
      case 'block':
        return this.#parseBlockDefinition(offset);
      default:
        throw new Fault(`{{ ${first.text} }} cannot stand here; define stands outside of all blocks`, first.offset);
    }
  }

  #parseBlock(kind: 'if' | 'with' | 'range', offset: number): BranchNode | RangeNode {
    return this.#nested(offset, () => {
      const visible = this.#variables.length;
      const pipeline = this.#parsePipeline('close', kind);
      if (kind === 'range') this.#ranges++;
      const { body, ending } = this.#parseBody(offset);
      if (kind === 'range') this.#ranges--;
      const otherwise = ending.kind === 'else' ? this.#parseElse(kind, offset) : [];
      this.#variables.length = visible;
      return { kind, offset, pipeline, body, otherwise };
    });
  }

  #parseElse(kind: 'if' | 'with' | 'range', offset: number): readonly Node[] {
    const next = this.#tokens.peekWord();
    // `else if` within an if, and `else with` within a with, share the end of the block that they continue.
    if (next.kind === 'keyword' && (next.text === 'if' || next.text === 'with')) {
      if (next.text !== kind) throw new Fault(`{{ else ${next.text} }} cannot continue a ${kind}`, next.offset);
      this.#tokens.nextWord();
      return [this.#parseBlock(next.text, next.offset)];
    }
    const { body, ending } = this.#parseBody(offset);
    if (ending.kind === 'else') throw new Fault('a block has only one else', ending.offset);
    return body;
  }

  /** Nodes up to `{{ end }}` or `{{ else }}`. */
  #parseBody(start: number): { readonly body: Node[]; readonly ending: Ending } {
    const body: Node[] = [];
    for (;;) {
      const token = this.#tokens.next();
      if (token.kind === 'end') throw new Fault('the block that begins here has no {{ end }}', start);
      if (token.kind === 'text') body.push(textNode(token));
      else {
        const node = this.#parseAction(token.offset);
        if ('ending' in node) return { body, ending: node.ending };
        body.push(node);
      }
    }
  }

  #parseDefinition(offset: number): void {
    const name = this.#parseName('define');
    this.#tokens.expect('close', 'define');
    this.#define(name, offset);
  }

  /** `{{ block "name" pipeline }}` defines a template and calls it at once. */
  #parseBlockDefinition(offset: number): TemplateNode {
    const name = this.#parseName('block');
    const pipeline = this.#parsePipeline('close', 'block');
    this.#define(name, offset);
    return { kind: 'template', offset, name, pipeline };
  }

  /** A definition sees no variables of its surroundings. */
  #define(name: string, offset: number): void {
    const [variables, ranges] = [this.#variables, this.#ranges];
    [this.#variables, this.#ranges] = [['$'], 0];
    const { body, ending } = this.#nested(offset, () => this.#parseBody(offset));
    [this.#variables, this.#ranges] = [variables, ranges];
    if (ending.kind === 'else') throw new Fault('a definition has no else', ending.offset);
    const known = this.#definitions.get(name);
    if (known && !isEmpty(known)) {
      if (!isEmpty(body)) throw new Fault(`the template "${name}" is defined twice`, offset);
      return;
    }
    this.#definitions.set(name, body);
    if (this.#definitions.size > limits.definitions) {
      throw new Fault(`the text defines more than ${limits.definitions} templates`, offset);
    }
  }

  #parseCall(offset: number): TemplateNode {
    const name = this.#parseName('template');
    const hasValue = this.#tokens.peekWord().kind !== 'close';
    if (!hasValue) this.#tokens.nextWord();
    const pipeline = hasValue ? this.#parsePipeline('close', 'template') : null;
    const call: TemplateNode = { kind: 'template', offset, name, pipeline };
    this.#calls.push(call);
    return call;
  }

  #parseName(what: string): string {
    const token = this.#tokens.nextWord();
    if (token.kind !== 'string' && token.kind !== 'rawString') {
      throw new Fault(`${what} needs a name in quotes, e.g. {{ ${what} "name" }}`, token.offset);
    }
    return unquote(token.text, token.offset);
  }

  #parsePipeline(close: Extract<TokenKind, 'close' | 'rightParen'>, context: string): Pipeline {
    return parsePipeline(
      {
        tokens: this.#tokens,
        signatures: this.#signatures,
        variables: this.#variables,
        nested: (offset, work) => this.#nested(offset, work),
      },
      { close, context },
    );
  }

  #nested<T>(offset: number, work: () => T): T {
    if (++this.#nesting > limits.nesting) {
      throw new Fault(`blocks and parentheses are nested more than ${limits.nesting} deep`, offset);
    }
    const result = work();
    this.#nesting--;
    return result;
  }
}

function textNode({ offset, text }: Token): Node {
  return { kind: 'text', offset, text };
}

/** Nothing but space: such a definition may be given again. */
function isEmpty(body: readonly Node[]): boolean {
  return body.every((node) => node.kind === 'text' && node.text.trim() === '');
}
