/** The keyed hash behind keys and branches: key of a request, branch made from it, branch read back. */
import { BRANCH_BYTES, BranchView, hashBranch, readBranch, writeBranch } from '../../src/proxy/branch.js';
import { ascii } from '../../src/sip/chars.js';
import { ViaView, parseVia } from '../../src/sip/via.js';
import { branchHasher, upstreamHasher } from '../../src/transaction/key.js';
import { hashUpstreamKey } from '../../src/transaction/upstream-key.js';
import { consume, groupOfTasks, type Task } from './benchmark.js';

const OPERATIONS = 256;
const SECRET = Uint32Array.from([1, 2, 3, 4]);

function tasks(): Task[] {
  const upstream = upstreamHasher(SECRET);
  const branches = branchHasher(SECRET);
  const vias = ['SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKnashds7', `SIP/2.0/UDP edge-7.carrier.example.net:5070;branch=z9hG4bK${'5d1c'.repeat(12)}`].map(ascii);
  const out = new Uint8Array(4096);
  const view = new BranchView();
  writeBranch(out, 0, 1, 2, 3, 0x12345678, 0x76543210);
  return [
    ...vias.map((bytes, i): Task => {
      const via = new ViaView();
      parseVia(bytes, 0, bytes.length, via);
      return {
        name: `key of a ${i === 0 ? 'short' : 'long'} Via, ${bytes.length} bytes`,
        operations: OPERATIONS,
        run: () => {
          for (let n = 0; n < OPERATIONS; n++) {
            hashUpstreamKey(upstream, bytes, via);
            consume(upstream.lo);
          }
        },
      };
    }),
    {
      name: 'branch of a target',
      operations: OPERATIONS,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) {
          hashBranch(branches, n, 0x2545f491, 0);
          consume(branches.lo);
        }
      },
    },
    {
      name: 'branch written',
      operations: OPERATIONS,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) consume(writeBranch(out, 64 + (n & 31) * 64, 1, 2, 3, n, n));
      },
    },
    {
      name: 'branch read',
      operations: OPERATIONS,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) consume(readBranch(out, 0, BRANCH_BYTES, view) ? view.lo : 0);
      },
    },
  ];
}

export const branchHash = groupOfTasks('branch-hash', 'transaction keys and branches, without the message around them', tasks);
