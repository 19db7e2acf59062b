/** The one error of the simulator: what was expected, what came, and the ladder that led there. */
import { nearest } from '../config/suggest.js';

/** This folder, as it stands in stack traces: as a URL, and as a path. */
const OWN_URL = new URL('./', import.meta.url).href;
const OWN_PATH = decodeURIComponent(new URL('./', import.meta.url).pathname);

/** What an assertion of the simulator throws. Its message ends with the ladder so far, so that no debugger is needed. */
export class SimulationError extends Error {
  /** For test runners that show a difference: what was expected, and what came. Set where both are lists. */
  readonly expected?: string;
  readonly actual?: string;

  /** @internal */
  constructor(message: string, difference?: { readonly expected: string; readonly actual: string }) {
    super(message);
    this.name = 'SimulationError';
    // The first frame that a test runner shows is the line of the test, not one of ours.
    const [head = '', ...frames] = (this.stack ?? '').split('\n    at ');
    if (frames.length > 0) this.stack = [head, ...frames.filter((frame) => !frame.includes(OWN_URL) && !frame.includes(OWN_PATH))].join('\n    at ');
    if (difference !== undefined) {
      this.expected = difference.expected;
      this.actual = difference.actual;
    }
  }
}

/** Refuses options that do not exist, for those who write tests without a type checker. */
export function refuseUnknown(what: string, given: object, known: readonly string[]): void {
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    throw new TypeError(`${what} has no option "${key}": ${near === undefined ? `the options are ${known.join(', ')}` : `did you mean "${near}"?`}`);
  }
}
