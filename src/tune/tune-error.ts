/** What keeps `viaduct tune` from doing what it was asked for. Main thread. */

/** A coded error (see the table in `src/errors.ts`); the message is ready to be shown to the operator. */
export class TuneError extends Error {
  constructor(
    readonly code: 'VD_TUNE_USAGE' | 'VD_TUNE_UNSUPPORTED' | 'VD_TUNE_PROXY' | 'VD_TUNE_CALLS' | 'VD_TUNE_FILE' | 'VD_TUNE_WRITE',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'TuneError';
  }
}
