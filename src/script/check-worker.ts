/**
 * Thread in which `checkScript` loads a script for trial: connections and timers that its top level starts end with
 * the thread. Posts the list of load problems, empty when the script loads.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { instantiateScript, type CompiledScript } from './load.js';
import { ScriptLoadError, type ScriptProblem } from './load-error.js';

let problems: readonly ScriptProblem[] = [];
try {
  await instantiateScript(workerData as CompiledScript);
} catch (error) {
  if (!(error instanceof ScriptLoadError)) throw error;
  problems = error.problems;
}
parentPort?.postMessage(problems);
