/** A parsed template. Every `offset` is where a thing begins in the template's text. */
export interface Template {
  readonly body: readonly Node[];
  /** Everything that `define` and `block` define, by name. */
  readonly definitions: ReadonlyMap<string, readonly Node[]>;
}

export type Node = TextNode | ActionNode | BranchNode | RangeNode | TemplateNode | JumpNode;

export interface TextNode {
  readonly kind: 'text';
  readonly offset: number;
  readonly text: string;
}

export interface ActionNode {
  readonly kind: 'action';
  readonly offset: number;
  readonly pipeline: Pipeline;
}

export interface BranchNode {
  readonly kind: 'if' | 'with';
  readonly offset: number;
  readonly pipeline: Pipeline;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

export interface RangeNode {
  readonly kind: 'range';
  readonly offset: number;
  readonly pipeline: Pipeline;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

export interface TemplateNode {
  readonly kind: 'template';
  readonly offset: number;
  readonly name: string;
  readonly pipeline: Pipeline | null;
}

export interface JumpNode {
  readonly kind: 'break' | 'continue';
  readonly offset: number;
}

/** `$x := a b | c`: the value of each command is the last argument of the next. */
export interface Pipeline {
  readonly kind: 'pipeline';
  readonly offset: number;
  /** Names with their `$`. */
  readonly variables: readonly string[];
  /** `=` instead of `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

export interface Command {
  readonly offset: number;
  readonly operands: readonly [Operand, ...Operand[]];
}

export type Operand =
  | { readonly kind: 'dot' | 'nil'; readonly offset: number }
  | { readonly kind: 'boolean'; readonly offset: number; readonly value: boolean }
  | { readonly kind: 'string'; readonly offset: number; readonly value: string }
  | NumberOperand
  /** `.a.b` */
  | { readonly kind: 'field'; readonly offset: number; readonly path: readonly string[] }
  /** `$x.a.b` */
  | { readonly kind: 'variable'; readonly offset: number; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: 'function'; readonly offset: number; readonly name: string }
  /** `(…).a.b` */
  | {
      readonly kind: 'chain';
      readonly offset: number;
      readonly of: Pipeline | Extract<Operand, { kind: 'function' }>;
      readonly path: readonly string[];
    }
  | Pipeline;

/** An untyped constant: where it stands decides what it becomes. */
export interface NumberOperand {
  readonly kind: 'number';
  readonly offset: number;
  /** Null when it is not a whole number. */
  readonly int: bigint | null;
  readonly float: number;
  /** Written with a point or an exponent: a float where nothing else is asked for. */
  readonly isFloat: boolean;
}
