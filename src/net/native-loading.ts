/**
 * Keeps threads from being ended while they load native code. Node aborts the whole process when a thread is terminated (or
 * the process exits) in the middle of that: the library's calls into the JavaScript engine fail, and it knows no other way
 * out. So a thread announces that it loads, and whoever ends threads waits for the announced ones and holds back further
 * ones meanwhile. One pair of words for all threads of the process, handed down as environment data of its workers.
 */
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';

const KEY = 'viaduct.nativeLoading';
/** Threads that load. */
const W_LOADING = 0;
/** Those who end threads just now: nobody begins to load. */
const W_ENDING = 1;
/** Loading takes some 20 ms; a thread that needs longer than this is stuck, and ended all the same. */
const LONGEST_LOAD_MS = 2000;

let words: Int32Array | undefined;

/** To be called in the thread that makes workers, before it makes any that call `whileLoading`. */
export function shareNativeLoading(): void {
  if (words !== undefined) return;
  const inherited = getEnvironmentData(KEY);
  if (inherited instanceof SharedArrayBuffer) {
    words = new Int32Array(inherited);
    return;
  }
  const made = (words = new Int32Array(new SharedArrayBuffer(8)));
  setEnvironmentData(KEY, made.buffer);
  // An exit ends the workers as well; nothing that waits for the event loop would run any more.
  process.on('exit', () => holdLoading(made));
}

/** Runs `load`, which loads native code, when nobody ends threads. Blocks meanwhile, in a worker thread alone. */
export function whileLoading<T>(load: () => T): T {
  if (isMainThread) return load();
  const inherited = getEnvironmentData(KEY);
  if (!(inherited instanceof SharedArrayBuffer)) return load();
  const shared = new Int32Array(inherited);
  for (;;) {
    Atomics.add(shared, W_LOADING, 1);
    const ending = Atomics.load(shared, W_ENDING);
    if (ending === 0) break;
    leave(shared);
    Atomics.wait(shared, W_ENDING, ending);
  }
  try {
    return load();
  } finally {
    leave(shared);
  }
}

/** Runs `end`, which ends worker threads, when none of them loads native code; until it has settled none begins to. */
export async function whileEnding<T>(end: () => Promise<T>): Promise<T> {
  if (words === undefined) return end();
  holdLoading(words);
  try {
    return await end();
  } finally {
    Atomics.sub(words, W_ENDING, 1);
    Atomics.notify(words, W_ENDING);
  }
}

function holdLoading(shared: Int32Array): void {
  Atomics.add(shared, W_ENDING, 1);
  for (let loading = Atomics.load(shared, W_LOADING); loading > 0; loading = Atomics.load(shared, W_LOADING)) {
    if (Atomics.wait(shared, W_LOADING, loading, LONGEST_LOAD_MS) === 'timed-out') return;
  }
}

function leave(shared: Int32Array): void {
  Atomics.sub(shared, W_LOADING, 1);
  Atomics.notify(shared, W_LOADING);
}
