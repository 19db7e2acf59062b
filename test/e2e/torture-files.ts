/**
 * The torture messages of RFC 4475 and RFC 5118 with what their index says of each. They lie beside the repository
 * (`../shared/rfc4475`, `../shared/rfc5118`); where they are absent, the list is empty, or in
 * continuous integration (VIADUCT_REQUIRE_PEERS=1) that is an error.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What a proxy is to do with a message: the index's own words. */
export type ProxyAction =
  | 'forward'
  | 'forward-or-404'
  | 'register-or-forward'
  | 'forward-or-reject'
  | 'reject'
  | 'reject-or-sanitise'
  | 'reject-or-2543'
  | 'drop'
  | 'response-forward-or-drop';

export interface TortureFile {
  /** `rfc4475/wsinv` */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly action: ProxyAction;
  /** Final answers that are right if the proxy answers. */
  readonly codes: readonly number[];
}

interface Index {
  readonly messages: readonly {
    readonly name: string;
    readonly file: string;
    readonly proxy_action: ProxyAction;
    readonly response_codes: readonly number[];
  }[];
}

const SHARED = fileURLToPath(new URL('../../../shared/', import.meta.url));

/** All messages of both folders, or those that are there. */
export function readTortureFiles(): TortureFile[] {
  return ['rfc4475', 'rfc5118'].flatMap((folder) => {
    const index = `${SHARED}${folder}/index.json`;
    if (!existsSync(index)) {
      const text = `${index} is absent`;
      if (process.env['VIADUCT_REQUIRE_PEERS'] === '1') throw new Error(`${text}, and VIADUCT_REQUIRE_PEERS=1`);
      console.warn(`${text}: its torture messages are skipped`);
      return [];
    }
    const { messages } = JSON.parse(readFileSync(index, 'utf8')) as Index;
    return messages.map(({ name, file, proxy_action, response_codes }) => ({
      name: `${folder}/${name}`,
      bytes: readFileSync(`${SHARED}${folder}/${file}`),
      action: proxy_action,
      codes: response_codes,
    }));
  });
}
