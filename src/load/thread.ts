/** Entry of a load thread: a worker of node:worker_threads whose `workerData` is a LoadThreadInit. */
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadThreadInit } from './control.js';
import { runLoadThread } from './run-thread.js';

const port = parentPort;
if (port === null) throw new Error('a load thread runs in a worker');
void runLoadThread(workerData as LoadThreadInit, (message) => { port.postMessage(message); }).then(() => { port.close(); });
