/**
 * The hard bounds of everything around the core, each with its reason. What an operator may tune is a setting with a
 * range instead (src/config/schema.ts). Constants only, any thread.
 */

/** Shards of one server. A shard id is one byte in our branches; far fewer threads than that keep a main thread busy. */
export const SHARDS_MAX = 64;

/** Listeners of one server: each costs a socket and two socket buffers, and its index travels with every message. */
export const LISTENERS_MAX = 64;

/** Largest UDP payload over IPv4, bytes: 65,535 less the IP and UDP headers. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** Server transactions, and branches, of one shard: more than a core can carry in the 32 s that a finished one stays. */
export const TRANSACTIONS_MAX = 4_000_000;

/** Stored messages of one shard, bytes: their places are signed 32-bit offsets into one array, which holds more than them. */
export const STORE_BYTES_MAX = 1536 * 1024 * 1024;

/** A configuration file is a page or two; a bigger one is the wrong file. */
export const CONFIG_FILE_BYTES_MAX = 1024 * 1024;

/** Problems of one configuration that are printed: beyond these, the first ones are what the operator needs. */
export const CONFIG_PROBLEMS_MAX = 50;

/** A found value in an error message is cut here, so that a message stays a line. */
export const FOUND_TEXT_CHARS_MAX = 60;

/** One request on the control socket, bytes: a command and a few arguments. Each connection may make main hold one. */
export const CONTROL_REQUEST_BYTES_MAX = 64 * 1024;

/** One answer on the control socket, bytes. The largest, statistics of 64 shards, is under 128 KiB. */
export const CONTROL_ANSWER_BYTES_MAX = 1024 * 1024;

/** Items of one list or mapping in a frame: a claim of more would have memory reserved before a byte of it has come. */
export const CONTROL_ITEMS_MAX = 16_384;

/** Clients of one control socket at a time: an operator, a collector, and a watch or two; the next is turned away. */
export const CONTROL_CONNECTIONS_MAX = 32;

/** Requests of one control connection that wait for their answer. More than that is a client gone wrong. */
export const CONTROL_PENDING_MAX = 64;

/** Time in which a control server must answer before the client gives up. Its main thread is never busy that long. */
export const CONTROL_TIMEOUT_MS = 5_000;

/** Path of a Unix domain socket, bytes: `sun_path` has 108 on Linux and 104 on the BSDs and macOS, with its final NUL. */
export const SOCKET_PATH_BYTES_MAX = 103;
