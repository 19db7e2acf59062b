/** All micro benchmarks, in the order in which a message meets what they measure. */
import type { Group } from './benchmark.js';
import { branchHash } from './branch-hash.js';
import { call } from './call.js';
import { copy } from './copy.js';
import { parser } from './parser.js';
import { ring } from './ring.js';
import { routerKey } from './router-key.js';
import { scriptDispatch } from './script-dispatch.js';
import { serializer } from './serializer.js';
import { timerWheel } from './timer-wheel.js';
import { transactionLookup } from './transaction-lookup.js';
import { udp } from './udp.js';

export const GROUPS: readonly Group[] = [
  routerKey, ring, parser, transactionLookup, timerWheel, branchHash, scriptDispatch, serializer, call, copy, udp,
];
