/** The parser over whole messages: frame and header fields, then what a proxy validates; and its search for line ends, by itself. */
import { ByteWords } from '../../src/sip/byte-words.js';
import { MessageView } from '../../src/sip/message.js';
import { COPIES, placeMessages, type PlacedMessage } from '../workloads/placed-messages.js';
import { MESSAGES, REQUESTS } from '../workloads/sized-messages.js';
import { consume, groupOfTasks, type Task } from './benchmark.js';

const LF = 0x0a;

function parsing(message: PlacedMessage): Task {
  const { name, bytes, memory, starts, isRequest } = message;
  const view = new MessageView(256);
  return {
    name: `parse and validate ${name}`,
    operations: COPIES,
    bytes: bytes.length,
    run: () => {
      for (let i = 0; i < COPIES; i++) {
        const start = starts[i]!;
        const fault = view.parse(memory, start, start + bytes.length);
        consume(fault + (isRequest ? view.validateRequest() : view.validateResponse()) + view.fieldCount);
      }
    },
  };
}

/** Why the parser looks at words: the same search a byte at a time. */
function lineEnds({ name, bytes, memory, starts }: PlacedMessage): Task[] {
  const words = new ByteWords();
  words.attach(memory);
  return [
    {
      name: `line ends by words, ${name}`,
      operations: COPIES,
      bytes: bytes.length,
      run: () => {
        for (let copy = 0; copy < COPIES; copy++) {
          const end = starts[copy]! + bytes.length;
          for (let i = starts[copy]!; i < end; i++) {
            i = words.lineFeed(i, end);
            consume(i);
          }
        }
      },
    },
    {
      name: `line ends by bytes, ${name}`,
      operations: COPIES,
      bytes: bytes.length,
      run: () => {
        for (let copy = 0; copy < COPIES; copy++) {
          const end = starts[copy]! + bytes.length;
          for (let i = starts[copy]!; i < end; i++) {
            while (i < end && memory[i] !== LF) i++;
            consume(i);
          }
        }
      },
    },
  ];
}

export const parser = groupOfTasks('parser', 'one message as offsets, and what a proxy has to be sure of', () => [
  ...placeMessages(MESSAGES).map(parsing),
  ...placeMessages([REQUESTS[1]!, REQUESTS[4]!]).flatMap(lineEnds),
]);
