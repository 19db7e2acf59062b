/** Threads that are ended while they load native code: Node would abort the process. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL('./end-while-loading.mjs', import.meta.url));

describe.skipIf(process.platform !== 'linux').concurrent('a thread that is ended while it loads native code', () => {
  test('does not take the process with it', { timeout: 60_000 }, async () => {
    await expect(run(process.execPath, [CHILD, 'terminate'], { timeout: 50_000 })).resolves.toMatchObject({ stdout: 'ended\n' });
  });

  test('lets the process exit in peace', { timeout: 60_000 }, async () => {
    for (let afterMs = 1; afterMs <= 16; afterMs++) await run(process.execPath, [CHILD, 'exit', String(afterMs)], { timeout: 20_000 });
  });
});
