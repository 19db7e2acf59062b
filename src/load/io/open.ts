/** Opens the sockets of a load thread with the driver that the run asks for. */
import { loadLibc } from '../../net/libc.js';
import type { ListenAddress } from '../../net/udp-driver.js';
import type { LoadOptions } from '../options.js';
import { BatchIo } from './batch-io.js';
import { DgramIo } from './dgram-io.js';
import type { LoadIo, LoadMemory } from './load-io.js';

/** Socket buffers asked for, bytes: a burst of thousands of messages has to wait somewhere while the thread is busy. */
const SOCKET_BUFFER_BYTES = 8 * 1024 * 1024;

/** Opens `addresses` in order; `stamped`: with the kernel's time stamps where the driver can. Rejects with ListenError, or an Error when the batch driver was asked for and does not work here. */
export async function openLoadIo(driver: LoadOptions['driver'], addresses: readonly ListenAddress[], memory: LoadMemory, stamped: boolean): Promise<LoadIo> {
  if (driver === 'dgram') return DgramIo.open(addresses, memory, SOCKET_BUFFER_BYTES);
  const loaded = loadLibc();
  if (loaded.libc !== undefined) return BatchIo.open(loaded.libc, addresses, memory, SOCKET_BUFFER_BYTES, stamped);
  if (driver === 'batch') throw new Error(`the batch driver does not work here: it ${loaded.reason}`);
  return DgramIo.open(addresses, memory, SOCKET_BUFFER_BYTES);
}
