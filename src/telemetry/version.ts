/** The version of this package, read once from its package.json. Any thread. */
import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');

/** As in `0.1.0`. */
export const VERSION = (JSON.parse(text) as { version: string }).version;
