/** The process in which one group is measured: started by main.ts with the name of the group and `quick` or `full`, answers with its rows. */
import { FULL_SCALE, QUICK_SCALE } from './benchmark.js';
import { GROUPS } from './groups.js';

const [, , name, scale] = process.argv;
const group = GROUPS.find((candidate) => candidate.name === name);
if (group === undefined || process.send === undefined) throw new Error('this is started by bench/micro/main.ts');
const rows = await group.measure(scale === 'quick' ? QUICK_SCALE : FULL_SCALE);
process.send(rows, () => { process.exit(0); });
