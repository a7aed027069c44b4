import { nearestName } from '../../../schema.ts';
import { Fault } from './fault.ts';
import type { TokenKind } from './lex.ts';
import { parseNumber, unquote, unquoteCharacter } from './literals.ts';
import type { Command, Operand, Pipeline } from './nodes.ts';
import type { Signatures } from './parse.ts';
import { type TokenReader, unexpected } from './token-reader.ts';

export interface PipelineContext {
  readonly tokens: TokenReader;
  readonly signatures: Signatures;
  /** Names that are visible here, with their `$`; declarations are added. */
  readonly variables: string[];
  /** Counts how deep things are nested. */
  readonly nested: <T>(offset: number, work: () => T) => T;
}

interface Bounds {
  readonly close: Extract<TokenKind, 'close' | 'rightParen'>;
  /** What the pipeline belongs to, e.g. `range`. */
  readonly context: string;
}

/** `$x := command | command`, and the token that closes it. @throws Fault */
export function parsePipeline(context: PipelineContext, bounds: Bounds): Pipeline {
  const { tokens } = context;
  const { offset } = tokens.peekWord();
  const { variables, assigns } = parseVariables(context, bounds);
  const commands: Command[] = [];
  while (tokens.peekWord().kind !== bounds.close) {
    commands.push(parseCommand(context, { stage: commands.length, bounds }));
  }
  tokens.nextWord();
  if (commands.length === 0) throw new Fault(`a value is missing in ${bounds.context}`, offset);
  return { kind: 'pipeline', offset, variables, assigns, commands };
}

/** The names before `:=` or `=`, if there are any: two for a range, else one. */
function parseVariables({ tokens, variables: visible }: PipelineContext, { context }: Bounds) {
  const variables: string[] = [];
  for (;;) {
    const token = tokens.peekWord();
    const next = tokens.peek(tokens.peek(1).kind === 'space' ? 2 : 1);
    if (token.kind !== 'variable' || !['declare', 'assign', 'comma'].includes(next.kind)) break;
    tokens.nextWord();
    tokens.nextWord();
    variables.push(token.text);
    if (next.kind !== 'comma') {
      if (next.kind === 'assign')
        for (const name of variables) requireVariable(visible, { name, offset: token.offset });
      else visible.push(...variables);
      return { variables, assigns: next.kind === 'assign' };
    }
    if (context !== 'range' || variables.length > 1) {
      throw new Fault('only a range can set two variables, and none can set more', next.offset);
    }
  }
  if (variables.length === 0) return { variables, assigns: false };
  throw new Fault(
    'after the comma stands a second variable, as in {{ range $key, $value := . }}',
    tokens.peek().offset,
  );
}

function requireVariable(visible: readonly string[], { name, offset }: { name: string; offset: number }): void {
  if (visible.includes(name)) return;
  throw new Fault(`the variable ${name} is not set here; set it before with {{ ${name} := … }}`, offset);
}

function parseCommand(
  context: PipelineContext,
  { stage, bounds }: { readonly stage: number; readonly bounds: Bounds },
): Command {
  const { tokens } = context;
  const { offset } = tokens.peekWord();
  const operands: Operand[] = [];
  for (;;) {
    tokens.peekWord();
    const operand = parseOperand(context);
    if (operand) operands.push(operand);
    const token = tokens.peek();
    if (token.kind === 'space') {
      tokens.next();
      continue;
    }
    if (token.kind === 'pipe') tokens.next();
    else if (token.kind !== 'close' && token.kind !== 'rightParen') throw unexpected(token, bounds.context);
    break;
  }
  const [first, ...others] = operands;
  if (!first) throw new Fault('a value or function is missing here', offset);
  if (first.kind === 'nil') throw new Fault('nil alone says nothing: give it to a function, as in eq .key nil', offset);
  if (stage > 0 && !['field', 'variable', 'function', 'chain', 'pipeline'].includes(first.kind)) {
    throw new Fault('after | stands a function that takes the value before it', first.offset);
  }
  if (first.kind === 'function') checkCount(context, first, others.length + (stage > 0 ? 1 : 0));
  for (const other of others) if (other.kind === 'function') checkCount(context, other, 0);
  return { offset, operands: [first, ...others] };
}

/** A term and the fields that follow it without a space; null when no term stands here. */
function parseOperand(context: PipelineContext): Operand | null {
  const { tokens } = context;
  const term = parseTerm(context);
  if (!term || tokens.peek().kind !== 'field') return term;
  const path: string[] = [];
  const { offset } = tokens.peek();
  while (tokens.peek().kind === 'field') path.push(tokens.next().text.slice(1));
  switch (term.kind) {
    case 'field':
    case 'variable':
      return { ...term, path: [...term.path, ...path] };
    case 'function':
      checkCount(context, term, 0);
      return { kind: 'chain', offset: term.offset, of: term, path };
    case 'pipeline':
      return { kind: 'chain', offset: term.offset, of: term, path };
    default:
      throw new Fault('a field cannot be asked of a constant', offset);
  }
}

function parseTerm(context: PipelineContext): Operand | null {
  const { tokens, variables, nested } = context;
  const { kind, offset, text } = tokens.peek();
  switch (kind) {
    case 'identifier':
      if (!context.signatures.has(text)) throw new Fault(unknownFunction(context, text), offset);
      tokens.next();
      return { kind: 'function', offset, name: text };
    case 'dot':
    case 'nil':
      tokens.next();
      return { kind, offset };
    case 'boolean':
      tokens.next();
      return { kind, offset, value: text === 'true' };
    case 'number':
      tokens.next();
      return parseNumber(text, offset);
    case 'character': {
      tokens.next();
      const code = unquoteCharacter(text, offset);
      return { kind: 'number', offset, int: BigInt(code), float: code, isFloat: false };
    }
    case 'string':
    case 'rawString':
      tokens.next();
      return { kind: 'string', offset, value: unquote(text, offset) };
    case 'field':
      tokens.next();
      return { kind, offset, path: [text.slice(1)] };
    case 'variable':
      requireVariable(variables, { name: text, offset });
      tokens.next();
      return { kind, offset, name: text, path: [] };
    case 'leftParen':
      tokens.next();
      return nested(offset, () => parsePipeline(context, { close: 'rightParen', context: 'parentheses' }));
    default:
      return null;
  }
}

function unknownFunction({ signatures }: PipelineContext, name: string): string {
  // Of three letters and fewer any word is near to some other.
  const nearest = name.length > 3 ? nearestName(name, [...signatures.keys()]) : null;
  const hint = nearest === null ? 'docs/reference/templates.md lists those that there are' : `did you mean ${nearest}?`;
  return `there is no function ${name}; ${hint}`;
}

function checkCount({ signatures }: PipelineContext, of: Extract<Operand, { kind: 'function' }>, count: number): void {
  const signature = signatures.get(of.name);
  if (!signature || (count >= signature.fewest && count <= signature.most)) return;
  const { fewest, most } = signature;
  const wanted =
    most === fewest ? `${fewest}` : most === Number.POSITIVE_INFINITY ? `at least ${fewest}` : `${fewest} to ${most}`;
  throw new Fault(`${of.name} takes ${wanted} argument${wanted === '1' ? '' : 's'}, and is given ${count}`, of.offset);
}
