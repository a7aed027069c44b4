/** First in, first out; taking from the front costs the same however long the line is. */
export class Line<T> {
  #items: (T | undefined)[] = [];
  #front = 0;

  get length(): number {
    return this.#items.length - this.#front;
  }

  join(item: T): void {
    this.#items.push(item);
  }

  next(): T | undefined {
    const item = this.#items[this.#front];
    if (this.#front === this.#items.length) return undefined;
    this.#items[this.#front] = undefined;
    this.#front += 1;
    // Moving the rest up costs as much as the items taken since the last time.
    if (this.#front > 1000 && this.#front * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#front);
      this.#front = 0;
    }
    return item;
  }
}
