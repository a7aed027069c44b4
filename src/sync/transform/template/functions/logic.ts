import { isTrue, kindName, typeName } from '../values.ts';
import { define, defineVariadic, type FunctionTable } from './define.ts';

/** Sprig's defaults and questions about types. */
export const logic: FunctionTable = {
  default: defineVariadic({ parameters: ['any'], rest: 'any' }, ([fallback, given]) =>
    given !== undefined && isTrue(given) ? given : fallback,
  ),
  coalesce: defineVariadic({ parameters: [], rest: 'any' }, (values) => values.find((value) => isTrue(value)) ?? null),
  empty: define(['any'], ([value]) => !isTrue(value)),
  all: defineVariadic({ parameters: [], rest: 'any' }, (values) => values.every((value) => isTrue(value))),
  any: defineVariadic({ parameters: [], rest: 'any' }, (values) => values.some((value) => isTrue(value))),
  ternary: define(['any', 'any', 'bool'], ([yes, no, condition]) => (condition ? yes : no)),
  // The evaluator does it: only there it is known whether the words stand in the template.
  fail: define(['string'], () => null),
  typeOf: define(['any'], ([value]) => typeName(value)),
  kindOf: define(['any'], ([value]) => kindName(value)),
  typeIs: define(['string', 'any'], ([type, value]) => typeName(value) === type),
  kindIs: define(['string', 'any'], ([kind, value]) => kindName(value) === kind),
};
