import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isEventDue, Virtqueue } from '../../src/virtiofs/virtqueue.ts';
import type { VirtqueueOptions } from '../../src/virtiofs/virtqueue.ts';
import {
  FakeGuest,
  FakeRing,
  GUEST_ADDRESS,
  INDIRECT,
  NEXT,
  WRITE,
} from './fake-guest.ts';

const REFUSED = expect.objectContaining({ code: 'fs/bad-guest' });
const SIZE = 8;

interface Setup {
  readonly guest: FakeGuest;
  readonly ring: FakeRing;
  readonly queue: Virtqueue;
}

function setup(options: Partial<VirtqueueOptions> = {}): Setup {
  const guest = new FakeGuest(new ArrayBuffer(1 << 16));
  const ring = new FakeRing(guest, options.size ?? SIZE, options.base);
  const queue = new Virtqueue(guest.memory(), {
    size: SIZE,
    base: 0,
    eventIndex: true,
    indirect: true,
    addresses: ring.addresses,
    ...options,
  });
  return { guest, ring, queue };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

describe('a virtqueue', () => {
  for (const isIndirect of [false, true]) {
    const how = isIndirect ? 'a table of its own' : 'the queue itself';
    it(`gathers a request and scatters its reply over descriptors in ${how}`, () => {
      const { ring, queue } = setup();
      const parts = [Buffer.from('one '), Buffer.from('request')];
      const { head, room } = ring.offer(parts, [3, 100], isIndirect);
      const chain = queue.take()!;
      const request = new Uint8Array(100);
      expect(text(request.subarray(0, chain.read(request)))).toBe(
        'one request',
      );
      expect(chain.writableBytes).toBe(103);
      queue.write(chain, [Buffer.from('a'), Buffer.from(' reply')]);
      queue.complete(chain, 7);
      expect(ring.takeUsed()).toEqual([]);
      queue.publish();
      expect(ring.takeUsed()).toEqual([{ head, length: 7 }]);
      expect(text(Buffer.concat(room).subarray(0, 7))).toBe('a reply');
    });
  }

  it('reads no more of a request than fits', () => {
    const { ring, queue } = setup();
    ring.offer([Buffer.from('too '), Buffer.from('long')]);
    const buffer = new Uint8Array(6);
    expect(queue.take()!.read(buffer)).toBe(6);
    expect(text(buffer)).toBe('too lo');
  });

  it('goes round, past the end of the ring and of 16 bits', () => {
    const { ring, queue } = setup({ base: 0xfffe });
    for (let i = 0; i < 3 * SIZE; i++) {
      const { head } = ring.offer([Buffer.from(`request ${i}`)]);
      const chain = queue.take()!;
      expect(queue.take()).toBeUndefined();
      queue.complete(chain, i);
      queue.publish();
      expect(ring.takeUsed()).toEqual([{ head, length: i }]);
    }
    expect(queue.base).toBe((0xfffe + 3 * SIZE) & 0xffff);
  });

  it('hands chains back in any order', () => {
    const { ring, queue } = setup();
    const [a, b] = [ring.offer([Buffer.of(1)]), ring.offer([Buffer.of(2)])];
    const [first, second] = [queue.take()!, queue.take()!];
    expect(queue.inFlight).toBe(2);
    queue.complete(second, 0);
    queue.complete(first, 0);
    queue.publish();
    expect(ring.takeUsed().map(({ head }) => head)).toEqual([b.head, a.head]);
    expect(queue.inFlight).toBe(0);
  });

  it('goes on where it was in memory that was mapped anew', () => {
    const { guest, ring, queue } = setup();
    ring.offer([Buffer.from('first')], [4]);
    const chain = queue.take()!;
    const moved = new FakeGuest(guest.bytes.slice().buffer);
    guest.bytes.fill(0xff);
    queue.attach(moved.memory());
    queue.write(chain, [Buffer.from('back')]);
    queue.complete(chain, 4);
    queue.publish();
    expect(moved.view.getUint16(ring.used + 2, true)).toBe(1);
    expect(text(moved.bytes)).toContain('back');
  });

  for (const size of [0, 3, 65536]) {
    it(`of ${size} descriptors is refused`, () => {
      expect(() => setup({ size })).toThrow();
    });
  }
});

describe('notifications of a virtqueue', () => {
  it('are due exactly when the event is passed, in 16 bits', () => {
    const index = fc.nat(0xffff);
    fc.assert(
      fc.property(index, index, fc.nat(300), (event, before, steps) => {
        const now = (before + steps) & 0xffff;
        const passed = Array.from({ length: steps }, (_, i) => before + i);
        expect(isEventDue(event, now, before)).toBe(
          passed.some((at) => (at & 0xffff) === event),
        );
      }),
    );
  });

  it('reach the guest when it waits for what came back', () => {
    const { ring, queue } = setup();
    const answer = (): boolean => {
      ring.offer([Buffer.of(1)]);
      queue.complete(queue.take()!, 0);
      return queue.publish();
    };
    ring.setUsedEvent(0);
    expect(answer()).toBe(true);
    expect(answer()).toBe(false);
    ring.setUsedEvent(3);
    expect(answer()).toBe(false);
    expect(answer()).toBe(true);
    expect(queue.publish()).toBe(false);
  });

  it('reach us when we wait for what comes', () => {
    const { ring, queue } = setup();
    expect(queue.unmute()).toBe(true);
    ring.offer([Buffer.of(1)]);
    expect(ring.isKickDue()).toBe(true);
    ring.offer([Buffer.of(1)]);
    expect(ring.isKickDue()).toBe(false);
    expect(queue.unmute()).toBe(false);
    queue.take();
    queue.take();
    expect(queue.unmute()).toBe(true);
    ring.offer([Buffer.of(1)]);
    expect(ring.isKickDue()).toBe(true);
  });

  it('are asked for by flags where no index was agreed on', () => {
    const { guest, ring, queue } = setup({ eventIndex: false });
    const answer = (): boolean => {
      ring.offer([Buffer.of(1)]);
      queue.complete(queue.take()!, 0);
      return queue.publish();
    };
    expect(answer()).toBe(true);
    guest.view.setUint16(ring.available, 1, true);
    expect(answer()).toBe(false);
    queue.mute();
    expect(guest.view.getUint16(ring.used, true)).toBe(1);
    expect(queue.unmute()).toBe(true);
    expect(guest.view.getUint16(ring.used, true)).toBe(0);
  });
});

describe('a guest that lies', () => {
  const lies: Record<string, (setup: Setup) => void> = {
    'names a descriptor that the queue has not': ({ ring }) =>
      ring.offerHead(SIZE),
    'offers more than the queue holds': ({ ring }) => ring.setIndex(SIZE + 1),
    'continues behind the last descriptor': ({ guest, ring }) => {
      guest.setDescriptor(ring.table, 0, {
        address: GUEST_ADDRESS,
        length: 1,
        flags: NEXT,
        next: SIZE,
      });
      ring.offerHead(0);
    },
    'leads its chain back to the beginning': ({ guest, ring }) => {
      for (const [index, next] of [
        [0, 1],
        [1, 0],
      ] as const)
        guest.setDescriptor(ring.table, index, {
          address: GUEST_ADDRESS,
          length: 1,
          flags: NEXT,
          next,
        });
      ring.offerHead(0);
    },
    'points outside of its memory': ({ guest, ring }) => {
      guest.setDescriptor(ring.table, 0, { address: 0, length: 1 });
      ring.offerHead(0);
    },
    'points to the end of all memory': ({ guest, ring }) => {
      guest.setDescriptor(ring.table, 0, {
        address: 2n ** 64n - 1n,
        length: 0xffffffff,
        flags: WRITE,
      });
      ring.offerHead(0);
    },
    'points at more than it has': ({ guest, ring }) => {
      guest.setDescriptor(ring.table, 0, {
        address: GUEST_ADDRESS,
        length: guest.bytes.length + 1,
        flags: WRITE,
      });
      ring.offerHead(0);
    },
    'puts its request behind the room for the reply': ({ guest, ring }) => {
      guest.setDescriptor(ring.table, 0, {
        address: GUEST_ADDRESS,
        length: 1,
        flags: WRITE | NEXT,
        next: 1,
      });
      guest.setDescriptor(ring.table, 1, { address: GUEST_ADDRESS, length: 1 });
      ring.offerHead(0);
    },
    'nests tables': ({ guest, ring }) => {
      const table = guest.allocate(16);
      const itself = {
        address: GUEST_ADDRESS + table,
        length: 16,
        flags: INDIRECT,
      };
      guest.setDescriptor(table, 0, itself);
      guest.setDescriptor(ring.table, 0, itself);
      ring.offerHead(0);
    },
    'goes on behind a table': ({ guest, ring }) => {
      ring.offer([Buffer.of(1)], [], true);
      guest.view.setUint16(ring.table + 12, INDIRECT | NEXT, true);
    },
    'gives a table that is cut': ({ guest, ring }) => {
      ring.offer([Buffer.of(1)], [], true);
      guest.view.setUint32(ring.table + 8, 15, true);
    },
    'gives a table larger than any queue': ({ guest, ring }) => {
      ring.offer([Buffer.of(1)], [], true);
      guest.view.setUint32(ring.table + 8, 0xfffffff0, true);
    },
    'makes a chain of more parts than a queue has': ({ guest, ring }) => {
      const table = guest.allocate(1025 * 16);
      for (let i = 0; i < 1025; i++)
        guest.setDescriptor(table, i, {
          address: GUEST_ADDRESS,
          length: 1,
          flags: i < 1024 ? NEXT : 0,
          next: i + 1,
        });
      guest.setDescriptor(ring.table, 0, {
        address: GUEST_ADDRESS + table,
        length: 1025 * 16,
        flags: INDIRECT,
      });
      ring.offerHead(0);
    },
    'offers a chain again that it did not get back': ({ ring, queue }) => {
      ring.offer([Buffer.of(1)]);
      queue.take();
      ring.offerHead(0);
    },
  };
  for (const [what, lie] of Object.entries(lies)) {
    it(`is found out when it ${what}`, () => {
      const all = setup();
      lie(all);
      expect(() => all.queue.take()).toThrow(REFUSED);
    });
  }

  it('is found out when it uses tables that were not agreed on', () => {
    const { ring, queue } = setup({ indirect: false });
    ring.offer([Buffer.of(1)], [], true);
    expect(() => queue.take()).toThrow(REFUSED);
  });

  it('cannot make us read what it changes after the check', () => {
    const { guest, ring, queue } = setup();
    ring.offer([Buffer.from('request')], [4]);
    const chain = queue.take()!;
    guest.bytes.fill(0xff, ring.table, ring.table + SIZE * 16);
    expect(chain.writableBytes).toBe(4);
    expect(() => queue.write(chain, [new Uint8Array(5)])).toThrow(RangeError);
  });

  it('whose queue lies elsewhere is refused', () => {
    const { ring } = setup();
    const { addresses } = ring;
    for (const moved of [
      { ...addresses, descriptors: addresses.descriptors + 8 },
      { ...addresses, used: 0x1000 },
      { ...addresses, available: addresses.available + (1 << 16) },
    ])
      expect(() => setup({ addresses: moved })).toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/^fs\/bad-(guest|front-end)$/),
        }),
      );
  });

  it('is answered or found out, whatever is in its memory', () => {
    const bytes = fc.uint8Array({ minLength: 1024, maxLength: 1024 });
    const small = fc.array(fc.nat(SIZE), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(bytes, small, fc.boolean(), (noise, plausible, isTame) => {
        const { guest, ring, queue } = setup();
        guest.bytes.set(noise);
        // Small numbers where numbers of descriptors and flags are, so that chains get longer.
        if (isTame)
          plausible.forEach((value, i) =>
            i < 32
              ? guest.view.setUint16(
                  ring.table + 12 + (i >> 1) * 16 + (i & 1) * 2,
                  value,
                  true,
                )
              : guest.view.setUint16(
                  ring.available + 4 + (i - 32) * 2,
                  value,
                  true,
                ),
          );
        if (isTame)
          for (let i = 0; i < SIZE; i++) {
            guest.view.setBigUint64(
              ring.table + i * 16,
              BigInt(GUEST_ADDRESS + noise[i]! * 16),
              true,
            );
            guest.view.setUint16(ring.table + i * 16 + 10, 0, true);
          }
        ring.setIndex(SIZE);
        const buffer = new Uint8Array(4096);
        try {
          for (let chain; (chain = queue.take()) !== undefined;) {
            chain.read(buffer);
            const room = Math.min(chain.writableBytes, 4096);
            queue.write(chain, [buffer.subarray(0, room)]);
            queue.complete(chain, room);
            queue.publish();
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'fs/bad-guest' });
        }
        expect(queue.inFlight).toBeLessThanOrEqual(SIZE);
      }),
      { numRuns: 500 },
    );
  });
});
