/**
 * Writes a changed configuration: into a file beside it, which then takes its place, so that whoever reads it meanwhile sees the
 * old text or the new one. Mode and owner stay. Main thread.
 */
import { accessSync, chmodSync, chownSync, closeSync, constants, fsyncSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, basename } from 'node:path';
import { systemReason } from '../errors.js';
import { TuneError } from './tune-error.js';

/** Throws a TuneError when `file` could not be replaced later. */
export function refuseUnwritableConfig(file: string): void {
  try {
    const target = realpathSync(file);
    accessSync(target, constants.W_OK);
    accessSync(dirname(target), constants.W_OK);
  } catch (error) {
    throw unwritable(file, error);
  }
}

/** Replaces the text of `file`, which has to be `before` still. Throws a TuneError, and then the file is as it was. */
export function writeConfig(file: string, before: string, after: string): void {
  let fresh: string | undefined;
  try {
    // A link stays a link: what it leads to is replaced.
    const target = realpathSync(file);
    if (readFileSync(target, 'utf8') !== before) throw new TuneError('VD_TUNE_WRITE', `${file} was changed by somebody else meanwhile: nothing was written`);
    const { mode, uid, gid } = statSync(target);
    const beside = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
    const descriptor = openSync(beside, 'wx', 0o600);
    fresh = beside;
    try {
      writeFileSync(descriptor, after);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    keepOwner(fresh, uid, gid);
    chmodSync(fresh, mode & 0o7777);
    renameSync(fresh, target);
    fresh = undefined;
  } catch (error) {
    throw error instanceof TuneError ? error : unwritable(file, error);
  } finally {
    if (fresh !== undefined) rmSync(fresh, { force: true });
  }
}

/** Only root can give a file away; for others it is their own already, or stays so. */
function keepOwner(file: string, uid: number, gid: number): void {
  try {
    chownSync(file, uid, gid);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error;
  }
}

function unwritable(file: string, error: unknown): TuneError {
  return new TuneError('VD_TUNE_WRITE', `cannot write ${file}: ${systemReason(error)}; viaduct tune --dry-run only measures and prints`, { cause: error });
}
