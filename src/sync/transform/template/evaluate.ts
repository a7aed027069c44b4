import { Budget, TextBuilder } from './budget.ts';
import { asArgument, constantArgument, idealNumber } from './call.ts';
import { Fault } from './fault.ts';
import { textOf } from './format/print.ts';
import { functions } from './functions/all.ts';
import type { ArgumentTypes, Parameter } from './functions/define.ts';
import { limits } from './limits.ts';
import type { BranchNode, Command, Node, Operand, Pipeline, RangeNode, Template, TemplateNode } from './nodes.ts';
import { type Item, int, isKind, isTrue, missing, sortedEntries, typeName, type Value } from './values.ts';

/** How a list of nodes ended: at its end, or with a jump that a range must follow. */
type Flow = 'end' | 'break' | 'continue';

interface Variable {
  readonly name: string;
  value: Value;
}

/** What a rendering may do differently from Go. */
export interface Ways {
  /** What becomes of the text between actions. */
  readonly fill: (text: string) => string;
  /** What an action writes that yields no value. @throws where that is a mistake */
  readonly noValue: () => string;
}

const waysOfGo: Ways = { fill: (text) => text, noValue: () => '<no value>' };

/** One rendering of a template. */
export class Rendering {
  readonly #template: Template;
  readonly #ways: Ways;
  readonly #budget = new Budget();
  readonly #output = new TextBuilder(this.#budget);
  #outputBytes = 0;
  #variables: Variable[] = [];
  #depth = 0;
  /** Offset of what is being evaluated, for faults. */
  #at = 0;

  constructor(template: Template, ways = waysOfGo) {
    this.#template = template;
    this.#ways = ways;
  }

  get at(): number {
    return this.#at;
  }

  /** @throws Fault without an offset: it happened `at` */
  render(dot: Item): string {
    this.#variables = [{ name: '$', value: dot }];
    this.#walk(this.#template.body, dot);
    return this.#output.toString();
  }

  #step(offset: number): void {
    this.#at = offset;
    this.#budget.spend(1);
  }

  #write(text: string): void {
    this.#outputBytes += Buffer.byteLength(text);
    if (this.#outputBytes > limits.outputBytes) {
      throw new Fault(`the output is larger than ${limits.outputBytes} bytes`);
    }
    this.#output.add(text);
  }

  #walk(nodes: readonly Node[], dot: Value): Flow {
    if (++this.#depth > limits.depth) {
      throw new Fault(`templates call each other more than ${limits.depth} deep`);
    }
    for (const node of nodes) {
      const flow = this.#walkNode(node, dot);
      if (flow !== 'end') {
        this.#depth--;
        return flow;
      }
    }
    this.#depth--;
    return 'end';
  }

  #walkNode(node: Node, dot: Value): Flow {
    this.#step(node.offset);
    switch (node.kind) {
      case 'text':
        this.#write(this.#ways.fill(node.text));
        return 'end';
      case 'action': {
        const value = this.#evaluatePipeline(node.pipeline, dot);
        this.#at = node.pipeline.offset;
        if (node.pipeline.variables.length === 0) {
          this.#write(value === missing ? this.#ways.noValue() : textOf(value, this.#budget));
        }
        return 'end';
      }
      case 'if':
      case 'with':
        return this.#scoped(() => this.#walkBranch(node, dot));
      case 'range':
        return this.#scoped(() => this.#walkRange(node, dot));
      case 'template':
        this.#callTemplate(node, dot);
        return 'end';
      case 'break':
      case 'continue':
        return node.kind;
      default: {
        const never: never = node;
        return never;
      }
    }
  }

  /** Variables that are set within are forgotten after. */
  #scoped(work: () => Flow): Flow {
    const visible = this.#variables.length;
    const flow = work();
    this.#variables.length = visible;
    return flow;
  }

  #walkBranch(node: BranchNode, dot: Value): Flow {
    const value = this.#evaluatePipeline(node.pipeline, dot);
    if (!isTrue(value)) return this.#walk(node.otherwise, dot);
    return this.#walk(node.body, node.kind === 'with' ? value : dot);
  }

  #walkRange(node: RangeNode, dot: Value): Flow {
    const { variables } = node.pipeline;
    const over = this.#evaluatePipeline(node.pipeline, dot);
    this.#at = node.pipeline.offset;
    let ran = false;
    const visible = this.#variables.length;
    for (const [key, element] of this.#elementsOf(over, variables.length)) {
      ran = true;
      this.#step(node.offset);
      const [first, second] = variables;
      if (first !== undefined) this.#setVariable(first, second === undefined ? element : key);
      if (second !== undefined) this.#setVariable(second, element);
      const flow = this.#walk(node.body, element);
      this.#variables.length = visible;
      if (flow === 'break') break;
    }
    if (ran) return 'end';
    // As in Go, a break in the else of a range leaves that range, and a continue the one around it.
    const flow = this.#walk(node.otherwise, dot);
    return flow === 'break' ? 'end' : flow;
  }

  *#elementsOf(over: Value, variableCount: number): Generator<readonly [Value, Value]> {
    if (over === missing || over === null) return;
    if (isKind(over, 'list')) {
      for (const [index, item] of over.items.entries()) yield [int(index), item];
      return;
    }
    if (isKind(over, 'dict')) {
      yield* sortedEntries(over, this.#budget);
      return;
    }
    if (!isKind(over, 'int'))
      throw new Fault(`range walks through lists, maps and counts, not through a ${typeName(over)}`);
    if (variableCount > 1) throw new Fault('a range over a count sets only one variable');
    for (let count = 0n; count < over.value; count++) yield [missing, { ...over, value: count }];
  }

  #callTemplate(node: TemplateNode, dot: Value): void {
    const value = node.pipeline ? this.#evaluatePipeline(node.pipeline, dot) : missing;
    this.#at = node.offset;
    const variables = this.#variables;
    this.#variables = [{ name: '$', value }];
    this.#walk(this.#template.definitions.get(node.name) ?? [], value);
    this.#variables = variables;
  }

  /** The last one of that name: inner variables hide outer ones. */
  #variable(name: string): Variable {
    const found = this.#variables.findLast((variable) => variable.name === name);
    if (!found) throw new Fault(`the variable ${name} is not set yet`);
    return found;
  }

  #setVariable(name: string, value: Value): void {
    this.#variable(name).value = value;
  }

  #evaluatePipeline({ commands, variables, assigns }: Pipeline, dot: Value): Value {
    let value: Value | undefined;
    for (const command of commands) {
      value = this.#evaluateCommand(command, dot, value);
      // What a pipeline hands on is never Go's nil in an interface: that is lost on the way.
      if (value === null) value = missing;
    }
    const result = value ?? missing;
    for (const name of variables) {
      if (assigns) this.#setVariable(name, result);
      else this.#variables.push({ name, value: result });
    }
    return result;
  }

  /** `last` is what the pipeline hands over, if this is not its first command. */
  #evaluateCommand(command: Command, dot: Value, last: Value | undefined): Value {
    const [first, ...others] = command.operands;
    if (first.kind === 'function') return this.#callFunction(first, { operands: others, dot, last });
    const hasArguments = others.length > 0 || last !== undefined;
    if (first.kind === 'field' || ((first.kind === 'variable' || first.kind === 'chain') && first.path.length > 0)) {
      return this.#evaluateOperand(first, dot, hasArguments);
    }
    this.#step(first.offset);
    if (hasArguments) throw new Fault('only a function takes arguments, and this is none');
    return this.#evaluateOperand(first, dot);
  }

  #evaluateOperand(operand: Operand, dot: Value, hasArguments = false): Value {
    this.#step(operand.offset);
    switch (operand.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'boolean':
      case 'string':
        return operand.value;
      case 'number':
        return idealNumber(operand);
      case 'pipeline':
        return this.#evaluatePipeline(operand, dot);
      case 'function':
        return this.#callFunction(operand, { operands: [], dot, last: undefined });
      case 'field':
        return this.#follow(dot, operand, hasArguments);
      case 'variable':
        return this.#follow(this.#variable(operand.name).value, operand, hasArguments);
      case 'chain':
        return this.#follow(this.#evaluateOperand(operand.of, dot), operand, hasArguments);
      default: {
        const never: never = operand;
        return never;
      }
    }
  }

  /** Looks fields up, one in the other. What is missing has no fields either; null and everything but maps is a fault. */
  #follow(from: Value, { path, offset }: { path: readonly string[]; offset: number }, hasArguments: boolean): Value {
    let value = from;
    this.#at = offset;
    for (const [index, name] of path.entries()) {
      if (value === missing) continue;
      if (value === null) throw new Fault(`.${name} is asked of null: test with if or with before`);
      if (!isKind(value, 'dict')) throw new Fault(`.${name} is asked of a ${typeName(value)}, which has no keys`);
      if (hasArguments && index === path.length - 1) throw new Fault(`.${name} is no function and takes no arguments`);
      const found = value.entries.get(name);
      value = found === undefined ? missing : found;
    }
    return value;
  }

  #callFunction(
    { name, offset }: { readonly name: string; readonly offset: number },
    { operands, dot, last }: { operands: readonly Operand[]; dot: Value; last: Value | undefined },
  ): Value {
    this.#step(offset);
    const called = functions.get(name);
    if (!called) throw new Fault(`there is no function ${name}`);
    if (name === 'and' || name === 'or') return this.#shortCircuit(name === 'or', { operands, dot, last });
    const args: ArgumentTypes[Parameter][] = [];
    for (const [index, operand] of operands.entries()) {
      const parameter = called.parameters[index] ?? called.rest ?? 'any';
      this.#at = operand.offset;
      const argument =
        constantArgument(operand, { parameter, of: name }) ??
        asArgument(this.#evaluateOperand(operand, dot), { parameter, of: name });
      args.push(argument);
    }
    this.#at = offset;
    if (last !== undefined) {
      const parameter = called.parameters[operands.length] ?? called.rest ?? 'any';
      args.push(asArgument(last, { parameter, of: name }));
    }
    // The words of a failure are shown only where they stand in the template: anything else may hold a value.
    if (name === 'fail') {
      const [message] = operands;
      throw new Fault(message?.kind === 'string' ? `the template fails: ${message.value}` : 'the template fails');
    }
    for (const given of args) if (typeof given === 'string') this.#budget.spendText(given.length);
    const result = called.call(args, this.#budget);
    if (typeof result === 'string') this.#budget.spendText(result.length);
    return result;
  }

  /** `and` and `or` evaluate no more than they need, and yield the argument that decided. */
  #shortCircuit(
    decides: boolean,
    { operands, dot, last }: { operands: readonly Operand[]; dot: Value; last: Value | undefined },
  ): Value {
    let value: Value = missing;
    for (const operand of operands) {
      value = this.#evaluateOperand(operand, dot);
      if (isTrue(value) === decides) return value;
    }
    return last === undefined ? value : last;
  }
}
