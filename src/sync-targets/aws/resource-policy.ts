import type { Destination } from '../../crd/vault-secret-sync.ts';
import { settingsOf } from './place.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** AWS: characters of a resource policy. */
const longestPolicy = 20_480;

/** What is wrong with the text of a policy; null = nothing that can be seen without AWS. An empty text is no policy. */
export function complainAboutPolicy(text: string): string | null {
  if (text === '') return null;
  if (text.length > longestPolicy) return `AWS allows 20,480 characters and the policy has ${text.length}`;
  const policy = parse(text);
  if (policy === undefined) return 'it is not JSON';
  if (!isObject(policy)) return 'it is not a JSON object';
  const statements = statementsOf(policy);
  if (statements.length === 0) return 'it has no Statement';
  for (const [index, statement] of statements.entries()) {
    const complaint = complainAboutStatement(statement);
    if (complaint) return `statement ${index + 1} ${complaint}`;
  }
  return null;
}

function complainAboutStatement(statement: Json): string | null {
  if (!isObject(statement)) return 'is not a JSON object';
  const { Effect } = statement;
  if (Effect !== 'Allow' && Effect !== 'Deny') return 'needs an Effect, Allow or Deny';
  for (const part of ['Principal', 'Action', 'Resource']) {
    if (Object.hasOwn(statement, part) === Object.hasOwn(statement, `Not${part}`)) {
      return `needs either ${part} or Not${part}`;
    }
  }
  return null;
}

/**
 * The policy to put, '' = none; null = leave it. `observed` is what AWS shows, '' where there is none.
 */
export function policyToSet(destination: Destination, observed: string): string | null {
  const { resourcePolicy } = settingsOf(destination);
  return resourcePolicy === undefined || isSamePolicy(resourcePolicy, observed) ? null : resourcePolicy;
}

/** Whether two policies mean the same: the order of what they list does not count, nor does how a single entry is written. */
export function isSamePolicy(left: string, right: string): boolean {
  if (left === '' || right === '') return left === right;
  return canonical(left) === canonical(right);
}

/** One text for all policies that mean the same. A text that is no JSON stands for itself. */
function canonical(text: string): string {
  const policy = parse(text);
  if (policy === undefined || !isObject(policy)) return text;
  const statements = statementsOf(policy).map(canonicalStatement);
  return write({ ...policy, Statement: sorted(statements) });
}

function canonicalStatement(statement: Json): Json {
  if (!isObject(statement)) return statement;
  return Object.fromEntries(
    Object.entries(statement).map(([part, value]) => {
      switch (part) {
        case 'Action':
        case 'NotAction':
          // Not even AWS minds how an action is capitalised.
          return [part, asSet(value, (action) => action.toLowerCase())];
        case 'Resource':
        case 'NotResource':
          return [part, asSet(value)];
        case 'Principal':
        case 'NotPrincipal':
          return [part, canonicalPrincipal(value)];
        case 'Condition':
          return [part, canonicalCondition(value)];
        default:
          return [part, value];
      }
    }),
  );
}

/** `"*"` is `{"AWS": "*"}`, and an account's number is the ARN of its root. */
function canonicalPrincipal(principal: Json): Json {
  if (typeof principal === 'string') return canonicalPrincipal({ AWS: principal });
  if (!isObject(principal)) return principal;
  return mapValues(principal, (names) =>
    asSet(names, (name) => /^arn:[a-z-]+:iam::(\d{12}):root$/.exec(name)?.[1] ?? name),
  );
}

/** Names of condition keys are the same in any case; values are sets of texts. */
function canonicalCondition(condition: Json): Json {
  if (!isObject(condition)) return condition;
  return mapValues(condition, (keys) =>
    isObject(keys)
      ? Object.fromEntries(Object.entries(keys).map(([key, value]) => [key.toLowerCase(), asSet(value)]))
      : keys,
  );
}

function asSet(value: Json, spell: (text: string) => string = (text) => text): Json {
  const entries = Array.isArray(value) ? value : [value];
  return [
    ...new Set(entries.map((entry) => (isObject(entry) || Array.isArray(entry) ? write(entry) : spell(String(entry))))),
  ].sort();
}

function statementsOf({ Statement }: JsonObject): readonly Json[] {
  if (Statement === undefined) return [];
  return Array.isArray(Statement) ? Statement : [Statement];
}

function sorted(values: readonly Json[]): readonly Json[] {
  return [...values].sort((left, right) => (write(left) < write(right) ? -1 : 1));
}

/** JSON with the keys of each object in order. */
function write(value: Json): string {
  return JSON.stringify(value, (_key, inner: Json) =>
    isObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  );
}

function mapValues(object: JsonObject, map: (value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
