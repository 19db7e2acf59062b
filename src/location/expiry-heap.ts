/**
 * Address-of-records by the time at which their first binding ends: a binary heap whose items know their place, so that a refresh
 * moves one in logarithmic time and the next to end is always in front. Nothing is ever scanned. Sans-I/O; one thread.
 */

/** What stands in the heap. `heapIndex` belongs to the heap: -1 outside of it. */
export interface HeapItem {
  /** Milliseconds since 1970. Changed only through the heap. */
  expiryMs: number;
  heapIndex: number;
}

export class ExpiryHeap<T extends HeapItem> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The item that ends first, or undefined. */
  first(): T | undefined {
    return this.#items[0];
  }

  /** Puts `item` in, or moves it when it is there. */
  set(item: T, expiryMs: number): void {
    const before = item.expiryMs;
    item.expiryMs = expiryMs;
    if (item.heapIndex < 0) {
      item.heapIndex = this.#items.length;
      this.#items.push(item);
      this.#up(item);
    } else if (expiryMs < before) {
      this.#up(item);
    } else {
      this.#down(item);
    }
  }

  /** Takes `item` out; nothing happens when it is not there. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#items[index] = last;
    last.heapIndex = index;
    this.#up(last);
    this.#down(last);
  }

  #up(item: T): void {
    const items = this.#items;
    let index = item.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >>> 1;
      const parent = items[parentIndex]!;
      if (parent.expiryMs <= item.expiryMs) break;
      items[index] = parent;
      parent.heapIndex = index;
      index = parentIndex;
    }
    items[index] = item;
    item.heapIndex = index;
  }

  #down(item: T): void {
    const items = this.#items;
    let index = item.heapIndex;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= items.length) break;
      if (childIndex + 1 < items.length && items[childIndex + 1]!.expiryMs < items[childIndex]!.expiryMs) childIndex++;
      const child = items[childIndex]!;
      if (child.expiryMs >= item.expiryMs) break;
      items[index] = child;
      child.heapIndex = index;
      index = childIndex;
    }
    items[index] = item;
    item.heapIndex = index;
  }
}
