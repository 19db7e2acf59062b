/** `viaduct load`: the load generator. */
import { Command } from 'commander';
import { METRIC_LINES } from '../load/report/thresholds.js';
import { BUILT_IN_SCENARIOS } from '../load/scenario/built-in.js';
import { addLoadFlags, flagsGiven, type LoadFlags } from './load-flags.js';

/** The end of `--help`. */
function helpText(): string {
  const scenarios = BUILT_IN_SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`).join('\n');
  return `
Scenarios:
${scenarios}
  mix         all of them, as a telephone network has them

Conditions of --fail-if are METRIC OPERATOR VALUE; metrics:
  ${METRIC_LINES.join('\n  ')}

Examples:
  viaduct load                                          100 calls/s for 20 s through a proxy on 127.0.0.1:5060
  viaduct load --rate 2000 --duration 30s --warm-up 5s  more of them, figures without the beginning
  viaduct load --mix call=8,cancel=2 --ring 1s-3s --hold exp:30s --rate 500
  viaduct load --find-max --max-p99 20ms --watch-pid $(pgrep -o kamailio)
  viaduct load --rate 500 --json a.json --html a.html --fail-if 'p99 > 20ms' --fail-if 'failures > 0.01%'
  viaduct load --compare a.json b.json
  viaduct load --role uas --listen 10.0.0.5:5070        only take calls, until Ctrl+C

Exit code: 0 it went well; 1 a condition of --fail-if came true, the result is invalid, or no call succeeded;
2 it could not begin. Ctrl+C ends the run and prints the results so far, a second one stops at once.`;
}

/** The command. */
export function loadCommand(): Command {
  const command = new Command('load').description('Place and take calls through a proxy, and measure it.');
  return addLoadFlags(command).addHelpText('after', helpText).action(async (flags: LoadFlags) => {
    // Only this command needs the generator with all that it loads.
    const { load } = await import('./load-action.js');
    await load(flags, flagsGiven(command));
  });
}
