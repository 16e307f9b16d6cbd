import { describe, expect, it } from '@jest/globals';
import { hashBytes, symlinkTarget } from '@tvix/castore';
import type { CallOptions, FileNode, Node } from '@tvix/castore';
import { CachedNarCalculation } from '../../src/nar/cached-calculation.ts';
import { MemoryNarCalculationCache } from '../../src/nar/calculation-cache.ts';
import type { NarCalculationCache } from '../../src/nar/calculation-cache.ts';
import { calculationKey } from '../../src/nar/calculation-key.ts';
import type {
  NarCalculation,
  NarCalculationService,
} from '../../src/nar/calculation.ts';
import { BLOBS, hex } from '../fixtures.ts';

const ANSWER: NarCalculation = {
  narSize: 5n,
  narSha256: new Uint8Array(32).fill(5),
};
const FILE: FileNode = {
  type: 'file',
  digest: hashBytes(BLOBS.helloWorld),
  size: 12n,
  executable: false,
};

/** Calculates when it is told to, and remembers what it was asked. */
class ManualCalculation implements NarCalculationService {
  readonly asked: Node[] = [];
  readonly signals: (AbortSignal | undefined)[] = [];
  readonly #waiting: {
    resolve: (answer: NarCalculation) => void;
    reject: (error: unknown) => void;
  }[] = [];

  calculateNar(node: Node, options?: CallOptions): Promise<NarCalculation> {
    this.asked.push(node);
    this.signals.push(options?.signal);
    return new Promise((resolve, reject) =>
      this.#waiting.push({ resolve, reject }),
    );
  }

  /** Answers the calculation that is under way, once there is one. */
  async answer(act: 'resolve' | 'reject', error?: unknown): Promise<void> {
    while (this.#waiting.length === 0) await new Promise(setImmediate);
    const { resolve, reject } = this.#waiting.shift()!;
    if (act === 'resolve') resolve(ANSWER);
    else reject(error);
  }
}

function cached(inner: NarCalculationService = new ManualCalculation()) {
  return new CachedNarCalculation(inner, new MemoryNarCalculationCache());
}

describe('CachedNarCalculation', () => {
  it('tells what it learnt without calculating', async () => {
    const inner = new ManualCalculation();
    const calculation = new CachedNarCalculation(
      inner,
      new MemoryNarCalculationCache(),
    );
    await calculation.learn(FILE, ANSWER);
    expect(await calculation.calculateNar(FILE)).toEqual(ANSWER);
    expect(inner.asked).toEqual([]);
  });

  it('asks once for what it has been asked before', async () => {
    const inner = new ManualCalculation();
    const calculation = cached(inner);
    const first = calculation.calculateNar(FILE);
    await inner.answer('resolve');
    expect(await first).toEqual(ANSWER);
    expect(await calculation.calculateNar(FILE)).toEqual(ANSWER);
    expect(inner.asked).toEqual([FILE]);
  });

  it('tells apart type, digest, size and the executable flag', () => {
    const other = hashBytes(BLOBS.blobA);
    const nodes = [
      FILE,
      { ...FILE, executable: true },
      { ...FILE, size: 13n },
      { ...FILE, digest: other },
      { type: 'directory', digest: FILE.digest, size: 12n },
      { type: 'directory', digest: other, size: 12n },
    ] as const;
    expect(new Set(nodes.map((node) => hex(calculationKey(node)))).size).toBe(
      nodes.length,
    );
  });

  it('gives a directory one key whatever size its node claims, which the NAR does not show', () => {
    const [a, b] = [1n, 2n].map((size) =>
      calculationKey({ type: 'directory', digest: FILE.digest, size }),
    );
    expect(hex(a!)).toBe(hex(b!));
  });

  it('lets concurrent calls for one node share one calculation', async () => {
    const inner = new ManualCalculation();
    const calculation = cached(inner);
    const calls = [1, 2, 3].map(() => calculation.calculateNar(FILE));
    await inner.answer('resolve');
    expect(await Promise.all(calls)).toEqual([ANSWER, ANSWER, ANSWER]);
    expect(inner.asked).toHaveLength(1);
  });

  it('does not remember a failure', async () => {
    const inner = new ManualCalculation();
    const calculation = cached(inner);
    const failure = new RangeError('no');
    const calls = [
      calculation.calculateNar(FILE),
      calculation.calculateNar(FILE),
    ];
    const outcomes = Promise.allSettled(calls);
    await inner.answer('reject', failure);
    expect(
      (await outcomes).map(
        (outcome) => outcome.status === 'rejected' && outcome.reason,
      ),
    ).toEqual([failure, failure]);
    const again = calculation.calculateNar(FILE);
    await inner.answer('resolve');
    expect(await again).toEqual(ANSWER);
  });

  it('goes on for the others when one caller gives up', async () => {
    const inner = new ManualCalculation();
    const calculation = cached(inner);
    const controller = new AbortController();
    const reason = new RangeError('enough');
    const leaving = calculation.calculateNar(FILE, {
      signal: controller.signal,
    });
    const staying = calculation.calculateNar(FILE);
    const left = expect(leaving).rejects.toBe(reason);
    while (inner.asked.length === 0) await new Promise(setImmediate);
    controller.abort(reason);
    await left;
    expect(inner.signals[0]!.aborted).toBe(false);
    await inner.answer('resolve');
    expect(await staying).toEqual(ANSWER);
  });

  it('gives up when every caller has, and starts afresh for the next', async () => {
    const inner = new ManualCalculation();
    const calculation = cached(inner);
    const controller = new AbortController();
    const reason = new RangeError('enough');
    const leaving = [1, 2].map(() =>
      calculation.calculateNar(FILE, { signal: controller.signal }),
    );
    const left = Promise.all(
      leaving.map((call) => expect(call).rejects.toBe(reason)),
    );
    while (inner.asked.length === 0) await new Promise(setImmediate);
    controller.abort(reason);
    await left;
    expect(inner.signals[0]!.aborted).toBe(true);
    const next = calculation.calculateNar(FILE);
    while (inner.asked.length === 1) await new Promise(setImmediate);
    await inner.answer('reject', reason);
    await inner.answer('resolve');
    expect(await next).toEqual(ANSWER);
  });

  it('answers although the cache fails, for reading and for writing', async () => {
    const inner = new ManualCalculation();
    const broken: NarCalculationCache = {
      get: () => Promise.reject(new RangeError('damaged')),
      set: () => Promise.reject(new RangeError('no space')),
    };
    const answer = new CachedNarCalculation(inner, broken).calculateNar(FILE);
    await inner.answer('resolve');
    expect(await answer).toEqual(ANSWER);
  });

  it('passes symlinks on', async () => {
    const inner = new ManualCalculation();
    const calculation = cached(inner);
    const node: Node = {
      type: 'symlink',
      target: symlinkTarget('x'.repeat(4000)),
    };
    for (let call = 0; call < 2; call++) {
      const answer = calculation.calculateNar(node);
      await inner.answer('resolve');
      await answer;
    }
    expect(inner.asked).toHaveLength(2);
  });
});

describe('MemoryNarCalculationCache', () => {
  it('holds no more than it may, and forgets the oldest first', async () => {
    const cache = new MemoryNarCalculationCache(2);
    for (const byte of [1, 2, 3]) await cache.set(Uint8Array.of(byte), ANSWER);
    expect(await cache.get(Uint8Array.of(1))).toBeUndefined();
    expect(await cache.get(Uint8Array.of(2))).toEqual(ANSWER);
    expect(await cache.get(Uint8Array.of(3))).toEqual(ANSWER);
  });
});
