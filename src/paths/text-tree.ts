interface Node<T> {
  /** One of the texts that lead through here: they are the same up to `end`. */
  readonly text: string;
  readonly end: number;
  readonly things: T[];
  /** By the character after `end`; most nodes have none. */
  children: Map<number, Node<T>> | null;
}

/**
 * Things by texts. Those whose text a name begins with (or, read backwards, ends with) are found in the time that it
 * takes to read the name as far as any text goes, however many texts there are.
 */
export class TextTree<T> {
  readonly #backwards: boolean;
  readonly #root: Node<T> = node('', 0);

  constructor(direction: 'forwards' | 'backwards') {
    this.#backwards = direction === 'backwards';
  }

  add(text: string, thing: T): void {
    let at = this.#root;
    while (at.end < text.length) {
      const code = this.#codeAt(text, at.end);
      const child = at.children?.get(code);
      const shared = child ? this.#sharedBy(child, text, at.end) : text.length;
      if (child && shared === child.end) {
        at = child;
        continue;
      }
      const added = node<T>(text, shared);
      if (child) added.children = new Map([[this.#codeAt(child.text, shared), child]]);
      at.children ??= new Map();
      at.children.set(code, added);
      at = added;
    }
    at.things.push(thing);
  }

  /** How many things have this very text. */
  count(text: string): number {
    let at: Node<T> | undefined = this.#root;
    while (at !== undefined && at.end < text.length) {
      const child: Node<T> | undefined = at.children?.get(this.#codeAt(text, at.end));
      at = child && this.#sharedBy(child, text, at.end) === child.end ? child : undefined;
    }
    return at?.end === text.length ? at.things.length : 0;
  }

  /**
   * Shows the things whose text stands in the name from a position on (backwards: before the last so many characters),
   * until `visit` says that it has seen enough.
   */
  visit(name: string, from: number, visit: (thing: T) => boolean): boolean {
    let at = this.#root;
    for (;;) {
      const child = at.children?.get(this.#codeAt(name, from + at.end));
      if (!child) return false;
      for (let next = at.end + 1; next < child.end; next++) {
        if (this.#codeAt(child.text, next) !== this.#codeAt(name, from + next)) return false;
      }
      if (child.things.some(visit)) return true;
      at = child;
    }
  }

  get isEmpty(): boolean {
    return this.#root.children === null;
  }

  /** How far a text goes along with a node, not beyond the node's end. */
  #sharedBy({ text, end }: Node<T>, other: string, from: number): number {
    let shared = from;
    while (shared < end && this.#codeAt(text, shared) === this.#codeAt(other, shared)) shared++;
    return shared;
  }

  /** NaN beyond the end. */
  #codeAt(text: string, at: number): number {
    return text.charCodeAt(this.#backwards ? text.length - 1 - at : at);
  }
}

function node<T>(text: string, end: number): Node<T> {
  return { text, end, things: [], children: null };
}
