/**
 * The timer wheel, with few and with many timers armed: armed and cancelled, as a retransmission timer whose answer comes at once;
 * armed and left to fire, as the timers that keep a finished transaction; and time that passes with nothing to do.
 */
import { TICK_MS, TimerWheel } from '../../src/timer/wheel.js';
import { SeededRandom } from '../workloads/random-keys.js';
import { consume, groupOfTasks, type Scale, type Task } from './benchmark.js';

const OPERATIONS = 1024;
const T1_MS = 500;
/** Timers J, K and L, and how long 600,000 transactions lie about. */
const LINGER_MS = 32_000;
/** Much later than anything here lasts, most of the time. */
const FAR_MS = 2 ** 30;

function tasksFor(armed: number): Task[] {
  const random = new SeededRandom(armed);
  const label = `${armed.toLocaleString('en')} armed`;
  const nodes = armed + OPERATIONS;
  let nowMs = 1000;

  // None of these is ever due: time stands still.
  const still = new TimerWheel(nodes, { onTimer: consume });
  still.advance(nowMs);
  for (let node = 1; node <= armed; node++) still.arm(node, random.below(LINGER_MS));

  // As many are armed as fire, forever: each is armed again when it does.
  const turning: TimerWheel = new TimerWheel(nodes, { onTimer: (node) => { turning.arm(node, LINGER_MS); } });
  turning.advance(nowMs);
  for (let node = 1; node <= armed; node++) turning.arm(node, 1 + random.below(LINGER_MS));
  const ticks = Math.max(1, Math.ceil((OPERATIONS / armed) * (LINGER_MS / TICK_MS)));
  const fired = (ticks * armed) / (LINGER_MS / TICK_MS);

  return [
    {
      name: `armed and cancelled, ${label}`,
      operations: OPERATIONS,
      run: () => {
        for (let n = 1; n <= OPERATIONS; n++) still.arm(armed + n, T1_MS);
        for (let n = 1; n <= OPERATIONS; n++) still.cancel(armed + n);
      },
    },
    {
      name: `fired and armed again, ${label}`,
      operations: fired,
      run: () => {
        for (let tick = 0; tick < ticks; tick++) {
          nowMs += TICK_MS;
          turning.advance(nowMs);
        }
      },
    },
    {
      name: `next deadline, ${label}`,
      operations: OPERATIONS,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) consume(still.nextDeadlineMs());
      },
    },
  ];
}

function idle(): Task {
  const wheel: TimerWheel = new TimerWheel(1, { onTimer: (node) => { wheel.arm(node, FAR_MS); } });
  let nowMs = 0;
  wheel.advance(nowMs);
  wheel.arm(1, FAR_MS);
  return {
    name: 'a tick with nothing due',
    operations: OPERATIONS,
    run: () => {
      for (let n = 0; n < OPERATIONS; n++) {
        nowMs += TICK_MS;
        wheel.advance(nowMs);
      }
    },
  };
}

export const timerWheel = groupOfTasks('timer-wheel', 'one timer of a transaction', ({ isQuick }: Scale) => [
  ...(isQuick ? [600, 6_000] : [6_000, 600_000]).flatMap(tasksFor),
  idle(),
]);
