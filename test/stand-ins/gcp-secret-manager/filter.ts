import { invalidArgument } from './status.ts';

export interface Filterable {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

const LABEL_TERM = /^labels\.([^\s=:()<>!~"]+)(=|:)("[^"]*"|[^\s"()]+)$/u;
const NAME_TERM = /^name:("[^"]*"|[^\s"()]+)$/u;

/**
 * The part of Google's list filters that this stand-in speaks: `labels.KEY=VALUE`, `labels.KEY:*` (has the label) and
 * `name:PART`, joined by `AND` (https://cloud.google.com/secret-manager/docs/filtering). The real service knows more;
 * what is not understood here is refused, never ignored: an ignored filter would answer with everybody's secrets.
 */
export function parseFilter(filter: string): (secret: Filterable) => boolean {
  const trimmed = filter.trim();
  if (trimmed === '') return () => true;
  const terms = trimmed.split(/\s+AND\s+/u).map(parseTerm);
  return (secret) => terms.every((matches) => matches(secret));
}

function parseTerm(term: string): (secret: Filterable) => boolean {
  const label = LABEL_TERM.exec(term);
  if (label) {
    const [, key = '', operator, operand = ''] = label;
    const wanted = unquote(operand);
    if (operator === ':' && wanted !== '*')
      throw invalidArgument(`This stand-in does not understand the filter term [${term}].`);
    if (operator === ':') return (secret) => Object.hasOwn(secret.labels, key);
    return (secret) => Object.hasOwn(secret.labels, key) && secret.labels[key] === wanted;
  }
  const name = NAME_TERM.exec(term);
  if (!name) throw invalidArgument(`This stand-in does not understand the filter term [${term}].`);
  const part = unquote(name[1] ?? '');
  return (secret) => secret.name.includes(part);
}

function unquote(operand: string): string {
  return operand.startsWith('"') ? operand.slice(1, -1) : operand;
}
