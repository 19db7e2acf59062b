/** What keeps `viaduct load` from doing what it was asked for. Main thread. */

/** A coded error (see the table in `src/errors.ts`); the message is ready to be shown to the operator. */
export class LoadError extends Error {
  constructor(
    readonly code: 'VD_LOAD_USAGE' | 'VD_LOAD_FILE' | 'VD_LOAD_UNREACHABLE' | 'VD_LOAD_START' | 'VD_LOAD_THREAD' | 'VD_LOAD_WATCH',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'LoadError';
  }
}
