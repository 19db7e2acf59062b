/**
 * The few C library functions that the batch driver needs, through koffi. Linux on x64 and arm64, glibc and musl; the
 * constants are the same on both processors. Each thread loads its own; descriptors are shared by the whole process.
 *
 * Every function returns what the C function returns: -1 stands for an error, and `errno()` right after it says which.
 * Memory is handed over as `Pointer`: a Uint8Array, or an address as a number, which is how a place inside a bigger
 * block is named without a view of it (see `addressOf`).
 */
import { createRequire } from 'node:module';
import { whileLoading } from './native-loading.js';

/** Memory for a call: the start of an array, an address from `addressOf` plus an offset, or NULL. */
export type Pointer = Uint8Array | number | null;

export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Pointer, addressBytes: number): number;
  getsockname(fd: number, address: Pointer, addressBytes: Pointer): number;
  setsockopt(fd: number, level: number, name: number, value: Pointer, valueBytes: number): number;
  getsockopt(fd: number, level: number, name: number, value: Pointer, valueBytes: Pointer): number;
  poll(pollfds: Pointer, count: number, timeoutMs: number): number;
  /** `timeout` is a struct timespec: waits finer than a millisecond. */
  ppoll(pollfds: Pointer, count: number, timeout: Pointer, signalMask: null): number;
  recvmmsg(fd: number, messages: Pointer, count: number, flags: number, timeout: null): number;
  sendmmsg(fd: number, messages: Pointer, count: number, flags: number): number;
  /** Sleeps for `timeout`, a struct timespec. */
  nanosleep(timeout: Pointer, remaining: null): number;
  prctl(option: number, value: number): number;
  read(fd: number, into: Pointer, bytes: number): number;
  write(fd: number, from: Pointer, bytes: number): number;
  close(fd: number): number;
  /** `into`: a struct timespec, two 64-bit words. */
  clockGettime(clock: number, into: Pointer): number;
  /** A new eventfd, non-blocking, closed on exec. Throws when the system has no descriptor left. */
  eventfd(): number;
  /** errno of the last call of this thread. */
  errno(): number;
  /**
   * Address of the first byte of `memory`. It stays valid while `memory` is referenced; ask only for arrays of 65 bytes
   * or more, or on an explicit ArrayBuffer: smaller ones may live in the movable heap.
   */
  addressOf(memory: Uint8Array): number;
}

export type LoadedLibc = { readonly libc: Libc } | { readonly libc: undefined; readonly reason: string };

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_CLOEXEC = 0x80000;
export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_RCVTIMEO = 20;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_TIMESTAMPNS = 35;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const CLOCK_REALTIME = 0;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_WAITFORONE = 0x10000;
export const POLLIN = 1;
export const POLLOUT = 4;
export const PR_SET_TIMERSLACK = 29;
const EFD_NONBLOCK = 0x800;
const EFD_CLOEXEC = 0x80000;

export const EPERM = 1;
export const EINTR = 4;
export const EBADF = 9;
export const EAGAIN = 11;
export const EACCES = 13;
export const EFAULT = 14;
export const EINVAL = 22;
export const ENOTSOCK = 88;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENOBUFS = 105;

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map([
  [EPERM, 'EPERM'], [EINTR, 'EINTR'], [EBADF, 'EBADF'], [EAGAIN, 'EAGAIN'], [EACCES, 'EACCES'], [EFAULT, 'EFAULT'],
  [EINVAL, 'EINVAL'], [23, 'ENFILE'], [24, 'EMFILE'], [ENOTSOCK, 'ENOTSOCK'], [EAFNOSUPPORT, 'EAFNOSUPPORT'],
  [EADDRINUSE, 'EADDRINUSE'], [EADDRNOTAVAIL, 'EADDRNOTAVAIL'], [ENOBUFS, 'ENOBUFS'],
]);

/** `EADDRINUSE` for 98; `errno 71` for one without a name here. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}

let loaded: LoadedLibc | undefined;

/** The C library, or why it cannot be used here (one line for the operator). Loaded once a thread. */
export function loadLibc(): LoadedLibc {
  loaded ??= load();
  return loaded;
}

function load(): LoadedLibc {
  if (process.platform !== 'linux') return { libc: undefined, reason: `needs Linux, this is ${process.platform}` };
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    return { libc: undefined, reason: `needs an x64 or arm64 processor, this is ${process.arch}` };
  }
  try {
    // A require inside of try, because koffi throws on import where its native part is missing.
    return whileLoading(() => {
      const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
      return { libc: bindFunctions(koffi, openLibrary(koffi)) };
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { libc: undefined, reason: `the C library could not be loaded: ${text.split('\n', 1)[0] ?? ''}` };
  }
}

function openLibrary(koffi: typeof import('koffi')): import('koffi').LibraryHandle {
  const musl = process.arch === 'x64' ? 'libc.musl-x86_64.so.1' : 'libc.musl-aarch64.so.1';
  let failure: unknown;
  for (const name of ['libc.so.6', musl]) {
    try {
      return koffi.load(name);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function bindFunctions(koffi: typeof import('koffi'), library: import('koffi').LibraryHandle): Libc {
  const eventfd = library.func('int eventfd(unsigned int initval, int flags)');
  return {
    socket: library.func('int socket(int domain, int type, int protocol)'),
    bind: library.func('int bind(int fd, void *addr, unsigned int len)'),
    getsockname: library.func('int getsockname(int fd, void *addr, void *len)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int name, void *val, unsigned int len)'),
    getsockopt: library.func('int getsockopt(int fd, int level, int name, void *val, void *len)'),
    poll: library.func('int poll(void *fds, unsigned long n, int timeout)'),
    ppoll: library.func('int ppoll(void *fds, unsigned long n, void *timeout, void *mask)'),
    recvmmsg: library.func('int recvmmsg(int fd, void *msgs, unsigned int n, int flags, void *timeout)'),
    sendmmsg: library.func('int sendmmsg(int fd, void *msgs, unsigned int n, int flags)'),
    nanosleep: library.func('int nanosleep(void *duration, void *remaining)'),
    prctl: library.func('int prctl(int option, unsigned long value)'),
    read: library.func('long read(int fd, void *buf, unsigned long n)'),
    write: library.func('long write(int fd, void *buf, unsigned long n)'),
    close: library.func('int close(int fd)'),
    clockGettime: library.func('int clock_gettime(int clock, void *into)'),
    eventfd(): number {
      const fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) as number;
      if (fd < 0) throw new Error(`eventfd: ${errnoName(koffi.errno())}`);
      return fd;
    },
    errno: () => koffi.errno(),
    addressOf: (memory) => Number(koffi.address(memory)),
  };
}
