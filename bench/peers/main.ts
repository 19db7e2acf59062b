/** `npm run bench:peers`: the macro benchmarks of Viaduct and Kamailio in turns. */
import { macroBenchmarks } from '../macro/run.js';

await macroBenchmarks(process.argv.slice(2), true);
