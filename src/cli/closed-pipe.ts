/** Output that nobody reads any more, as in `viaduct load --help | head -1`: the command ends, and says nothing. Main thread. */

/** As a shell counts a process that was ended by SIGPIPE. */
const CLOSED_PIPE_EXIT_CODE = 141;

/** From now on, writing to a closed pipe ends the process. Any other error of standard output or standard error is thrown as before. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(CLOSED_PIPE_EXIT_CODE);
    });
  }
}
