/**
 * Who sent a datagram, packed into one number that goes along with it: so that a failed send finds its transaction, and
 * never a later one that got the same record. Pure.
 */

// An owner (see `Outbox.commit`) is a record in 31 bits: id, 8 bits of its generation, table.
export const OWNER_ID_SHIFT = 9;
export const OWNER_GENERATION_MASK = 0xff;

/** Records whose failed sends can be told apart: ids beyond are sent without an owner. */
const OWNER_ID_MAX = (1 << (31 - OWNER_ID_SHIFT)) - 1;

/** Owner of a datagram of record `id`; `side` is 1 for client transactions, 0 for server transactions; -1 beyond the ids that can be told. */
export function ownerOf(id: number, generation: number, side: number): number {
  if (id > OWNER_ID_MAX) return -1;
  return (id << OWNER_ID_SHIFT) | ((generation & OWNER_GENERATION_MASK) << 1) | side;
}
