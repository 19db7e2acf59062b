/** The transaction table, with as many entries as 100 and as 10,000 calls a second leave in it: found, not found, made and given back. */
import { M_INVITE } from '../../src/sip/methods.js';
import { TransactionTable } from '../../src/transaction/table.js';
import { SeededRandom, shuffled } from '../workloads/random-keys.js';
import { consume, groupOfTasks, type Scale, type Task } from './benchmark.js';

const OPERATIONS = 1024;
/** Keys are looked up in an order of their own, this many before it comes round. */
const LOOKUPS = 1 << 16;

function tasksFor(entries: number): Task[] {
  const random = new SeededRandom(entries);
  const table = new TransactionTable(entries + 1);
  const keys = new Int32Array(entries * 2);
  for (let i = 0; i < entries; i++) {
    keys[i * 2] = random.next();
    keys[i * 2 + 1] = random.next();
    table.insert(table.allocate(), keys[i * 2]!, keys[i * 2 + 1]!, M_INVITE);
  }
  const order = shuffled(0, entries, random);
  const count = Math.min(LOOKUPS, entries);
  let next = 0;
  const label = `${entries.toLocaleString('en')} entries`;
  return [
    {
      name: `found, ${label}`,
      operations: OPERATIONS,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) {
          const i = order[next]! * 2;
          next = next + 1 === count ? 0 : next + 1;
          consume(table.find(keys[i]!, keys[i + 1]!, M_INVITE));
        }
      },
    },
    {
      name: `not found, ${label}`,
      operations: OPERATIONS,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) consume(table.find(random.next(), n, M_INVITE));
      },
    },
    {
      name: `made and given back, ${label}`,
      operations: OPERATIONS,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) {
          const id = table.allocate();
          table.insert(id, random.next(), n, M_INVITE);
          table.release(id);
        }
      },
    },
  ];
}

export const transactionLookup = groupOfTasks('transaction-lookup', 'the table of transactions, small and large', ({ isQuick }: Scale) =>
  (isQuick ? [600, 6_000] : [6_000, 600_000]).flatMap(tasksFor),
);
