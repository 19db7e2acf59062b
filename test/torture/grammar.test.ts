/**
 * The torture messages of RFC 4475 and RFC 5118 through the message parser alone: what it accepts, and the status with
 * which it refuses the rest. What only the proxy decides (420, 483, the broadcast address) is the parser's to let pass.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MessageView } from '../../src/sip/message.js';
import { PE_NONE, errorReason, errorStatus } from '../../src/sip/parse-error.js';

interface Entry {
  name: string;
  file: string;
  title: string;
  syntactically_valid: boolean | null;
  proxy_action: string;
  response_codes: number[];
}

/** Statuses that a fault in the message itself can lead to; any other belongs to a later step. */
const PARSER_STATUSES = [400, 416, 505];
const MAX_FIELDS = 128;

function parseAll(bytes: Uint8Array, start: number, end: number, view: MessageView): number {
  const error = view.parse(bytes, start, end);
  if (error !== PE_NONE) return error;
  return view.isRequest ? view.validateRequest() : view.validateResponse();
}

/** Whether the parser has to refuse the message, has to accept it, or may do either. */
function verdictOf(entry: Entry): 'accept' | 'refuse' | 'either' {
  const rejects = entry.proxy_action === 'reject' || entry.proxy_action.startsWith('reject-or-sanitise');
  if (entry.syntactically_valid === false) return rejects || entry.proxy_action === 'drop' ? 'refuse' : 'either';
  if (entry.syntactically_valid === null) return 'either';
  return rejects && entry.response_codes.some((status) => PARSER_STATUSES.includes(status)) ? 'refuse' : 'accept';
}

for (const rfc of ['rfc4475', 'rfc5118']) {
  const folder = new URL(`../../../shared/${rfc}/`, import.meta.url);
  const index = new URL('index.json', folder);
  if (!existsSync(index)) {
    describe(rfc, () => {
      it('has its messages beside the repository', ({ skip }) => {
        const text = `the messages of ${rfc} are not in ../shared/${rfc}`;
        if (process.env['VIADUCT_REQUIRE_PEERS'] === '1') throw new Error(`${text}, and VIADUCT_REQUIRE_PEERS=1`);
        skip(text);
      });
    });
    continue;
  }
  const { messages } = JSON.parse(readFileSync(index, 'utf8')) as { messages: Entry[] };

  describe(rfc, () => {
    for (const entry of messages) {
      const bytes = new Uint8Array(readFileSync(new URL(entry.file, folder)));
      const verdict = verdictOf(entry);
      const title = verdict === 'accept' ? 'is accepted' : verdict === 'refuse' ? 'is refused' : 'does no harm';

      it(`${entry.name} (${entry.title}) ${title}`, () => {
        const view = new MessageView(MAX_FIELDS);
        const error = parseAll(bytes, 0, bytes.length, view);
        if (verdict === 'accept') expect(errorReason(error)).toBe('OK');
        if (verdict === 'refuse') {
          expect(error).not.toBe(PE_NONE);
          if (view.isRequest) expect(entry.response_codes).toContain(errorStatus(error));
        }
        if (verdict === 'either' && error !== PE_NONE) expect(entry.response_codes).toContain(errorStatus(error));
      });

      it(`${entry.name} gives the same answer wherever it stands in a buffer`, () => {
        const alone = parseAll(bytes, 0, bytes.length, new MessageView(MAX_FIELDS));
        const shifted = new Uint8Array(bytes.length + 64).fill(0x20);
        shifted.set(bytes, 32);
        expect(parseAll(shifted, 32, 32 + bytes.length, new MessageView(MAX_FIELDS))).toBe(alone);
      });

      it(`${entry.name} cut short at any octet is refused or is a message still, and never throws`, () => {
        const view = new MessageView(MAX_FIELDS);
        for (let length = 0; length < bytes.length; length++) {
          const error = parseAll(bytes, 0, length, view);
          expect(error === PE_NONE || errorStatus(error) >= 400).toBe(true);
        }
      });
    }
  });
}
