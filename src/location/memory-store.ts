/**
 * A location store in the memory of one thread: for tests, for simulations, and for a server that may forget. Bindings are kept encoded,
 * a few hundred bytes a user and out of the way of the garbage collector. Every call does its work before it returns its promise.
 * Sans-I/O; one thread.
 */
import { type Binding, earliestExpiryMs, isExpired } from './binding.js';
import { decodeBindings, encodeBindings } from './binding-codec.js';
import { ExpiryHeap, type HeapItem } from './expiry-heap.js';
import { type Change, type Expired, type LocationStore, LocationUnavailable, type Updated } from './store.js';

export interface MemoryStoreOptions {
  /** Address-of-records that are kept at most. When so many are there, new ones are turned away. */
  readonly aorsMax: number;
}

class Row implements HeapItem {
  expiryMs = 0;
  heapIndex = -1;
  readonly aor: string;
  encoded: Uint8Array;

  constructor(aor: string, encoded: Uint8Array) {
    this.aor = aor;
    this.encoded = encoded;
  }
}

const NONE: readonly Binding[] = [];

export class MemoryStore implements LocationStore {
  readonly durability = 'none';
  readonly #aorsMax: number;
  readonly #rows = new Map<string, Row>();
  readonly #expiries = new ExpiryHeap<Row>();
  #isClosed = false;

  constructor(options: MemoryStoreOptions) {
    this.#aorsMax = options.aorsMax;
  }

  async read(aor: string): Promise<readonly Binding[]> {
    this.#checkOpen();
    return bindingsOf(this.#rows.get(aor));
  }

  async update<T>(aor: string, change: (current: readonly Binding[]) => Change<T>): Promise<Updated<T>> {
    this.#checkOpen();
    const row = this.#rows.get(aor);
    const { bindings, result } = change(bindingsOf(row));
    if (bindings === undefined) return { result, isStored: true };
    if (row === undefined && bindings.length > 0 && this.#rows.size >= this.#aorsMax) return { result, isStored: false };
    this.#write(aor, row, bindings);
    return { result, isStored: true };
  }

  async takeExpired(nowMs: number, limit: number): Promise<readonly Expired[]> {
    this.#checkOpen();
    const taken: Expired[] = [];
    while (taken.length < limit) {
      const row = this.#expiries.first();
      if (row === undefined || row.expiryMs > nowMs) break;
      taken.push(this.#takeFrom(row, nowMs));
    }
    return taken;
  }

  async nextExpiryMs(): Promise<number> {
    this.#checkOpen();
    return this.#expiries.first()?.expiryMs ?? Infinity;
  }

  async count(): Promise<number> {
    this.#checkOpen();
    return this.#rows.size;
  }

  async *entries(): AsyncIterable<readonly [aor: string, bindings: readonly Binding[]]> {
    this.#checkOpen();
    // A Map may change under its iterator: what is removed does not come, and what is added comes at the end.
    for (const row of this.#rows.values()) {
      this.#checkOpen();
      yield [row.aor, bindingsOf(row)];
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#rows.clear();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new LocationUnavailable('the location store is closed');
  }

  #takeFrom(row: Row, nowMs: number): Expired {
    const bindings = bindingsOf(row);
    const ended = bindings.filter((binding) => isExpired(binding, nowMs)).sort((a, b) => a.expiresMs - b.expiresMs);
    this.#write(row.aor, row, bindings.filter((binding) => !isExpired(binding, nowMs)));
    return { aor: row.aor, bindings: ended };
  }

  #write(aor: string, row: Row | undefined, bindings: readonly Binding[]): void {
    if (bindings.length === 0) {
      if (row === undefined) return;
      this.#rows.delete(aor);
      this.#expiries.remove(row);
      return;
    }
    const encoded = encodeBindings(bindings);
    if (row === undefined) {
      row = new Row(aor, encoded);
      this.#rows.set(aor, row);
    } else {
      // A new array each time: the old one may be held by somebody who has read it.
      row.encoded = encoded;
    }
    this.#expiries.set(row, earliestExpiryMs(bindings));
  }
}

function bindingsOf(row: Row | undefined): readonly Binding[] {
  if (row === undefined) return NONE;
  const bindings = decodeBindings(row.encoded);
  if (bindings === undefined) throw new Error('a binding was written to after it had been handed out');
  return bindings;
}
