/** Output that cannot be written: nobody reads it any more, as in `viaduct load --help | head -1`, or the disk is full. The command ends. Main thread. */
import { systemReason } from '../errors.js';

/** As a shell counts a process that was ended by SIGPIPE. */
const CLOSED_PIPE_EXIT_CODE = 141;
const UNWRITABLE_EXIT_CODE = 1;

/** From now on, writing to a closed pipe ends the process without a word; any other error of standard output or standard error, with one line. */
export function endWithReader(): void {
  for (const [stream, name] of [[process.stdout, 'standard output'], [process.stderr, 'standard error']] as const) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(CLOSED_PIPE_EXIT_CODE);
      // About standard error there is nowhere to say it.
      if (stream === process.stdout) process.stderr.write(`viaduct: cannot write to ${name}: ${systemReason(error)}\n`);
      process.exit(UNWRITABLE_EXIT_CODE);
    });
  }
}
