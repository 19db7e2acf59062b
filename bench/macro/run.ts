/**
 * The macro benchmarks: Viaduct as a whole, alone or in turns with Kamailio or with another build of itself. All processes start
 * first, are warmed up, and stay up through all rounds. See `--help` (options.ts).
 */
import { ProcessGroup } from '../../test/e2e/process-group.js';
import { kamailioVersion, startKamailio } from '../peers/kamailio.js';
import { measure } from './measure.js';
import { HELP, macroOptions, type MacroOptions, type Part } from './options.js';
import { cpuPart, delayPart, floorPart, handoverPart, maxPart, sippPart } from './parts.js';
import type { ProxyUnderTest } from './proxy.js';
import { progress } from './show.js';
import { requireSipp } from './sipp.js';
import { startViaduct } from './viaduct.js';

/** The rate at which a process is warmed up, at most. */
const WARM_UP_PER_S = 3000;

async function run(options: MacroOptions): Promise<void> {
  if (process.platform !== 'linux') throw new Error('the macro benchmarks read CPU time from /proc, which only Linux has');
  // Before anything takes time: what is missing for a part that comes last.
  if (options.parts.includes('sipp')) requireSipp();
  if (options.peers) kamailioVersion();
  const group = new ProcessGroup('bench');
  const proxies: ProxyUnderTest[] = [];
  try {
    for (const build of options.builds) proxies.push(await startViaduct(group, build));
    if (options.peers) proxies.push(await startKamailio(group));
    for (const proxy of proxies) progress(`${proxy.label}: ${proxy.description}`);
    await warmUp(group, proxies, options);
    const context = { group, proxies, options };
    const wanted = (part: Part): boolean => options.parts.includes(part);
    if (wanted('cpu')) await cpuPart(context);
    if (wanted('handover')) await handoverPart(context, (more) => warmUp(group, more, options));
    if (wanted('floor')) await floorPart(context);
    const best = wanted('max') ? await maxPart(context) : undefined;
    if (wanted('delay')) await delayPart(context, best);
    if (wanted('sipp')) await sippPart(context);
  } finally {
    for (const proxy of proxies) if (!proxy.ended()) await proxy.stop();
    await group.dispose();
  }
}

async function warmUp(group: ProcessGroup, proxies: readonly ProxyUnderTest[], options: MacroOptions): Promise<void> {
  if (options.warmUpS === 0) return;
  const ratePerS = Math.min(WARM_UP_PER_S, Math.max(...options.ratesPerS));
  for (const proxy of proxies) {
    progress(`warm-up of ${proxy.label}: ${options.warmUpS} s at ${ratePerS} calls/s`);
    await measure(group, proxy, { ratePerS, round: 0, seconds: options.warmUpS, settleS: 0 });
  }
}

/** The program: `args` as on the command line. Sets the exit code; errors are one line on standard error. */
export async function macroBenchmarks(args: readonly string[], withKamailio: boolean): Promise<void> {
  process.on('SIGINT', () => process.exit(130)); // the children are ended on exit
  process.on('SIGTERM', () => process.exit(143));
  try {
    const options = macroOptions(args, withKamailio);
    if (options === undefined) process.stdout.write(HELP);
    else await run(options);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
