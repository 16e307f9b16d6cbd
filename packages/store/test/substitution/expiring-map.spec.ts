import { describe, expect, it } from '@jest/globals';
import { ExpiringMap } from '../../src/substitution/expiring-map.ts';

describe('ExpiringMap', () => {
  it('keeps as many of the latest values as it may weigh', () => {
    const map = new ExpiringMap<string>(10, () => 0);
    map.set('a', 'A', 1, 4);
    map.set('b', 'B', 1, 4);
    map.set('a', 'A again', 1, 4);
    map.set('c', 'C', 1, 4);
    expect([map.get('a'), map.get('b'), map.get('c')]).toStrictEqual([
      'A again',
      undefined,
      'C',
    ]);
    map.set('d', 'D', 1, 11);
    expect(['a', 'b', 'c', 'd'].map((key) => map.get(key))).toStrictEqual(
      Array.from({ length: 4 }),
    );
    map.set('e', 'E', 1, 10);
    expect(map.get('e')).toBe('E');
  });

  it('forgets a value once its time is over', () => {
    let now = 0;
    const map = new ExpiringMap<string>(1, () => now);
    map.set('a', 'A', 10);
    now = 9;
    expect(map.get('a')).toBe('A');
    now = 10;
    expect(map.get('a')).toBeUndefined();
  });
});
