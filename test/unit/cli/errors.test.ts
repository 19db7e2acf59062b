/** The table of coded errors, and whether the rest of the source keeps to it. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ERRORS, errorRow, systemReason, ViaductError } from '../../../src/errors.js';

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url));

describe('the table of errors', () => {
  it('has the codes that the source raises, and no others', () => {
    const named = new Set<string>();
    for (const name of readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && file !== 'errors.ts')) {
      for (const [code] of readFileSync(`${SRC}${name}`, 'utf8').matchAll(/\bVD_[A-Z]+(?:_[A-Z]+)*\b/g)) named.add(code);
    }
    expect([...named].sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it('fills its messages', () => {
    const error = new ViaductError('VD_CONFIG_UNREADABLE', { file: 'a.yaml', reason: 'permission denied' });
    expect(error).toMatchObject({ code: 'VD_CONFIG_UNREADABLE', message: 'cannot read the configuration a.yaml: permission denied' });
    expect(errorRow(error)).toMatchObject({ code: 'VD_CONFIG_UNREADABLE', exitCode: 1 });
  });

  it('knows errors by their code, and no others', () => {
    expect(errorRow(Object.assign(new Error('x'), { code: 'VD_LISTEN_IN_USE' }))?.exitCode).toBe(1);
    for (const other of [new Error('x'), Object.assign(new Error('x'), { code: 'toString' }), 'VD_LISTEN_IN_USE', undefined]) expect(errorRow(other)).toBeUndefined();
  });

  it('has plain words for what the system says', () => {
    expect(systemReason(Object.assign(new Error('ENOENT: …'), { code: 'ENOENT' }))).toBe('there is no such file or folder');
    expect(systemReason(new Error('odd'))).toBe('odd');
  });
});
