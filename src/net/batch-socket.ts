/**
 * Opens one UDP socket for the batch driver: socket, options, bind, and what the kernel made of it. Main thread, at
 * start; no state.
 */
import { SOCKADDR_SLOT_BYTES, formatListenAddress, parseAddress, readSockaddr, writeSockaddr } from './endpoint.js';
import {
  AF_INET, AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET, SO_RCVBUF, SO_RCVBUFFORCE,
  SO_SNDBUF, SO_SNDBUFFORCE, errnoName, type Libc,
} from './libc.js';
import { ListenError, type BoundListener, type ListenAddress } from './udp-driver.js';

/**
 * A bound socket in blocking mode; IPv6 ones take IPv6 alone. Throws ListenError (the descriptor is closed then).
 * Buffer sizes in bytes, 0 for the system's default.
 */
export function openBatchSocket(
  libc: Libc, address: ListenAddress, receiveBufferBytes: number, sendBufferBytes: number,
): BoundListener {
  const name = formatListenAddress(address);
  const words = parseAddress(address.host);
  if (words?.family !== address.family) throw new ListenError(name, 'EINVAL');
  const fd = libc.socket(address.family === 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new ListenError(name, errnoName(libc.errno()));
  const sockaddr = new Int32Array(new ArrayBuffer(SOCKADDR_SLOT_BYTES));
  const sockaddrBytes = new Uint8Array(sockaddr.buffer);
  const endpoint = { ...words, listener: 0, port: address.port, connection: 0 };
  const v6only = address.family === 4 || setOption(libc, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  setBuffer(libc, fd, SO_RCVBUFFORCE, SO_RCVBUF, receiveBufferBytes);
  setBuffer(libc, fd, SO_SNDBUFFORCE, SO_SNDBUF, sendBufferBytes);
  const length = new Int32Array(new ArrayBuffer(4));
  if (!v6only || libc.bind(fd, sockaddrBytes, writeSockaddr(sockaddr, 0, endpoint)) < 0) {
    const errno = libc.errno();
    libc.close(fd);
    throw new ListenError(name, errnoName(errno));
  }
  length[0] = SOCKADDR_SLOT_BYTES;
  libc.getsockname(fd, sockaddrBytes, new Uint8Array(length.buffer));
  readSockaddr(sockaddr, 0, endpoint);
  return {
    host: address.host,
    family: address.family,
    port: endpoint.port,
    askedReceiveBytes: receiveBufferBytes,
    receiveBytes: bufferBytes(libc, fd, SO_RCVBUF),
    fd,
  };
}

function setOption(libc: Libc, fd: number, level: number, option: number, value: number): boolean {
  return libc.setsockopt(fd, level, option, new Uint8Array(new Int32Array([value]).buffer), 4) === 0;
}

/** The forced option goes past rmem_max and wmem_max where the process may; the plain one is cut to them silently. */
function setBuffer(libc: Libc, fd: number, forced: number, plain: number, bytes: number): void {
  if (bytes <= 0) return;
  if (!setOption(libc, fd, SOL_SOCKET, forced, bytes)) setOption(libc, fd, SOL_SOCKET, plain, bytes);
}

/** Linux doubles what it is asked for, to cover its own overhead, and reports the double. */
function bufferBytes(libc: Libc, fd: number, option: number): number {
  const value = new Int32Array(new ArrayBuffer(4));
  const length = new Int32Array(new ArrayBuffer(4));
  length[0] = 4;
  libc.getsockopt(fd, SOL_SOCKET, option, new Uint8Array(value.buffer), new Uint8Array(length.buffer));
  return Math.floor(value[0]! / 2);
}
