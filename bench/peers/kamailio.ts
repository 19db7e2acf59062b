/** Starts Kamailio with kamailio.cfg of this folder, in a temporary folder, on a free port: the peer of the macro benchmarks. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil, type ProcessGroup } from '../../test/e2e/process-group.js';
import { answersProbe } from '../../test/e2e/sip-socket.js';
import { freePort, type ProxyUnderTest } from '../macro/proxy.js';
import { ROOT } from '../results.js';

/**
 * `-x fm`: the fast allocator; with the one that is the default, which looks for errors, Kamailio takes several times the CPU. `-m`: it
 * keeps a finished transaction for 5 s, about 10 KB each, so 512 MB are used up by 4,000 calls/s; what is not used costs nothing.
 */
export const KAMAILIO_FLAGS = ['-DD', '-E', '-x', 'fm', '-m', '4096', '-M', '16'];

const START_MS = 15_000;

/** The first line of `kamailio -v`; throws an Error that says what to install when there is no Kamailio. */
export function kamailioVersion(): string {
  const { error, stdout } = spawnSync('kamailio', ['-v'], { encoding: 'utf8', timeout: 10_000 });
  if (error !== undefined) throw new Error('Kamailio is missing, the peer of this benchmark: apt-get install kamailio (Debian, Ubuntu), or measure Viaduct alone with npm run bench');
  return stdout.split('\n', 1)[0]!.replace(/^version: /, '').replace(/\s*\(.*$/, '').trim();
}

export async function startKamailio(group: ProcessGroup): Promise<ProxyUnderTest> {
  const version = kamailioVersion();
  const folder = group.newFolder('kamailio');
  const [port, calleePort] = [await freePort(), await freePort()];
  const template = readFileSync(join(ROOT, 'bench/peers/kamailio.cfg'), 'utf8');
  const file = join(folder, 'kamailio.cfg');
  writeFileSync(file, template.replace('udp:LISTEN', `udp:127.0.0.1:${port}`).replace('"NEXT_HOP_PORT"', `"${calleePort}"`));
  const child = group.start('kamailio', ['-f', file, '-Y', folder, '-w', folder, ...KAMAILIO_FLAGS], { cwd: folder, detached: true });
  const pid = child.process.pid!;
  let ended = false;
  void child.exited.then(() => (ended = true));
  // Its processes are a group: killing the first one alone would leave the others behind.
  process.once('exit', () => {
    if (!ended) process.kill(-pid, 'SIGKILL');
  });
  let answers = false;
  await waitUntil(async () => ended || (answers = await answersProbe({ host: '127.0.0.1', port }, START_MS)), START_MS, () => `kamailio does not start:\n${child.output()}`);
  if (!answers) throw new Error(`kamailio ended instead of starting:\n${child.output()}`);
  return {
    label: 'kamailio',
    description: `${version.charAt(0).toUpperCase()}${version.slice(1)}, ${KAMAILIO_FLAGS.join(' ')}, 1 child`,
    pid,
    port,
    calleePort,
    // Processes of a thread each: the busiest is the worker, the others are the main process and its timers.
    roleOf: ({ rank }) => (rank === 0 ? 'worker' : 'other'),
    counters: () => Promise.resolve(undefined),
    output: () => child.output(),
    ended: () => ended,
    stop: async () => {
      child.process.kill('SIGTERM');
      await child.exited;
    },
  };
}
