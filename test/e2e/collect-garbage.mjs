/**
 * Loaded into the proxy by the memory test (`node --expose-gc --import`): collects all garbage of its thread every two
 * seconds, so that resident memory shows what is held and not what waits to be collected.
 */
import { setInterval } from 'node:timers';

setInterval(() => globalThis.gc?.(), 2000).unref();
