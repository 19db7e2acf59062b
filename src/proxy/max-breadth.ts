/**
 * Max-Breadth (RFC 5393 §5): how many branches a request may have at a time, counted over all proxies on its way. Each proxy
 * divides what came in among the branches that it has pending, so that no fork of forks ever grows beyond it.
 *
 * Targets of one `relay([…])` share the whole breadth. A target tried when nothing is pending gets the whole of it again
 * (§5.3.3). What a script relays to while earlier branches are pending gets a breadth of 1 each, as long as there are
 * not more pending than the breadth allows: the earlier ones have shared all of it by then, and cannot be told to give some
 * back. That lets one Max-Breadth of ours out twice, in favour of scripts that ring one phone after another. Pure.
 */
import type { MessageView } from '../sip/message.js';

/** Nothing bounds the breadth, and no header says so. */
export const UNBOUNDED = -1;
/** No breadth is left for another branch. */
export const EXHAUSTED = 0;

/**
 * Breadth that a request came with: its own, cut to `maxBreadth` (§5.3.3), or `maxBreadth` where it has none. With
 * `maxBreadth` 0 (`proxy.maxBreadth`) its own, whatever it is, or `UNBOUNDED`.
 */
export function incomingBreadth(view: MessageView, maxBreadth: number): number {
  if (view.breadth < 0) return maxBreadth === 0 ? UNBOUNDED : maxBreadth;
  return maxBreadth > 0 && view.breadth > maxBreadth ? maxBreadth : view.breadth;
}

/** How the breadth of a request is divided among the targets of one relay. */
export class BreadthShares {
  /** Branches that still fit. */
  #left = 0;
  /** Breadth of each, and how many of the first get one more. */
  #each = 0;
  #larger = 0;

  /**
   * @param incoming of `incomingBreadth`
   * @param pending branches without a final response
   * @param targets of this relay, at least 1
   */
  divide(incoming: number, pending: number, targets: number): void {
    if (incoming < 0) {
      this.#left = targets;
      this.#each = UNBOUNDED;
      this.#larger = 0;
    } else if (pending > 0) {
      this.#left = Math.max(0, incoming - pending);
      this.#each = 1;
      this.#larger = 0;
    } else {
      this.#left = incoming;
      this.#each = targets >= incoming ? 1 : Math.floor(incoming / targets);
      this.#larger = targets >= incoming ? 0 : incoming % targets;
    }
  }

  /** Breadth for the next branch: its Max-Breadth, `UNBOUNDED`, or `EXHAUSTED`. Stays until `taken`. */
  get next(): number {
    if (this.#left === 0) return EXHAUSTED;
    return this.#larger > 0 ? this.#each + 1 : this.#each;
  }

  /** The next branch has been sent. A target that could not be leaves its share to the others. */
  taken(): void {
    this.#left--;
    if (this.#larger > 0) this.#larger--;
  }
}
