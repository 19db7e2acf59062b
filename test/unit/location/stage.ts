/** What the tests of this folder share: REGISTERs, bindings and answers as text. */
import { type Binding, RECEIVED_NOWHERE } from '../../../src/location/binding.js';
import { type RegisterContext, type RegisterOutcome, applyRegister } from '../../../src/location/register.js';
import { type RegisterReading, readRegister } from '../../../src/location/register-request.js';
import { REGISTRAR_DEFAULTS, type RegistrarSettings } from '../../../src/location/settings.js';
import { HEADER_NAMES } from '../../../src/sip/header-names.js';
import { MessageView } from '../../../src/sip/message.js';

/** A time to begin at. */
export const NOW_MS = 1_800_000_000_000;
export const AOR = 'alice@example.com';

/** Octets of a latin1 text. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** Latin1 text of octets. */
export function text(octets: Uint8Array): string {
  return Array.from(octets, (c) => String.fromCharCode(c)).join('');
}

export function binding(parts: Partial<Binding> = {}): Binding {
  return {
    contact: bytes('sip:alice@192.0.2.1:5062'),
    expiresMs: NOW_MS + 60_000,
    updatedMs: NOW_MS,
    q: -1,
    callId: bytes('c1'),
    cseq: 1,
    path: [],
    instance: bytes(''),
    regId: 0,
    userAgent: bytes(''),
    methods: 0,
    received: RECEIVED_NOWHERE,
    ...parts,
  };
}

export interface RegisterParts {
  readonly callId?: string;
  readonly cseq?: number;
  /** Header field lines beside those that every request has. */
  readonly lines?: readonly string[];
  /** Vias below the top one. */
  readonly lowerVias?: number;
}

/** The REGISTER with these parts, parsed and validated. */
export function message({ callId = 'c1', cseq = 1, lines = [], lowerVias = 0 }: RegisterParts): MessageView {
  const vias = Array.from({ length: lowerVias + 1 }, (_, i) => `Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK${i}`);
  const octets = bytes(
    [
      'REGISTER sip:example.com SIP/2.0',
      ...vias,
      'Max-Forwards: 70',
      'From: <sip:alice@example.com>;tag=f',
      'To: <sip:alice@example.com>',
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} REGISTER`,
      ...lines,
      '',
      '',
    ].join('\r\n'),
  );
  const view = new MessageView(200);
  view.parse(octets, 0, octets.length);
  view.validateRequest();
  return view;
}

export function read(parts: RegisterParts, settings: Partial<RegistrarSettings> = {}): RegisterReading {
  return readRegister(message(parts), { ...REGISTRAR_DEFAULTS, ...settings });
}

/** A user's bindings, to which one REGISTER after the other is applied. */
export class Registrar {
  bindings: readonly Binding[] = [];
  nowMs = NOW_MS;
  /** Whether the last request had anything written. */
  hasWritten = false;
  readonly settings: RegistrarSettings;

  constructor(settings: Partial<RegistrarSettings> = {}) {
    this.settings = { ...REGISTRAR_DEFAULTS, ...settings };
  }

  /** Status, reason and, in their order, the header fields of the answer. */
  register(parts: RegisterParts, context: Partial<RegisterContext> = {}): Answer {
    this.hasWritten = false;
    const { request, refusal } = readRegister(message(parts), this.settings);
    if (request === undefined) return new Answer({ answer: refusal, bindings: undefined });
    const outcome = applyRegister(request, this.bindings, { aor: AOR, nowMs: this.nowMs, received: RECEIVED_NOWHERE, ...context }, this.settings);
    if (outcome.bindings !== undefined) {
      this.bindings = outcome.bindings;
      this.hasWritten = true;
    }
    return new Answer(outcome);
  }

  /** The contact URIs that are bound. */
  get contacts(): string[] {
    return this.bindings.map(({ contact }) => text(contact));
  }
}

export class Answer {
  readonly status: number;
  readonly reason: string;
  readonly #fields: readonly (readonly [name: string, value: string])[];

  constructor(outcome: RegisterOutcome) {
    this.status = outcome.answer.status;
    this.reason = outcome.answer.reason;
    this.#fields = outcome.answer.fields.map(({ id, value }) => [HEADER_NAMES[id]!, text(value)] as const);
  }

  all(name: string): string[] {
    return this.#fields.filter((field) => field[0] === name).map((field) => field[1]);
  }

  get contacts(): string[] {
    return this.all('Contact');
  }
}
