/**
 * Where this installation of Viaduct lies: routing scripts anywhere on the machine import `viaduct` from it, with no
 * `node_modules` beside them. Used by the script loader and checker, in any thread.
 *
 * The root is two folders up both from `dist/script/` and from `src/script/`, so tests that run the sources hand
 * scripts the same built module as the product does.
 */
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

/** URL of the module that `import … from 'viaduct'` loads. */
export const PUBLIC_MODULE_URL: string = new URL('dist/index.js', ROOT).href;

/** The same as a path. */
export const PUBLIC_MODULE_FILE: string = fileURLToPath(PUBLIC_MODULE_URL);

/** Path of the module that `import … from 'viaduct/load'` loads, in scenario files of the load generator. */
export const PUBLIC_LOAD_FILE: string = fileURLToPath(new URL('dist/load/index.js', ROOT));

/** Path of its type declarations. */
export const PUBLIC_TYPES_FILE: string = fileURLToPath(new URL('dist/index.d.ts', ROOT));

/** Folder of the installation. */
export const INSTALLATION_DIR: string = fileURLToPath(ROOT);

/** The module that evaluates a script in a thread of its own for `checkScript`. */
export const CHECK_WORKER_URL: URL = new URL('dist/script/check-worker.js', ROOT);
