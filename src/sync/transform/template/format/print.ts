import { type Budget, TextBuilder } from '../budget.ts';
import { checkDepth, type Float, type Item, sortedEntries } from '../values.ts';
import { formatFloat } from './numbers.ts';

/** A value as Go's `%v` prints it; numbers of the secret keep every digit. @throws Fault when it becomes too much */
export function textOf(value: Item, budget: Budget): string {
  if (typeof value === 'string') return value;
  const text = new TextBuilder(budget);
  addValue(value, { text, budget, depth: 0 });
  return text.toString();
}

/** Texts and values side by side, with a space between two that are no texts: Go's `Sprint`. */
export function textOfAll(values: readonly Item[], budget: Budget): string {
  const text = new TextBuilder(budget);
  for (const [index, value] of values.entries()) {
    const touches = typeof value === 'string' || typeof values[index - 1] === 'string';
    if (index > 0 && !touches) text.add(' ');
    text.add(textOf(value, budget));
  }
  return text.toString();
}

export function textOfFloat({ value, text }: Float): string {
  return text ?? formatFloat(value, 'g', null);
}

interface Place {
  readonly text: TextBuilder;
  readonly budget: Budget;
  readonly depth: number;
}

function addValue(value: Item, place: Place): void {
  const { text, budget, depth } = place;
  checkDepth(depth);
  budget.spend(1);
  if (value === null) text.add('<nil>');
  else if (typeof value === 'string') text.add(value);
  else if (typeof value === 'boolean') text.add(String(value));
  else if (value.kind === 'int') text.add(String(value.value));
  else if (value.kind === 'float') text.add(textOfFloat(value));
  else if (value.kind === 'list') {
    text.add('[');
    for (const [index, item] of value.items.entries()) {
      if (index > 0) text.add(' ');
      addValue(item, { ...place, depth: depth + 1 });
    }
    text.add(']');
  } else {
    text.add('map[');
    for (const [index, [key, item]] of sortedEntries(value, budget).entries()) {
      text.add(`${index > 0 ? ' ' : ''}${key}:`);
      addValue(item, { ...place, depth: depth + 1 });
    }
    text.add(']');
  }
}
