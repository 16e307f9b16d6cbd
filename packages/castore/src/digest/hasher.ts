/**
 * The one seam to BLAKE3: `blake3-wasm` everywhere, and where the native `@napi-rs/blake-hash` is installed it takes
 * over inputs that are long enough to pay for the call into it.
 */
import { createRequire } from 'node:module';
import { B3Digest } from './b3-digest.ts';

/** Takes the bytes of one input in pieces. */
export interface Hasher {
  /** Adds bytes; they aren't kept. */
  update(bytes: Uint8Array): this;
  /** Ends the input. The hasher is spent afterwards. */
  digest(): B3Digest;
}

interface Wasm {
  hash(input: Uint8Array): Uint8Array;
  createHash(): WasmState;
}

interface WasmState {
  update(input: Uint8Array): unknown;
  /** Frees it, too. */
  digest(): Uint8Array;
  dispose(): void;
}

interface Native {
  Blake3Hasher: new () => NativeState;
}

interface NativeState {
  update(input: Uint8Array): unknown;
  digestBuffer(): Uint8Array;
  digest(format: 'hex'): string;
  reset(): void;
}

const require = createRequire(import.meta.url);

// Loaded with the first input: a program that hashes nothing starts sooner.
let loadedWasm: Wasm | undefined;
let loadedNative: Native | false | undefined;
/** For whole inputs, one after the other. */
let keptState: NativeState | undefined;

/** Below this many bytes a call into wasm costs less than one into the native hasher (measured, see `bench/README.md`). */
const NATIVE_FROM_BYTES = 1536;

/** Which implementation hashes long inputs here. */
export function hasherName(): 'native' | 'wasm' {
  return native() === undefined ? 'wasm' : 'native';
}

/** The BLAKE3 digest of a whole input. */
export function hashBytes(bytes: Uint8Array): B3Digest {
  const fast = bytes.length >= NATIVE_FROM_BYTES ? native() : undefined;
  return B3Digest.fromBytes(
    fast === undefined ? wasm().hash(bytes) : hashNatively(fast, bytes),
  );
}

/** Starts the digest of an input that comes in pieces. */
export function createHasher(
  implementation: 'native' | 'wasm' = hasherName(),
): Hasher {
  const fast = implementation === 'native' ? native() : undefined;
  return fast === undefined
    ? new WasmHasher(wasm().createHash())
    : new NativeHasher(new fast.Blake3Hasher());
}

/** As text: a Buffer that native code makes costs as much as the hash of 4 KiB, and the collector as much again. */
function hashNatively({ Blake3Hasher }: Native, bytes: Uint8Array): Uint8Array {
  const state = (keptState ??= new Blake3Hasher());
  state.reset();
  state.update(bytes);
  const hex = state.digest('hex');
  const digest = new Uint8Array(B3Digest.LENGTH);
  for (let i = 0; i < digest.length; i += 1)
    digest[i] =
      (nibble(hex.charCodeAt(2 * i)) << 4) | nibble(hex.charCodeAt(2 * i + 1));
  return digest;
}

/** Of a lower-case hex digit. */
function nibble(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}

class NativeHasher implements Hasher {
  readonly #state: NativeState;

  constructor(state: NativeState) {
    this.#state = state;
  }

  update(bytes: Uint8Array): this {
    this.#state.update(bytes);
    return this;
  }

  digest(): B3Digest {
    return B3Digest.fromBytes(this.#state.digestBuffer());
  }
}

/** A hasher that is given up keeps two KiB in the memory of wasm, of which the collector of JavaScript knows nothing. */
const abandoned = /* @__PURE__ */ new FinalizationRegistry<WasmState>((state) =>
  state.dispose(),
);

class WasmHasher implements Hasher {
  readonly #state: WasmState;

  constructor(state: WasmState) {
    this.#state = state;
    abandoned.register(this, state, this);
  }

  update(bytes: Uint8Array): this {
    this.#state.update(bytes);
    return this;
  }

  digest(): B3Digest {
    abandoned.unregister(this);
    return B3Digest.fromBytes(this.#state.digest());
  }
}

function wasm(): Wasm {
  loadedWasm ??= require('blake3-wasm') as Wasm;
  return loadedWasm;
}

function native(): Native | undefined {
  loadedNative ??= loadNative() ?? false;
  return loadedNative || undefined;
}

function loadNative(): Native | undefined {
  try {
    return require('@napi-rs/blake-hash') as Native;
  } catch {
    // An optional dependency: no prebuilt binary for this platform, or left out on purpose.
    return undefined;
  }
}
