import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Reserve } from '../../../src/local-store/open/reserve.ts';

const MIB = 1024 * 1024;

/** Of a file: its length, and the space that it has of its own. */
function sizes(file: string): { length: number; ownBytes: number } {
  const { size, blocks } = fs.statSync(file);
  return { length: size, ownBytes: blocks * 512 };
}

describe('the reserve', () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tvix-reserve-'));
    file = path.join(directory, 'reserve');
  });

  afterEach(() => {
    fs.rmSync(directory, { recursive: true });
  });

  it('has space of its own, and is no hole', () => {
    expect(new Reserve(directory, 3 * MIB).ensure()).toBe(true);
    const { length, ownBytes } = sizes(file);
    expect(length).toBe(3 * MIB);
    expect(ownBytes).toBeGreaterThanOrEqual(3 * MIB);
  });

  it('gives back as much as is asked for, down to nothing', () => {
    const reserve = new Reserve(directory, 3 * MIB);
    reserve.ensure();
    expect(reserve.give(2 * MIB)).toBe(true);
    expect(sizes(file).length).toBe(MIB);
    expect(sizes(file).ownBytes).toBeLessThan(2 * MIB);
    expect(reserve.give(2 * MIB)).toBe(true);
    expect(reserve.give(2 * MIB)).toBe(false);
  });

  it('is set aside as a whole again after a part of it was given back', () => {
    const reserve = new Reserve(directory, 3 * MIB);
    reserve.ensure();
    reserve.give(MIB);
    expect(reserve.ensure()).toBe(true);
    expect(sizes(file).ownBytes).toBeGreaterThanOrEqual(3 * MIB);
  });
});
