import type { Budget } from '../budget.ts';
import type { Dict, Item } from '../values.ts';

/** What the arguments of functions are checked for, by Go's names of the types. */
export interface ArgumentTypes {
  any: Item;
  string: string;
  /** Go's `int`; a number of JavaScript where it counts or indexes something. */
  int: number;
  bool: boolean;
  map: Dict;
}
export type Parameter = keyof ArgumentTypes;

export interface TemplateFunction {
  readonly parameters: readonly Parameter[];
  /** Type of the arguments that may follow the parameters; null when none may. */
  readonly rest: Parameter | null;
  /** Arguments have been checked. @throws Fault; its message holds no value */
  readonly call: (args: readonly ArgumentTypes[Parameter][], budget: Budget) => Item;
}

export type FunctionTable = Readonly<Record<string, TemplateFunction>>;

type Arguments<Parameters extends readonly Parameter[]> = {
  -readonly [Index in keyof Parameters]: ArgumentTypes[Parameters[Index]];
};

/** A function with a fixed number of arguments. */
export function define<const Parameters extends readonly Parameter[]>(
  parameters: Parameters,
  call: (args: Arguments<Parameters>, budget: Budget) => Item,
): TemplateFunction {
  return { parameters, rest: null, call: (args, budget) => call(args as Arguments<Parameters>, budget) };
}

/** A function with any number of further arguments, all of one type. */
export function defineVariadic<const Parameters extends readonly Parameter[], Rest extends Parameter>(
  types: { readonly parameters: Parameters; readonly rest: Rest },
  call: (args: readonly [...Arguments<Parameters>, ...ArgumentTypes[Rest][]], budget: Budget) => Item,
): TemplateFunction {
  return {
    ...types,
    call: (args, budget) => call(args as unknown as [...Arguments<Parameters>, ...ArgumentTypes[Rest][]], budget),
  };
}
