/** What counts as a set of handlers. */
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { HANDLER_NAMES, validateRoutes } from '../../../src/script/validate-routes.js';

const handler = () => {};
const messages = (value: unknown) => validateRoutes(value).map((problem) => problem.message);

describe('validateRoutes', () => {
  it('takes the one handler that is needed, and all of them', () => {
    expect(messages({ request: handler })).toEqual([]);
    expect(messages(Object.fromEntries(HANDLER_NAMES.map((name) => [name, handler])))).toEqual([]);
  });

  it('takes an optional handler that is undefined as absent', () => {
    expect(messages({ request: handler, reply: undefined })).toEqual([]);
  });

  it.each([
    ['request_route', 'request'],
    ['reqest', 'request'],
    ['onreply_route', 'reply'],
    ['failure_route', 'failure'],
    ['onFailure', 'failure'],
    ['onCancel', 'cancel'],
    ['cancle', 'cancel'],
  ])('leads from %s to %s', (name, meant) => {
    expect(messages({ request: handler, [name]: handler })).toEqual([`unknown handler "${name}": did you mean "${meant}"?`]);
  });

  it('lists all problems at once', () => {
    expect(messages({ reply: 'x', failure: null, other: handler })).toHaveLength(4);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.anything(), (value) => Array.isArray(validateRoutes(value))));
  });
});
