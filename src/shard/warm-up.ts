/**
 * A task that does nothing in a thread that is to stay spare: the pool has loaded the modules of a shard there before, and
 * what a shard loads besides is loaded here. Runs in a worker thread of the pool.
 */
import { loadLibc } from '../net/libc.js';

/** Loads what a shard will ask for. */
export default function warmUp(): void {
  loadLibc();
}
