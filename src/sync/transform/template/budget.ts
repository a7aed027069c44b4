import { Fault } from './fault.ts';
import { limits } from './limits.ts';

/** Characters that cost as much as one step. */
const charactersPerStep = 16;

/** What one rendering may still spend. */
export class Budget {
  #steps: number = limits.steps;

  /** Takes steps. @throws Fault when none are left */
  spend(steps: number): void {
    this.#steps -= steps;
    if (this.#steps < 0) {
      throw new Fault(
        `the template takes more than ${limits.steps} steps: loop over fewer things, or do less for each of them`,
      );
    }
  }

  /** Takes what a text of that length costs; to be asked before the text is made. @throws Fault */
  spendText(length: number): void {
    if (length > limits.textLength) {
      throw new Fault(`a text would be longer than ${limits.textLength} characters`);
    }
    this.spend(length / charactersPerStep);
  }
}

/** A text in the making, paid for piece by piece. */
export class TextBuilder {
  readonly #budget: Budget;
  readonly #pieces: string[] = [];
  #length = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  add(piece: string): void {
    this.#length += piece.length;
    if (this.#length > limits.textLength) {
      throw new Fault(`a text would be longer than ${limits.textLength} characters`);
    }
    this.#budget.spendText(piece.length);
    this.#pieces.push(piece);
  }

  toString(): string {
    return this.#pieces.join('');
  }
}
