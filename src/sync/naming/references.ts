import type { Node, Operand, Pipeline, Template } from '../transform/template/nodes.ts';

/** What a template may look at of the dot that it is given. */
export interface References {
  /** Fields that are named, e.g. `['metadata', 'team']` of `.metadata.team`, and where. */
  readonly fields: readonly { readonly path: readonly string[]; readonly offset: number }[];
  /** It may look at all of it: dot itself is printed, kept in a variable, walked through or given to a function. */
  readonly whole: boolean;
}

/** Tells from its text what a template may look at: never less than it does. Pure. */
export function referencesOf(template: Template): References {
  const reader = new Reader(template);
  reader.walk(template.body, { dot: true, dollar: true });
  return reader;
}

/** Which of `.` and `$` are the given dot where a node stands; otherwise they are something within it, or beside it. */
interface Standing {
  readonly dot: boolean;
  readonly dollar: boolean;
}

class Reader implements References {
  readonly fields: { path: readonly string[]; offset: number }[] = [];
  whole = false;
  readonly #template: Template;
  /** Definitions that were walked through, and whether with the given dot. */
  readonly #seen = new Set<string>();

  constructor(template: Template) {
    this.#template = template;
  }

  walk(nodes: readonly Node[], standing: Standing): void {
    for (const node of nodes) this.#walkNode(node, standing);
  }

  #walkNode(node: Node, standing: Standing): void {
    switch (node.kind) {
      case 'text':
      case 'break':
      case 'continue':
        return;
      case 'action':
        this.#use(node.pipeline, standing);
        return;
      case 'if':
      case 'range':
        this.#use(node.pipeline, standing);
        this.walk(node.body, node.kind === 'if' ? standing : { ...standing, dot: false });
        this.walk(node.otherwise, standing);
        return;
      case 'with':
        this.walk(node.body, { ...standing, dot: this.#passOn(node.pipeline, standing) });
        this.walk(node.otherwise, standing);
        return;
      case 'template': {
        const given = node.pipeline !== null && this.#passOn(node.pipeline, standing);
        const visit = `${given} ${node.name}`;
        if (this.#seen.has(visit)) return;
        this.#seen.add(visit);
        this.walk(this.#template.definitions.get(node.name) ?? [], { dot: given, dollar: given });
        return;
      }
      default: {
        const never: never = node;
        throw new Error(`a template has a node of an unknown kind: ${JSON.stringify(never)}`);
      }
    }
  }

  /** Notes what a pipeline looks at. */
  #use(pipeline: Pipeline, standing: Standing): void {
    if (this.#isGiven(pipeline, standing)) this.whole = true;
  }

  /** The same for a pipeline whose value becomes another dot. @returns whether that is the given one */
  #passOn(pipeline: Pipeline, standing: Standing): boolean {
    const given = this.#isGiven(pipeline, standing);
    if (given && pipeline.variables.length > 0) this.whole = true;
    return given;
  }

  /** Whether a value is the given dot itself. What is within it is noted, and so is a function that gets the whole. */
  #isGiven(value: Operand, standing: Standing): boolean {
    switch (value.kind) {
      case 'dot':
        return standing.dot;
      case 'field':
        if (standing.dot) this.fields.push({ path: value.path, offset: value.offset });
        return false;
      case 'variable': {
        const given = value.name === '$' && standing.dollar;
        if (value.path.length === 0) return given;
        if (given) this.fields.push({ path: value.path, offset: value.offset });
        return false;
      }
      case 'chain':
        if (this.#isGiven(value.of, standing)) this.fields.push({ path: value.path, offset: value.offset });
        return false;
      case 'pipeline': {
        const operands = value.commands.flatMap((command) => command.operands);
        const [only, another] = operands;
        if (only && !another) return this.#isGiven(only, standing);
        // Every one of them, whatever the first ones say.
        const given = operands.filter((operand) => this.#isGiven(operand, standing));
        if (given.length > 0) this.whole = true;
        return false;
      }
      case 'function':
      case 'nil':
      case 'boolean':
      case 'string':
      case 'number':
        return false;
      default: {
        const never: never = value;
        return never;
      }
    }
  }
}
