import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AskedStore } from '../asked-store.ts';
import { BundledProgram } from '../../support/bundled-program.ts';
import { memoryDirectory } from '../../support/memory-directory.ts';

/** The calls by which LMDB writes its file (lmdb-js 3.5.6), and those that would be a surprise. */
const CALLS = ['pwrite64', 'writev', 'fdatasync'] as const;
const TRACED = [...CALLS, 'write', 'pwritev', 'fsync', 'msync'];

/** LMDB's two meta pages are the first of its file. */
const META_BYTES = 2 * 4096;

/** Of the calls there are, one in so many fails in turn. */
const STRIDE = process.env['TVIX_FAULTS'] === 'full' ? 1 : 5;

const WORK = [
  'put 1 3000',
  'set a 500',
  'put 2 30000',
  'set b 5000',
  'put 3 100',
  'set a 20',
  'put 4 9000',
  // Fills its pack, which is sealed after the answer.
  'put 5 9000',
  'put 7 100',
];

/** Lengths of the chunks above, by seed. */
const LENGTHS = [0, 3000, 30_000, 100, 9000, 9000, 1000, 100];

const missing = missingTracer();
const describeTraced = missing === undefined ? describe : describe.skip;

let scratch: string;
let program: BundledProgram;

interface Life {
  /** What was answered, beginning with the opening. */
  readonly answers: readonly string[];
  readonly ended: unknown;
  readonly trace: string;
}

/** A run of all the work on a new store, under a tracer that may make calls on the index fail. */
async function live(directory: string, injection: string): Promise<Life> {
  const trace = path.join(scratch, 'trace');
  const index = path.join(directory, 'meta/data.mdb');
  const inject = injection === '' ? [] : ['-e', `inject=${injection}`];
  const under = `strace -f -qq --seccomp-bpf -o ${trace} -P ${index} -e trace=${TRACED.join()}`;
  const store = new AskedStore(program, directory, {
    under: [...under.split(' '), ...inject],
  });
  const answers = [await store.answer()];
  if (answers[0] === 'ok')
    for (const line of WORK) answers.push(await store.ask(line));
  const ended = await store.end();
  return { answers, ended, trace: fs.readFileSync(trace, 'latin1') };
}

/** After a restart the store has what was acknowledged, nothing that was refused, and takes more. */
async function expectKept(
  directory: string,
  answers: readonly string[],
): Promise<void> {
  const store = new AskedStore(program, directory);
  expect(await store.answer()).toBe('ok');
  for (const [i, line] of WORK.entries()) {
    const [verb, seed] = line.split(' ') as [string, string];
    if (verb !== 'put') continue;
    const wasTaken = answers[1 + i] === 'ok';
    expect([line, await store.ask(`read ${seed} ${LENGTHS[+seed]}`)]).toEqual([
      line,
      wasTaken ? 'ok' : 'absent',
    ]);
  }
  expect(await store.ask('put 6 1000')).toBe('ok');
  expect(await store.ask('read 6 1000')).toBe('ok');
  expect(await store.end()).toBe(0);
}

/** A store in a directory of its own, whose index was written once. */
async function withStore(run: (directory: string) => Promise<void>) {
  const directory = fs.mkdtempSync(path.join(scratch, 'store-'));
  const store = new AskedStore(program, directory);
  expect(await store.answer()).toBe('ok');
  expect(await store.end()).toBe(0);
  await run(directory);
  fs.rmSync(directory, { recursive: true });
}

const NAME = 'an index whose own writes fail';

describeTraced(missing === undefined ? NAME : `${NAME} (${missing})`, () => {
  /** For each call, which of the times that it is made write a meta page. */
  let calls: ReadonlyMap<string, readonly boolean[]>;

  beforeAll(async () => {
    scratch = fs.mkdtempSync(path.join(memoryDirectory(), 'index-errors-'));
    program = new BundledProgram(
      new URL('../asked-store-program.ts', import.meta.url),
    );
    await withStore(async (directory) => {
      const { answers, trace } = await live(directory, '');
      expect(new Set(answers)).toEqual(new Set(['ok']));
      calls = new Map(
        TRACED.map((call) => [
          call,
          trace
            .split('\n')
            .filter((line) => line.includes(` ${call}(`))
            .map(writesMeta),
        ]),
      );
    });
  });
  afterAll(() => {
    program[Symbol.dispose]();
    fs.rmSync(scratch, { recursive: true });
  });

  it('writes by the calls that fail here, and by no others', () => {
    for (const [call, { length }] of calls)
      expect([call, length > 0]).toEqual([call, CALLS.includes(call as never)]);
  });

  describe.each<[string, string, 'store-failed' | 'no-space', string]>([
    ['EIO, once', 'error=EIO', 'store-failed', ''],
    ['EIO, for ever', 'error=EIO', 'store-failed', '+'],
    ['ENOSPC, once', 'error=ENOSPC', 'no-space', ''],
    ['a write cut short, once', 'retval=64', 'store-failed', ''],
  ])('%s', (_, fault, refusal, repeat) => {
    it.each(CALLS)(
      'is answered by refusing, and acknowledges nothing of it (%s)',
      async (call) => {
        const isCutShort = fault.startsWith('retval');
        if (isCutShort && call === 'fdatasync') return;
        const isMeta = calls.get(call)!;
        for (let nth = 1; nth <= isMeta.length; nth += STRIDE) {
          // A hundred bytes of a page that is there have their place, and come whole or not at all.
          const needsRoom = isCutShort || refusal === 'no-space';
          if (needsRoom && isMeta[nth - 1]) continue;
          const injection = `${call}:${fault}:when=${nth}${repeat}`;
          await withStore(async (directory) => {
            const { answers, ended, trace } = await live(directory, injection);
            expect([injection, trace.includes('(INJECTED)')]).toEqual([
              injection,
              true,
            ]);
            const refused = answers.filter((answer) => answer !== 'ok');
            // A full disk that keeps a pack from being sealed is nobody's to hear of.
            const isUnheard = refusal === 'no-space' && refused.length === 0;
            if (!isUnheard && !isEndedByLmdb(ended))
              expect([injection, ended, ...new Set(refused)]).toEqual([
                injection,
                0,
                `castore/${refusal}`,
              ]);
            // After a failure of the device nothing more is taken; a full disk may have room for the next one.
            if (refusal === 'store-failed')
              expect(answers.lastIndexOf('ok')).toBeLessThan(
                answers.indexOf(refused[0]!),
              );
            await expectKept(directory, answers);
          });
        }
      },
      600_000,
    );
  });
});

/**
 * LMDB puts what it has to say of a write that failed into 100 bytes, numbers that it never set among it, and where these
 * are long it goes beyond and destroys the heap (lmdb-js 3.5.6, `mdb_page_flush`).
 */
function isEndedByLmdb(ended: unknown): boolean {
  return ended === 'SIGABRT' || ended === 'SIGSEGV';
}

/** Whether a line of a trace is a write within the meta pages. */
function writesMeta(line: string): boolean {
  const [, offset = ''] = /, (\d+)\)\s+= /.exec(line) ?? [];
  return line.includes(' pwrite64(') && Number(offset) < META_BYTES;
}

/** Why calls can't be made to fail here; `undefined` where they can. */
function missingTracer(): string | undefined {
  const args = '-f -qq --seccomp-bpf -o /dev/null -e trace=fsync true';
  const { error, status, stderr } = spawnSync('strace', args.split(' '), {
    encoding: 'utf8',
  });
  if (error !== undefined) return 'no strace';
  return status === 0 ? undefined : `strace: ${stderr.trim()}`;
}
