/** `npm run bench:macro`: Viaduct as a whole, alone or several builds of it in turns. */
import { macroBenchmarks } from './run.js';

await macroBenchmarks(process.argv.slice(2), false);
