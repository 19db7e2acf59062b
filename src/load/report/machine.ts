/** The machine that a result comes from. Main thread. */
import { cpus, release, totalmem, type } from 'node:os';
import type { Machine } from './result.js';

export function thisMachine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() || 'unknown',
    cores: cores.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.versions.node,
  };
}
