import { describe, expect, it } from '@jest/globals';
import { OrderValidator } from '../../src/directory-service/order-validator.ts';
import { Directory } from '../../src/node/directory.ts';
import { pathComponent } from '../../src/path/path-component.ts';

function parentOf(child: Directory, size: bigint = child.size): Directory {
  return Directory.fromEntries([
    {
      name: pathComponent('foo'),
      node: { type: 'directory', digest: child.digest, size },
    },
  ]);
}

describe('OrderValidator', () => {
  it('takes leaves first, repetitions, and directories that nothing refers to', () => {
    const order = new OrderValidator();
    const parent = parentOf(Directory.EMPTY);
    for (const directory of [
      Directory.EMPTY,
      Directory.EMPTY,
      parent,
      Directory.EMPTY,
      parent,
    ])
      order.accept(directory);
    expect(order.finish().equals(parent.digest)).toBe(true);
  });

  it('refuses a parent before its child', () => {
    const order = new OrderValidator();
    expect(() => order.accept(parentOf(Directory.EMPTY))).toThrow(
      expect.objectContaining({ code: 'castore/child-not-sent' }),
    );
    expect(order.last).toBeUndefined();
  });

  it('refuses a parent that claims another size of its child', () => {
    const order = new OrderValidator();
    order.accept(Directory.EMPTY);
    const wrong = parentOf(Directory.EMPTY, 42n);
    expect(wrong.digest.toHex()).toBe(
      'd47aaf4b9d72c5dd171756901a9829aeceff01be2175c2d9744239c72a5a572e',
    );
    expect(() => order.accept(wrong)).toThrow(
      expect.objectContaining({ code: 'castore/wrong-child-size' }),
    );
    expect(order.last?.equals(Directory.EMPTY.digest)).toBe(true);
  });

  it('has no end without a directory', () => {
    expect(() => new OrderValidator().finish()).toThrow(
      expect.objectContaining({ code: 'castore/nothing-put' }),
    );
  });
});
