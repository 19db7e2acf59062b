/** Why a server could not start, where the module that found the problem says it in its own words. Main thread. */

/** A coded error of the start (see the table in `errors.ts`); the message is ready to be shown to the operator. */
export class StartError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
    this.code = code;
  }
}
