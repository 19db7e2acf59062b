/**
 * Storage for the bytes of messages that outlive their datagram: requests of live transactions, last responses for
 * retransmission. One arena per shard, cut into size classes with intrusive free lists, so that keeping and forgetting a
 * message neither allocates nor leaves work for the garbage collector.
 *
 * The store takes the range [start, end) of the shard's arena; a *block* is an absolute offset in it, so that copying
 * between inbound, stored and outbound bytes stays within one array, which is the fastest kind (`copy-bytes.ts`). Pages of
 * 256 KiB are given to a size class when first needed. They stay with it until memory runs out: then pages in which no block
 * is in use go to the class that needs one, so that no kind of traffic can take the store away from the others for good.
 * Block 0 means none. The first 4 bytes of a free block link to the next one. Memory is touched only when used.
 */

const PAGE_BITS = 18;
const PAGE_BYTES = 1 << PAGE_BITS;

/** Sizes in bytes; the steps keep the waste below a third. */
const CLASS_BYTES = [192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048, 3072, 4096, 8192, 16384, 32768, 65536, 131072];

export class MessageStore {
  readonly bytes: Uint8Array;
  readonly #links: Int32Array;
  /** Head of each class's free list; 0: empty. */
  readonly #free = new Int32Array(CLASS_BYTES.length);
  /** Class of each page, plus one; 0: the page is unused. */
  readonly #pageClass: Uint8Array;
  /** Blocks in use in each page. */
  readonly #pageUsed: Uint16Array;
  /** Pages that were taken from a class and belong to none now: a stack. */
  readonly #sparePages: Int32Array;
  #spare = 0;
  /** Pages of some class in which no block is in use. */
  #idlePages = 0;
  /** Class by size in steps of 64 bytes, for sizes up to 2048. */
  readonly #classOf = new Uint8Array(33);
  readonly #firstPage: number;
  readonly #pages: number;
  #usedPages = 0;
  #used = 0;

  /** @param start and @param end bound the store within `bytes`; both are rounded inwards to whole pages. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.#links = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    this.#firstPage = Math.max(1, Math.ceil(start / PAGE_BYTES));
    this.#pages = Math.max(0, Math.floor(end / PAGE_BYTES) - this.#firstPage);
    this.#pageClass = new Uint8Array(this.#firstPage + this.#pages);
    this.#pageUsed = new Uint16Array(this.#firstPage + this.#pages);
    this.#sparePages = new Int32Array(this.#pages);
    for (let i = 0; i < this.#classOf.length; i++) this.#classOf[i] = CLASS_BYTES.findIndex((size) => size >= i * 64);
  }

  /** Bytes in use, rounded up to their classes. */
  get usedBytes(): number {
    return this.#used;
  }

  /** Bytes the store may ever use. */
  get capacityBytes(): number {
    return this.#pages * PAGE_BYTES;
  }

  /** A block of at least `length` bytes, or 0 when the store is full or `length` is beyond the largest class. */
  allocate(length: number): number {
    const cls = this.#classFor(length);
    if (cls === CLASS_BYTES.length) return 0;
    let block = this.#free[cls]!;
    if (block === 0) {
      if (!this.#addPage(cls)) return 0;
      block = this.#free[cls]!;
    }
    this.#free[cls] = this.#links[block >>> 2]!;
    this.#used += CLASS_BYTES[cls]!;
    if (this.#pageUsed[block >>> PAGE_BITS]!++ === 0) this.#idlePages--;
    return block;
  }

  /** Gives a block back. Freeing 0 does nothing. */
  free(block: number): void {
    if (block === 0) return;
    const cls = this.#pageClass[block >>> PAGE_BITS]! - 1;
    this.#links[block >>> 2] = this.#free[cls]!;
    this.#free[cls] = block;
    this.#used -= CLASS_BYTES[cls]!;
    if (--this.#pageUsed[block >>> PAGE_BITS]! === 0) this.#idlePages++;
  }

  /** Whether `length` bytes would have a smaller block than `block` is. */
  wouldSave(block: number, length: number): boolean {
    return this.#classFor(length) < this.#pageClass[block >>> PAGE_BITS]! - 1;
  }

  /** Bytes that a block can hold. */
  sizeOf(block: number): number {
    return CLASS_BYTES[this.#pageClass[block >>> PAGE_BITS]! - 1]!;
  }

  /** Class of blocks for `length` bytes; one beyond the last when there is none. */
  #classFor(length: number): number {
    if (length <= 2048) return this.#classOf[(length + 63) >>> 6]!;
    let cls = 12;
    while (cls < CLASS_BYTES.length && CLASS_BYTES[cls]! < length) cls++;
    return cls;
  }

  #addPage(cls: number): boolean {
    let page: number;
    if (this.#usedPages < this.#pages) page = this.#firstPage + this.#usedPages++;
    else if (this.#spare > 0 || this.#takeBack()) page = this.#sparePages[--this.#spare]!;
    else return false;
    this.#pageClass[page] = cls + 1;
    this.#idlePages++;
    const size = CLASS_BYTES[cls]!;
    const start = page * PAGE_BYTES;
    let next = 0;
    for (let block = start + (Math.floor(PAGE_BYTES / size) - 1) * size; block >= start; block -= size) {
      this.#links[block >>> 2] = next;
      next = block;
    }
    this.#free[cls] = next;
    return true;
  }

  /** Takes the idle pages away from one class that has any: one walk of its free list frees them all. */
  #takeBack(): boolean {
    if (this.#idlePages === 0) return false;
    let idle = this.#firstPage;
    while (this.#pageClass[idle] === 0 || this.#pageUsed[idle] !== 0) idle++;
    const owner = this.#pageClass[idle]!;
    const links = this.#links;
    let kept = 0;
    for (let block = this.#free[owner - 1]!; block !== 0; ) {
      const next = links[block >>> 2]!;
      if (this.#pageUsed[block >>> PAGE_BITS] !== 0) {
        links[block >>> 2] = kept;
        kept = block;
      }
      block = next;
    }
    this.#free[owner - 1] = kept;
    for (let page = idle; page < this.#firstPage + this.#pages; page++) {
      if (this.#pageClass[page] !== owner || this.#pageUsed[page] !== 0) continue;
      this.#pageClass[page] = 0;
      this.#sparePages[this.#spare++] = page;
      this.#idlePages--;
    }
    return true;
  }
}
