/**
 * The hard bounds of one binding and of one REGISTER, each with its reason. What an operator may tune is in `settings.ts`.
 * Constants only, any thread.
 */

/** Contact URI, bytes. The longest in the field (push parameters of mobile clients) have 600; beyond this the answer is 400. */
export const CONTACT_BYTES_MAX = 1024;

/** Call-ID, bytes: it is stored with every binding. Beyond this the answer is 400. */
export const CALL_ID_BYTES_MAX = 256;

/** Path values of one REGISTER, each a proxy between the phone and us. Beyond this the answer is 400. */
export const PATH_VALUES_MAX = 8;

/** All Path values of one REGISTER, bytes. Beyond this the answer is 400. */
export const PATH_BYTES_MAX = 2048;

/** User-Agent as stored, bytes: a longer one is cut, since it is there for people to read. */
export const USER_AGENT_BYTES_MAX = 128;

/** Instance id, bytes: a `urn:uuid:` has 45. A longer one is no instance id. */
export const INSTANCE_BYTES_MAX = 256;

/** Contact values of one REGISTER: a phone sends one or two. Each is compared with each binding. Beyond this the answer is 403. */
export const REGISTER_CONTACTS_MAX = 32;

/** Highest reg-id (RFC 5626 §4.2 begins at 1 and wants few). A higher one is no reg-id. */
export const REG_ID_MAX = 0x7fffffff;

/** Largest expires value, seconds: what 32 bits hold (RFC 3261 §20.19). A larger one counts as this. */
export const EXPIRES_S_MAX = 0xffffffff;

/** What a malformed expires parameter counts as, seconds (RFC 3261 §20.10). */
export const EXPIRES_S_MALFORMED = 3600;

/** Bindings of one address-of-record; `contactsMax` cannot be set higher. */
export const BINDINGS_MAX = 1000;
