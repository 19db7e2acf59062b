/** The process in which allocations are counted: started with MEASURING_FLAGS and the number of calls, answers with what it found. */
import { coreAllocations } from './core.js';

const [, , calls, measurements] = process.argv;
if (process.send === undefined) throw new Error('this is started by bench/alloc/main.ts');
const found = await coreAllocations(Number(calls), Number(measurements));
process.send(found, () => { process.exit(0); });
