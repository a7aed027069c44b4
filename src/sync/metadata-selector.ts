import type { MetadataSelector } from '../crd/source.ts';

/** Whether custom metadata is that of a selected secret. */
export type MetadataTest = (metadata: Readonly<Record<string, string>>) => boolean;

/** Compiles `source.selector`, which means what a label selector of Kubernetes means. Every part must hold. */
export function compileMetadataSelector(selector: MetadataSelector): MetadataTest {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const equals = Object.entries(matchLabels).map(
    ([key, value]): MetadataTest =>
      (metadata) =>
        valueFor(metadata, key) === value,
  );
  const tests = [...equals, ...matchExpressions.map(compileExpression)];
  return (metadata) => tests.every((test) => test(metadata));
}

function compileExpression(expression: NonNullable<MetadataSelector['matchExpressions']>[number]): MetadataTest {
  const { key, operator } = expression;
  const values = new Set(expression.values);
  const isIn: MetadataTest = (metadata) =>
    values.has(valueFor(metadata, key) ?? '') && valueFor(metadata, key) !== undefined;
  switch (operator) {
    case 'In':
      return isIn;
    case 'NotIn':
      return (metadata) => !isIn(metadata);
    case 'Exists':
      return (metadata) => valueFor(metadata, key) !== undefined;
    case 'DoesNotExist':
      return (metadata) => valueFor(metadata, key) === undefined;
    default: {
      const never: never = operator;
      return never;
    }
  }
}

function valueFor(metadata: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}
