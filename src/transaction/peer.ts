/** The peer of a transaction in its record: where requests came from and answers go, or where a request went. Pure. */
import type { Endpoint } from '../proxy/ports.js';
import { F_A0, F_A1, F_A2, F_A3, F_CONNECTION, F_FAMILY, F_LISTENER, F_PORT } from './table.js';

/** Writes the peer of the record at `at`. */
export function setEndpoint(records: Int32Array, at: number, from: Endpoint): void {
  records[at + F_LISTENER] = from.listener;
  records[at + F_FAMILY] = from.family;
  records[at + F_PORT] = from.port;
  records[at + F_A0] = from.a0;
  records[at + F_A1] = from.a1;
  records[at + F_A2] = from.a2;
  records[at + F_A3] = from.a3;
  records[at + F_CONNECTION] = from.connection;
}

/** Reads the peer of the record at `at` into `out`. */
export function readEndpoint(records: Int32Array, at: number, out: Endpoint): Endpoint {
  out.listener = records[at + F_LISTENER]!;
  out.family = records[at + F_FAMILY]!;
  out.port = records[at + F_PORT]!;
  out.a0 = records[at + F_A0]!;
  out.a1 = records[at + F_A1]!;
  out.a2 = records[at + F_A2]!;
  out.a3 = records[at + F_A3]!;
  out.connection = records[at + F_CONNECTION]!;
  return out;
}
