/**
 * The four machines as RFC 3261 §17 (figures 5 to 8) and RFC 6026 §7 have them, written down from there and not from
 * the code: every state, every event of the machine's role, what is illegal too. Sections without a number in front are
 * of RFC 3261. `illegal`: nothing may happen. The tests read this table; so may you.
 */

/** One pair: state, event, next state, actions, section. */
export type ExpectedRow = readonly [state: string, event: string, next: string, actions: string, section: string];

export interface ExpectedMachine {
  readonly states: readonly string[];
  readonly rows: readonly ExpectedRow[];
}

export const CLIENT_EVENTS: readonly string[] = [
  'receive 1xx',
  'receive 2xx',
  'receive 300-699',
  'retransmit timer',
  'lifetime timer',
  'transport error',
  'cancelled',
];
export const SERVER_EVENTS: readonly string[] = [
  'request again',
  'ACK',
  'send 1xx',
  'send 2xx',
  'send 300-699',
  'retransmit timer',
  'lifetime timer',
  'transport error',
];

const INVITE_CLIENT: ExpectedMachine = {
  states: ['Calling', 'Proceeding', 'Completed', 'Accepted'],
  rows: [
    ['Calling', 'receive 1xx', 'Proceeding', 'stop retransmitting, Timer C, tell', '§17.1.1.2, §16.6 step 11'],
    ['Calling', 'receive 2xx', 'Accepted', 'stop retransmitting, 64*T1 (Timer M), forget, tell', 'RFC 6026 §7.2'],
    ['Calling', 'receive 300-699', 'Completed', 'stop retransmitting, ack, Timer D, tell', '§17.1.1.2'],
    ['Calling', 'retransmit timer', 'Calling', 'resend, double (Timer A: no cap)', '§17.1.1.2'],
    ['Calling', 'lifetime timer', 'Terminated', 'tell, end (Timer B)', '§17.1.1.2'],
    ['Calling', 'transport error', 'Terminated', 'tell, end', '§17.1.4'],
    ['Calling', 'cancelled', 'illegal', 'no CANCEL before a provisional response', '§9.1'],

    ['Proceeding', 'receive 1xx', 'Proceeding', 'tell', '§17.1.1.2'],
    ['Proceeding', 'receive 2xx', 'Accepted', '64*T1 (Timer M), forget, tell', 'RFC 6026 §7.2'],
    ['Proceeding', 'receive 300-699', 'Completed', 'ack, Timer D, tell', '§17.1.1.2'],
    ['Proceeding', 'retransmit timer', 'illegal', 'Timer A has stopped', '§17.1.1.2'],
    ['Proceeding', 'lifetime timer', 'Proceeding', 'tell (Timer C, or 64*T1 after a CANCEL)', '§16.8, §9.1'],
    ['Proceeding', 'transport error', 'illegal', 'the request has arrived: nothing was sent', '§17.1.4'],
    ['Proceeding', 'cancelled', 'Proceeding', '64*T1', '§9.1'],

    ['Completed', 'receive 1xx', 'illegal', 'late', '§17.1.1.2'],
    ['Completed', 'receive 2xx', 'Completed', 'tell', '§16.7'],
    ['Completed', 'receive 300-699', 'Completed', 'absorb, ack again', '§17.1.1.2'],
    ['Completed', 'retransmit timer', 'illegal', 'Timer A has stopped', '§17.1.1.2'],
    ['Completed', 'lifetime timer', 'Terminated', 'end (Timer D)', '§17.1.1.2'],
    ['Completed', 'transport error', 'Terminated', 'end', '§17.1.4'],
    ['Completed', 'cancelled', 'illegal', 'it has its final response', '§9.1'],

    ['Accepted', 'receive 1xx', 'illegal', 'late', 'RFC 6026 §7.2'],
    ['Accepted', 'receive 2xx', 'Accepted', 'tell', 'RFC 6026 §7.2'],
    ['Accepted', 'receive 300-699', 'illegal', 'late', 'RFC 6026 §7.2'],
    ['Accepted', 'retransmit timer', 'illegal', 'Timer A has stopped', 'RFC 6026 §7.2'],
    ['Accepted', 'lifetime timer', 'Terminated', 'end (Timer M)', 'RFC 6026 §7.2'],
    ['Accepted', 'transport error', 'illegal', 'nothing is sent from here', 'RFC 6026 §7.2'],
    ['Accepted', 'cancelled', 'illegal', 'it has its final response', '§9.1'],
  ],
};

const NON_INVITE_CLIENT: ExpectedMachine = {
  states: ['Trying', 'Proceeding', 'Completed'],
  rows: [
    ['Trying', 'receive 1xx', 'Proceeding', 'tell', '§17.1.2.2'],
    ['Trying', 'receive 2xx', 'Completed', 'stop retransmitting, T4 (Timer K), forget, tell', '§17.1.2.2'],
    ['Trying', 'receive 300-699', 'Completed', 'stop retransmitting, T4 (Timer K), forget, tell', '§17.1.2.2'],
    ['Trying', 'retransmit timer', 'Trying', 'resend, double up to T2 (Timer E)', '§17.1.2.2'],
    ['Trying', 'lifetime timer', 'Terminated', 'tell, end (Timer F)', '§17.1.2.2'],
    ['Trying', 'transport error', 'Terminated', 'tell, end', '§17.1.4'],
    ['Trying', 'cancelled', 'illegal', 'only an INVITE is cancelled', '§9.1'],

    ['Proceeding', 'receive 1xx', 'Proceeding', 'tell', '§17.1.2.2'],
    ['Proceeding', 'receive 2xx', 'Completed', 'stop retransmitting, T4 (Timer K), forget, tell', '§17.1.2.2'],
    ['Proceeding', 'receive 300-699', 'Completed', 'stop retransmitting, T4 (Timer K), forget, tell', '§17.1.2.2'],
    ['Proceeding', 'retransmit timer', 'Proceeding', 'resend, interval T2 (Timer E)', '§17.1.2.2'],
    ['Proceeding', 'lifetime timer', 'Terminated', 'tell, end (Timer F)', '§17.1.2.2'],
    ['Proceeding', 'transport error', 'Terminated', 'tell, end', '§17.1.4'],
    ['Proceeding', 'cancelled', 'illegal', 'only an INVITE is cancelled', '§9.1'],

    ['Completed', 'receive 1xx', 'Completed', 'absorb', '§17.1.2.2'],
    ['Completed', 'receive 2xx', 'Completed', 'absorb', '§17.1.2.2'],
    ['Completed', 'receive 300-699', 'Completed', 'absorb', '§17.1.2.2'],
    ['Completed', 'retransmit timer', 'illegal', 'Timer E has stopped', '§17.1.2.2'],
    ['Completed', 'lifetime timer', 'Terminated', 'end (Timer K)', '§17.1.2.2'],
    ['Completed', 'transport error', 'illegal', 'nothing is sent from here', '§17.1.4'],
    ['Completed', 'cancelled', 'illegal', 'only an INVITE is cancelled', '§9.1'],
  ],
};

const INVITE_SERVER: ExpectedMachine = {
  states: ['Proceeding', 'Completed', 'Confirmed', 'Accepted'],
  rows: [
    ['Proceeding', 'request again', 'Proceeding', 'absorb, resend', '§17.2.1'],
    ['Proceeding', 'ACK', 'illegal', 'nothing to acknowledge yet', '§17.2.1'],
    ['Proceeding', 'send 1xx', 'Proceeding', 'send', '§17.2.1'],
    ['Proceeding', 'send 2xx', 'Accepted', 'send, 64*T1 (Timer L), forget', 'RFC 6026 §7.1'],
    ['Proceeding', 'send 300-699', 'Completed', 'send, start retransmitting (Timer G), 64*T1 (Timer H)', '§17.2.1'],
    ['Proceeding', 'retransmit timer', 'illegal', 'a provisional response is not retransmitted', '§17.2.1'],
    ['Proceeding', 'lifetime timer', 'Proceeding', 'tell', 'not of the RFC: the bound for a pending script'],
    ['Proceeding', 'transport error', 'Proceeding', '', 'RFC 6026 §7.1: it stays for the next retransmission'],

    ['Completed', 'request again', 'Completed', 'absorb, resend', '§17.2.1'],
    ['Completed', 'ACK', 'Confirmed', 'stop retransmitting, T4 (Timer I), forget', '§17.2.1'],
    ['Completed', 'send 1xx', 'illegal', 'a final response has been sent', '§17.2.1'],
    ['Completed', 'send 2xx', 'illegal', 'a final response has been sent', '§17.2.1'],
    ['Completed', 'send 300-699', 'illegal', 'a final response has been sent', '§17.2.1'],
    ['Completed', 'retransmit timer', 'Completed', 'resend, double up to T2 (Timer G)', '§17.2.1'],
    ['Completed', 'lifetime timer', 'Terminated', 'tell, end (Timer H)', '§17.2.1'],
    ['Completed', 'transport error', 'Completed', '', 'RFC 6026 §7.1'],

    ['Confirmed', 'request again', 'Confirmed', 'absorb', '§17.2.1'],
    ['Confirmed', 'ACK', 'Confirmed', 'absorb', '§17.2.1'],
    ['Confirmed', 'send 1xx', 'illegal', 'a final response has been sent', '§17.2.1'],
    ['Confirmed', 'send 2xx', 'illegal', 'a final response has been sent', '§17.2.1'],
    ['Confirmed', 'send 300-699', 'illegal', 'a final response has been sent', '§17.2.1'],
    ['Confirmed', 'retransmit timer', 'illegal', 'Timer G has stopped', '§17.2.1'],
    ['Confirmed', 'lifetime timer', 'Terminated', 'end (Timer I)', '§17.2.1'],
    ['Confirmed', 'transport error', 'illegal', 'nothing is sent from here', '§17.2.4'],

    ['Accepted', 'request again', 'Accepted', 'absorb', 'RFC 6026 §7.1'],
    ['Accepted', 'ACK', 'Accepted', 'tell', 'RFC 6026 §7.1'],
    ['Accepted', 'send 1xx', 'illegal', 'a final response has been sent', 'RFC 6026 §7.1'],
    ['Accepted', 'send 2xx', 'Accepted', 'send', 'RFC 6026 §7.1'],
    ['Accepted', 'send 300-699', 'illegal', 'a 2xx has been sent', 'RFC 6026 §7.1'],
    ['Accepted', 'retransmit timer', 'illegal', 'the callee repeats its 2xx, not the proxy', 'RFC 6026 §7.1'],
    ['Accepted', 'lifetime timer', 'Terminated', 'end (Timer L)', 'RFC 6026 §7.1'],
    ['Accepted', 'transport error', 'Accepted', '', 'RFC 6026 §7.1'],
  ],
};

const NON_INVITE_SERVER: ExpectedMachine = {
  states: ['Trying', 'Proceeding', 'Completed'],
  rows: [
    ['Trying', 'request again', 'Trying', 'absorb', '§17.2.2'],
    ['Trying', 'ACK', 'illegal', 'there is no ACK to this', '§17'],
    ['Trying', 'send 1xx', 'Proceeding', 'send', '§17.2.2'],
    ['Trying', 'send 2xx', 'Completed', 'send, 64*T1 (Timer J)', '§17.2.2'],
    ['Trying', 'send 300-699', 'Completed', 'send, 64*T1 (Timer J)', '§17.2.2'],
    ['Trying', 'retransmit timer', 'illegal', 'responses are not retransmitted by timer', '§17.2.2'],
    ['Trying', 'lifetime timer', 'Terminated', 'end', 'RFC 4320 §4.2'],
    ['Trying', 'transport error', 'illegal', 'nothing has been sent', '§17.2.4'],

    ['Proceeding', 'request again', 'Proceeding', 'absorb, resend', '§17.2.2'],
    ['Proceeding', 'ACK', 'illegal', 'there is no ACK to this', '§17'],
    ['Proceeding', 'send 1xx', 'Proceeding', 'send', '§17.2.2'],
    ['Proceeding', 'send 2xx', 'Completed', 'send, 64*T1 (Timer J)', '§17.2.2'],
    ['Proceeding', 'send 300-699', 'Completed', 'send, 64*T1 (Timer J)', '§17.2.2'],
    ['Proceeding', 'retransmit timer', 'illegal', 'responses are not retransmitted by timer', '§17.2.2'],
    ['Proceeding', 'lifetime timer', 'Terminated', 'end', 'RFC 4320 §4.2'],
    ['Proceeding', 'transport error', 'Proceeding', '', '§17.2.4: it stays for the next retransmission'],

    ['Completed', 'request again', 'Completed', 'absorb, resend', '§17.2.2'],
    ['Completed', 'ACK', 'illegal', 'there is no ACK to this', '§17'],
    ['Completed', 'send 1xx', 'illegal', 'a final response has been sent', '§17.2.2'],
    ['Completed', 'send 2xx', 'illegal', 'a final response has been sent', '§17.2.2'],
    ['Completed', 'send 300-699', 'illegal', 'a final response has been sent', '§17.2.2'],
    ['Completed', 'retransmit timer', 'illegal', 'responses are not retransmitted by timer', '§17.2.2'],
    ['Completed', 'lifetime timer', 'Terminated', 'end (Timer J)', '§17.2.2'],
    ['Completed', 'transport error', 'Completed', '', '§17.2.4'],
  ],
};

/** By the names of the machines. */
export const EXPECTED_MACHINES: Readonly<Record<string, ExpectedMachine>> = {
  'INVITE client': INVITE_CLIENT,
  'non-INVITE client': NON_INVITE_CLIENT,
  'INVITE server': INVITE_SERVER,
  'non-INVITE server': NON_INVITE_SERVER,
};

/** The actions of a row, without what is said in brackets; none for an illegal pair. */
export function actionsIn([, , next, actions]: ExpectedRow): string[] {
  if (next === 'illegal') return [];
  return actions
    .replaceAll(/ ?\([^)]*\)/g, '')
    .split(',')
    .map((action) => action.trim())
    .filter((action) => action !== '');
}
