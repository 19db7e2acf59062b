/**
 * Makes a fresh clone ready: installs the packages of the lock file and builds dist/, each only when it is missing or
 * stale. `npm start` and `npm test` begin with it; it needs nothing but Node.
 *
 *     node scripts/setup.mjs                     set up
 *     node scripts/setup.mjs --run [ARGS …]      set up, then `viaduct run ARGS …` in this process
 *     node scripts/setup.mjs --load [ARGS …]     the same with `viaduct load ARGS …`
 *     node scripts/setup.mjs --tune [ARGS …]     the same with `viaduct tune ARGS …`
 *
 * Two at once are safe: one works, the other waits; and dist/ is replaced as a whole once its build has succeeded.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Where a build notes what it was built from. */
const STAMP = 'dist/.source-hash';
/** Commands of Viaduct that are run once all is set up. */
const COMMANDS = { '--run': 'run', '--load': 'load', '--tune': 'tune' };
const LOCK_WAIT_MS = 300_000;
const LOCK_POLL_MS = 100;

/** A failure that is fully said by its message. */
class SetupError extends Error {}

/** Whether `version` (`v20.19.1`) satisfies `range` of the form `>=20.19`. */
export function satisfies(version, range) {
  const numbers = (text) => text.replace(/^[^\d]*/, '').split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [has, wants] = [numbers(version), numbers(range)];
  for (const [i, want] of wants.entries()) if ((has[i] ?? 0) !== want) return (has[i] ?? 0) > want;
  return true;
}

/**
 * Whether the installed packages are those of the lock file: both given parsed, `installed` is what npm notes in
 * node_modules/.package-lock.json, undefined when there is none. What another platform needs may be missing, and so may
 * what only development needs when `production`.
 */
export function packagesAreFresh(lock, installed, production) {
  if (installed === undefined) return false;
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '') return true;
    const present = installed.packages[path];
    if (present !== undefined) return present.version === wanted.version;
    return wanted.optional === true || wanted.devOptional === true || wanted.peer === true || (production && wanted.dev === true);
  });
}

/** A hash over everything that a build of `root` is made from. */
export function sourceHash(root) {
  const sources = readdirSync(join(root, 'src'), { recursive: true }).filter((name) => name.endsWith('.ts')).map((name) => `src/${name.replaceAll('\\', '/')}`);
  const hash = createHash('sha256');
  for (const name of [...sources.sort(), 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json', 'scripts/local-bindings.mjs']) {
    hash.update(`${name}\0`).update(readFileSync(join(root, name))).update('\0');
  }
  return hash.digest('hex');
}

function readJson(name) {
  try {
    return JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
  } catch {
    return undefined;
  }
}

function packagesNeeded(production) {
  return !packagesAreFresh(readJson('package-lock.json'), readJson('node_modules/.package-lock.json'), production);
}

function buildNeeded() {
  const stamp = join(ROOT, STAMP);
  return !existsSync(stamp) || readFileSync(stamp, 'utf8') !== sourceHash(ROOT) || !existsSync(join(ROOT, 'dist/cli/main.js'));
}

function say(text) {
  process.stderr.write(`viaduct set-up: ${text}\n`);
}

function install() {
  say('installing the packages of package-lock.json …');
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  // Started by npm, the same npm goes on; else the one on the PATH, which on Windows is a script for the shell.
  const [command, all] = npm !== undefined && /\.c?js$/.test(npm) ? [process.execPath, [npm, ...args]] : ['npm', args];
  const { status, error } = spawnSync(command, all, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'], shell: command === 'npm' && process.platform === 'win32' });
  if (error !== undefined) throw new SetupError(`npm cannot be started: ${error.message}`);
  if (status !== 0) throw new SetupError(`npm ci failed (exit code ${status}); its messages stand above`);
}

async function build() {
  say('building …');
  const hash = sourceHash(ROOT);
  // What a set-up that was killed halfway has left; the lock says that nobody works on it.
  for (const name of readdirSync(ROOT).filter((entry) => /^dist\.\d+(\.old)?\.tmp$/.test(entry))) rmSync(join(ROOT, name), { recursive: true, force: true });
  const fresh = join(ROOT, `dist.${process.pid}.tmp`);
  try {
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const args = [compiler, '-p', 'tsconfig.build.json', '--outDir', fresh, '--tsBuildInfoFile', join(fresh, '.tsbuildinfo')];
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
    if (status !== 0) throw new SetupError(`the build failed:\n${stdout}`);
    // Not before: it needs the packages.
    const { bindLocally } = await import('./local-bindings.mjs');
    bindLocally(fresh);
    chmodSync(join(fresh, 'cli/main.js'), 0o755);
    writeFileSync(join(fresh, STAMP.replace('dist/', '')), hash);
    replaceDist(fresh);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Two renames: whoever reads dist/ meanwhile sees the old one or the new one, whole. */
function replaceDist(fresh) {
  const dist = join(ROOT, 'dist');
  const old = join(ROOT, `dist.${process.pid}.old.tmp`);
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  rmSync(old, { recursive: true, force: true });
}

/** Runs `work` while no other set-up of this clone runs. The lock is a file with the process id of its holder. */
export async function withLock(file, work) {
  const since = Date.now();
  let waiting = false;
  while (!tryLock(file)) {
    if (!waiting) say('another set-up is at work, waiting for it …');
    waiting = true;
    if (Date.now() - since > LOCK_WAIT_MS) throw new SetupError(`another set-up does not finish; if none is at work, remove ${file}`);
    await sleep(LOCK_POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryLock(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    removeDeadLock(file);
    return false;
  }
}

function removeDeadLock(file) {
  let holder;
  try {
    holder = readFileSync(file, 'utf8');
  } catch {
    return;
  }
  // Empty: its holder is just writing it.
  if (holder === '' || isAlive(Number(holder))) return;
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    // Somebody else may have been quicker: then this is a living lock, and goes back.
    if (readFileSync(aside, 'utf8') !== holder && !existsSync(file)) renameSync(aside, file);
    else rmSync(aside, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function lockFile() {
  const clone = createHash('sha256').update(ROOT).digest('hex').slice(0, 12);
  return join(tmpdir(), `viaduct-setup-${process.getuid?.() ?? 'user'}-${clone}.lock`);
}

async function main(args) {
  const { engines } = readJson('package.json');
  if (!satisfies(process.version, engines.node)) {
    throw new SetupError(`Viaduct needs Node ${engines.node}, this is ${process.version}. Get a newer one from https://nodejs.org`);
  }
  const command = COMMANDS[args[0]];
  const run = command !== undefined;
  if (packagesNeeded(run) || buildNeeded()) {
    await withLock(lockFile(), async () => {
      if (packagesNeeded(run)) install();
      if (buildNeeded()) await build();
    });
  }
  if (!run) return;
  // In this process: signals and the terminal need no forwarding.
  const program = join(ROOT, 'dist/cli/main.js');
  process.argv = [process.execPath, program, command, ...args.slice(1)];
  await import(pathToFileURL(program).href);
}

// Imported by its test, it does nothing.
if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    say(error instanceof SetupError ? error.message : error.stack);
    process.exitCode = 1;
  }
}
