/** docs/state-machines.md with its pictures, made from `machines.ts` and `machine-names.ts`. Pure. */
import { diagrams, renderDiagram } from './machine-diagrams.js';
import { BEGINNINGS, STATE_NAMES, actionNames, eventName } from './machine-names.js';
import type { Machine, Transition } from './machines.js';

/** Where the pictures are, below `docs/`. */
const PICTURES = 'machines';

/** Everything that is made: text by its path below the root of the repository. */
export function renderMachineDocs(): Record<string, string> {
  const drawn = diagrams();
  const files: Record<string, string> = {};
  for (const diagram of drawn) files[`docs/${PICTURES}/${diagram.file}`] = renderDiagram(diagram);
  files['docs/state-machines.md'] = [
    '# The four transaction state machines',
    '',
    '<!-- Made from src/transaction/machines.ts by npm run docs:machines. Change it there. -->',
    '',
    'RFC 3261 §17 with the Accepted states of RFC 6026. The tables below are the code: `src/transaction/machines.ts` has these',
    'very rows as data, and `src/transaction/layer.ts` carries them out without a rule of its own about states. The tests compare',
    'every pair of state and event, illegal ones too, with a table written down from the RFC, in the data and through the layer.',
    '',
    'A pair that is not in a table is illegal and does nothing: a response is dropped and counted (`dropLateResponse`), an ACK',
    'likewise (`acksDropped`), a response that the proxy wants to send is refused to it, a timer or a failed send is ignored.',
    '',
    'Words: *tell the proxy*: hand the message, or what happened, to the proxy core, which forwards or decides. *absorb*: count',
    'a retransmission and send it no further. *forget*: give the memory of the stored message back, since nothing will be sent',
    'from here again. *script overdue*, *no answer in time*: bounds of our own, for a routing script that does not decide.',
    '',
    ...drawn.flatMap(({ machine, file }) => section(machine, file)),
  ].join('\n');
  return files;
}

function section(machine: Machine, file: string): string[] {
  const beginning = BEGINNINGS[machine.name]!;
  const title = `${machine.name[0]!.toUpperCase()}${machine.name.slice(1)} transaction`;
  return [
    `## ${title}`,
    '',
    `![States of the ${machine.name} transaction](${PICTURES}/${file})`,
    '',
    `It begins in ${STATE_NAMES[machine.initial]} when the ${beginning.event}: ${beginning.actions}.`,
    '',
    '| in | on | do | then | source |',
    '|---|---|---|---|---|',
    ...machine.rows.map(tableRow),
    '',
  ];
}

function tableRow(row: Transition): string {
  const { state, event, next, source } = row;
  const actions = actionNames(row).join(', ');
  return `| ${STATE_NAMES[state]} | ${eventName(state, event)} | ${actions === '' ? 'nothing' : actions} | ${STATE_NAMES[next]} | ${source} |`;
}
