/**
 * Picks the UDP driver and opens the sockets with it. Main thread, at start.
 */
import { loadLibc, type Libc } from '../net/libc.js';
import { UdpBatchDriver } from '../net/udp-batch.js';
import { UdpDgramDriver } from '../net/udp-dgram.js';
import { ListenError, type UdpDriverOptions } from '../net/udp-driver.js';
import { Doorbell, EventFdBell } from '../ring/doorbell.js';
import { StartError } from './start-error.js';

/** How the driver was picked: with the libc of the batch driver, or without and why. */
export type DriverChoice =
  | { readonly kind: 'batch'; readonly libc: Libc }
  | { readonly kind: 'dgram'; readonly reason: string | undefined };

/** `auto` is batch wherever that works. Throws `StartError` VD_DRIVER_UNAVAILABLE when batch is asked for and does not. */
export function chooseDriver(wanted: 'auto' | 'batch' | 'dgram'): DriverChoice {
  if (wanted === 'dgram') return { kind: 'dgram', reason: undefined };
  const loaded = loadLibc();
  if (loaded.libc !== undefined) return { kind: 'batch', libc: loaded.libc };
  if (wanted === 'batch') {
    const text = `io.driver: found batch, which cannot be used here: ${loaded.reason}; allowed: auto, dgram`;
    throw new StartError('VD_DRIVER_UNAVAILABLE', text);
  }
  return { kind: 'dgram', reason: loaded.reason };
}

/** An open driver with the bell that wakes main. */
export type OpenDriver =
  | { readonly kind: 'batch'; readonly libc: Libc; readonly driver: UdpBatchDriver; readonly bell: EventFdBell; close(): Promise<void> }
  | { readonly kind: 'dgram'; readonly driver: UdpDgramDriver; readonly bell: Doorbell; close(): Promise<void> };

/**
 * Opens the sockets; `bellMemory` is the word of main's bell. Throws `StartError` VD_LISTEN_IN_USE or
 * VD_LISTEN_UNAVAILABLE. `close` closes the sockets and the bell; every shard must have ended before.
 */
export async function openDriver(
  choice: DriverChoice, bellMemory: SharedArrayBuffer, options: Omit<UdpDriverOptions, 'bell'>,
): Promise<OpenDriver> {
  try {
    if (choice.kind === 'batch') return openBatch(choice.libc, bellMemory, options);
    const driver = await UdpDgramDriver.open(options);
    return { kind: 'dgram', driver, bell: new Doorbell(bellMemory), close: () => driver.close() };
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    const code = error.code === 'ERR_LISTEN_ADDRESS_IN_USE' ? 'VD_LISTEN_IN_USE' : 'VD_LISTEN_UNAVAILABLE';
    throw new StartError(code, error.message, { cause: error });
  }
}

function openBatch(libc: Libc, bellMemory: SharedArrayBuffer, options: Omit<UdpDriverOptions, 'bell'>): OpenDriver {
  const bell = new EventFdBell(libc, bellMemory, libc.eventfd());
  try {
    const driver = UdpBatchDriver.open(libc, { ...options, bell });
    const close = async (): Promise<void> => {
      await driver.close();
      libc.close(bell.fd);
    };
    return { kind: 'batch', libc, driver, bell, close };
  } catch (error) {
    libc.close(bell.fd);
    throw error;
  }
}
