import { Fault } from './fault.ts';
import type { ArgumentTypes, Parameter } from './functions/define.ts';
import type { NumberOperand, Operand } from './nodes.ts';
import { type Dict, float, type Item, int, isKind, missing, typeName, type Value } from './values.ts';

const nilMap: Dict = { kind: 'dict', entries: new Map(), type: 'map[string]interface {}', isNil: true };

const wanted: Readonly<Record<Parameter, string>> = {
  any: 'a value',
  string: 'a text',
  int: 'a whole number',
  bool: 'true or false',
  map: 'a map',
};

/** A value as a parameter takes it: types are as strict as Go's. @throws Fault */
export function asArgument(value: Value, { parameter, of }: { readonly parameter: Parameter; readonly of: string }) {
  const argument = convert(value, parameter);
  if (argument !== undefined) return argument;
  const given = value === missing || value === null ? 'nothing (the key is missing or null)' : `a ${typeName(value)}`;
  throw new Fault(`${of} wants ${wanted[parameter]} here, and is given ${given}`);
}

function convert(value: Value, parameter: Parameter): ArgumentTypes[Parameter] | undefined {
  switch (parameter) {
    case 'any':
      return value === missing ? null : value;
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'bool':
      return typeof value === 'boolean' ? value : undefined;
    case 'int':
      return isKind(value, 'int') && value.type === 'int' ? Number(value.value) : undefined;
    case 'map':
      if (value === missing) return nilMap;
      return isKind(value, 'dict') && value.type === nilMap.type ? value : undefined;
    default: {
      const never: never = parameter;
      return never;
    }
  }
}

/** A constant as a parameter takes it; undefined when the operand is no constant. @throws Fault */
export function constantArgument(
  operand: Operand,
  { parameter, of }: { readonly parameter: Parameter; readonly of: string },
): ArgumentTypes[Parameter] | undefined {
  switch (operand.kind) {
    case 'nil':
      return asArgument(parameter === 'map' ? missing : null, { parameter, of });
    case 'boolean':
    case 'string':
      return asArgument(operand.value, { parameter, of });
    case 'number':
      if (parameter === 'int' && operand.int !== null) return Number(operand.int);
      return asArgument(idealNumber(operand), { parameter, of });
    default:
      return undefined;
  }
}

/** What a number is where nothing says what it should be: its spelling decides. */
export function idealNumber({ int: whole, float: fraction, isFloat }: NumberOperand): Item {
  return whole === null || isFloat ? float(fraction) : int(whole);
}
