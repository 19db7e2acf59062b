/** What an operator may tune of the registrar, and its defaults. Plain data, any thread; checked by whoever reads the configuration. */

/**
 * What is done with the Path of a REGISTER (RFC 3327 §5.3).
 * - `supported`: kept when the client says `Supported: path`; otherwise the REGISTER is refused with 420.
 * - `always`: kept in any case, and told to the clients that say `Supported: path`. For edge proxies in front of clients that do not
 *   know of Path.
 * - `never`: ignored.
 */
export type PathMode = 'supported' | 'always' | 'never';

/**
 * What happens to a contact more than `contactsMax` allows.
 * - `refuse`: the REGISTER is answered with 403, and nothing changes.
 * - `replace-oldest`: the bindings that went longest without a refresh make room.
 */
export type ContactsFullMode = 'refuse' | 'replace-oldest';

export interface RegistrarSettings {
  /** Lifetime of a binding whose client asks for none, seconds. */
  readonly expiresDefaultS: number;
  /** Shortest lifetime that is granted, seconds, at most 3600: a shorter one is refused with 423 (RFC 3261 §10.3 step 7). 0: any. */
  readonly expiresMinS: number;
  /** Longest lifetime that is granted, seconds: a longer one is shortened to it. At least `expiresMinS`. */
  readonly expiresMaxS: number;
  /** Bindings of one user, 1 to `BINDINGS_MAX`. */
  readonly contactsMax: number;
  readonly contactsFull: ContactsFullMode;
  readonly path: PathMode;
  /** Whether `reg-id` counts (RFC 5626). */
  readonly outbound: boolean;
  /** Whether clients that ask for one get a public GRUU (RFC 5627). */
  readonly gruu: boolean;
  /** Service-Route values for every 200, each a whole value with its brackets (RFC 3608 §6.3). */
  readonly serviceRoute: readonly Uint8Array[];
}

export const REGISTRAR_DEFAULTS: RegistrarSettings = {
  expiresDefaultS: 3600,
  expiresMinS: 60,
  expiresMaxS: 7200,
  contactsMax: 10,
  contactsFull: 'refuse',
  path: 'supported',
  outbound: true,
  gruu: true,
  serviceRoute: [],
};
