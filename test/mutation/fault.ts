/** What a deliberate fault is, and how it gets into a source: as a changed text in memory, never in the tree. Pure. */

/** One change: `find`, which must stand exactly once in `file`, becomes `replace`. */
export interface Edit {
  /** Below the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Fault extends Edit {
  /** Short, in words: what is wrong now. */
  readonly name: string;
  /** The hard cases that it breaks, by their numbers in docs/cancel-and-retransmissions.md with `, ` between; else the part of the engine. */
  readonly case: string;
  /** Further guards that have to fall before anything can go wrong: the engine often has two. */
  readonly also?: readonly Edit[];
  /** Tests that catch it, where the simulation cannot see it: below `test/`. */
  readonly tests?: readonly string[];
}

/** The fault is out of date: its text stands nowhere, or in several places. */
export class StaleFault extends Error {}

/** The edits of a fault by file. */
export function editsOf(fault: Fault): ReadonlyMap<string, readonly Edit[]> {
  const edits = new Map<string, Edit[]>();
  for (const edit of [fault, ...(fault.also ?? [])]) edits.set(edit.file, [...(edits.get(edit.file) ?? []), edit]);
  return edits;
}

/** The source of `file` with the fault in it. Throws `StaleFault`. */
export function applyFault(fault: Fault, file: string, source: string): string {
  const stale = (problem: string): StaleFault => new StaleFault(`fault "${fault.name}" no longer matches its source: ${problem}`);
  for (const { find, replace } of editsOf(fault).get(file) ?? []) {
    const first = source.indexOf(find);
    if (first < 0) throw stale(`${file} does not contain ${JSON.stringify(find)}`);
    if (source.indexOf(find, first + 1) >= 0) throw stale(`${file} contains ${JSON.stringify(find)} more than once`);
    if (find === replace) throw stale('it changes nothing');
    source = source.slice(0, first) + replace + source.slice(first + find.length);
  }
  return source;
}
