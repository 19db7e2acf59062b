/** Who calls and is called: names as bytes in the thread's memory, passwords on request. */
import type { LoadOptions, LoadUser } from '../options.js';
import type { Literals } from './template-writer.js';

type UserSource = LoadOptions['users'];

/** How many users there are, at least 1. */
export function userCount(users: UserSource): number {
  return Math.max(1, users.kind === 'list' ? users.list.length : users.count);
}

/** User number `index`, 0 to `userCount` - 1. Generated ones are `user0` with password `<password>0`, and so on. */
export function userAt(users: UserSource, index: number): LoadUser {
  if (users.kind === 'list') return users.list[index] ?? { name: 'user', password: '' };
  return { name: `user${index}`, password: `${users.password}${index}` };
}

export class UserNames {
  readonly count: number;
  /** Names as they stand in URIs: where each begins, and one more for the end of the last. */
  readonly at: Int32Array;
  /** Length of the longest, and of all together. */
  readonly longest: number = 0;
  readonly bytes: number = 0;
  private byName: Map<string, number> | undefined;

  constructor(private readonly users: UserSource, literals: Literals) {
    this.count = userCount(users);
    this.at = new Int32Array(this.count + 1);
    for (let i = 0; i < this.count; i++) {
      const { start, length } = literals.addText(escapeUser(userAt(users, i).name));
      this.at[i] = start;
      this.at[i + 1] = start + length;
      this.bytes += length;
      if (length > this.longest) this.longest = length;
    }
  }

  user(index: number): LoadUser {
    return userAt(this.users, index);
  }

  /** Number of the user called `name`, -1 when there is none. */
  find(name: string): number {
    if (this.users.kind === 'generated') {
      const index = /^user(\d{1,9})$/.test(name) ? Number(name.slice(4)) : -1;
      return index < this.count ? index : -1;
    }
    this.byName ??= new Map(this.users.list.map((user, index) => [user.name, index]));
    return this.byName.get(name) ?? -1;
  }
}

/** What may not stand in the user part of a URI is escaped (RFC 3261 §25.1). */
function escapeUser(name: string): string {
  return encodeURIComponent(name).replace(/%(26|3D|2B|24|2C|3B|3F|2F)/g, (escaped) => decodeURIComponent(escaped));
}
