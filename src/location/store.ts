/**
 * What a location store is: the bindings of every address-of-record, kept where all shards find them. Implementations differ in where
 * that is and in what survives; `test/unit/location/store-conformance.ts` is the suite that each of them passes.
 *
 * **Threads.** Each shard opens a store of its own and calls it from its own thread; several stores over the same data (the shards of
 * one server, or several servers) see each other's updates. The main thread opens another for expiry and for the command line.
 *
 * **Order.** An update is atomic: no other update of that address-of-record comes between the bindings it was shown and those it wrote.
 * A read that begins when an update has resolved sees it.
 *
 * **Durability.** When the promise of an update resolves, the update will survive what `durability` says; the 200 leaves after that.
 *
 * **Failure.** A store that cannot do what it was asked rejects with `LocationUnavailable`: the request is answered with 503. Nothing is
 * said then about whether the update was done; the client's next REGISTER, or the same one again, settles it.
 *
 * Times come in as milliseconds since 1970. Octets that a store hands out are borrowed and not to be written to; they stay as they are
 * for as long as somebody holds them.
 */
import type { Binding } from './binding.js';

/**
 * What an acknowledged update survives.
 * - `none`: nothing. It ends with the store.
 * - `process`: the death of the process, by whatever signal.
 * - `disk`: that of the machine too: it has been written through to the disk.
 */
export type Durability = 'none' | 'process' | 'disk';

/** What an update wants done. */
export interface Change<T> {
  /** The bindings from now on; empty removes the address-of-record; undefined leaves everything as it is. */
  readonly bindings: readonly Binding[] | undefined;
  /** Handed through to whoever asked for the update. */
  readonly result: T;
}

/** How an update ended. */
export interface Updated<T> {
  /** Of the last time that the change was worked out: the one that counts. */
  readonly result: T;
  /**
   * False when the change was not written because the table is full: it would have brought in another address-of-record. Those that
   * are there can always be refreshed and removed. What has expired counts until `takeExpired` has taken it out.
   */
  readonly isStored: boolean;
}

/** Bindings that ended and have been taken out. */
export interface Expired {
  readonly aor: string;
  /** Those that ended, the earliest first. */
  readonly bindings: readonly Binding[];
}

export interface LocationStore {
  readonly durability: Durability;

  /** The bindings of `aor` in the order in which they came; expired ones may be among them. Empty: there are none. */
  read(aor: string): Promise<readonly Binding[]>;

  /**
   * Changes the bindings of `aor`. `change` is shown the present ones (expired ones may be among them) and says what is to become of
   * them. It is pure: a store may call it again when somebody else was faster, and only the last call counts. What it throws rejects
   * the update, and nothing is changed.
   */
  update<T>(aor: string, change: (current: readonly Binding[]) => Change<T>): Promise<Updated<T>>;

  /**
   * Takes out what has expired at `nowMs`, in the order of the time at which the first binding of an address-of-record ended, at most
   * `limit` address-of-records; the others of those keep their place. Each ended binding is handed out once, however many stores ask.
   * Fewer than `limit` come back: there are no more. Never looks at what has not expired.
   */
  takeExpired(nowMs: number, limit: number): Promise<readonly Expired[]>;

  /** When the next binding ends, ms since 1970, perhaps a time that has passed; `Infinity` when there is none. For whoever sets the alarm. */
  nextExpiryMs(): Promise<number>;

  /** Address-of-records that are kept, expired ones that nobody has taken out included. */
  count(): Promise<number>;

  /**
   * Every address-of-record with its bindings, in no particular order. What comes or goes meanwhile may or may not be seen; what is there
   * all the time comes at least once. For the command line, not for calls.
   */
  entries(): AsyncIterable<readonly [aor: string, bindings: readonly Binding[]]>;

  /** Waits for what is under way and closes; may be called twice. Anything asked after that rejects with `LocationUnavailable`. */
  close(): Promise<void>;
}

/** The store cannot be reached, or has been closed: 503, and try again. */
export class LocationUnavailable extends Error {
  override readonly name = 'LocationUnavailable';
  /** For programs; never changes its meaning. */
  readonly code = 'VD_LOCATION_UNAVAILABLE';
}
