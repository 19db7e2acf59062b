/** Where the control socket is when nobody says: a name that server and `viaduct stats` both come to. Any thread. */
import { existsSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const PIPE_FOLDER = '\\\\.\\pipe\\';

/**
 * The socket of the user's instance whose first listener has port `firstPort`, in the user's runtime folder or else in
 * the one for temporary files. With port 0 the process is named instead: nothing else tells such instances apart.
 */
export function defaultControlSocket(firstPort: number): string {
  const instance = firstPort === 0 ? `process-${process.pid}` : String(firstPort);
  if (process.platform === 'win32') return `${PIPE_FOLDER}viaduct-${userInfo().username}-${instance}`;
  return join(runtimeFolder(), `viaduct-${process.getuid?.() ?? 0}-${instance}.sock`);
}

/** Whether `path` is the name of a Windows pipe, which is no file. */
export function isPipeName(path: string): boolean {
  return path.startsWith(PIPE_FOLDER) || path.startsWith('\\\\?\\pipe\\');
}

/** Removes the socket file of a process that is about to end without closing its control socket. */
export function removeSocketFile(path: string | undefined): void {
  if (path !== undefined && !isPipeName(path)) rmSync(path, { force: true });
}

function runtimeFolder(): string {
  const folder = process.env['XDG_RUNTIME_DIR'];
  return folder !== undefined && folder !== '' && existsSync(folder) ? folder : tmpdir();
}
