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
  blake3(input: Uint8Array): Uint8Array;
  Blake3Hasher: new () => {
    update(input: Uint8Array): unknown;
    digestBuffer(): Uint8Array;
  };
}

const require = createRequire(import.meta.url);

// Loaded with the first input: a program that hashes nothing starts sooner.
let loadedWasm: Wasm | undefined;
let loadedNative: Native | false | undefined;

/** Below this many bytes a call into wasm costs less than one into the native hasher (measured, see `bench/README.md`). */
const NATIVE_FROM_BYTES = 1536;

/** Which implementation hashes long inputs here. */
export function hasherName(): 'native' | 'wasm' {
  return native() === undefined ? 'wasm' : 'native';
}

/** The BLAKE3 digest of a whole input. */
export function hashBytes(bytes: Uint8Array): B3Digest {
  const fast = bytes.length >= NATIVE_FROM_BYTES ? native() : undefined;
  return B3Digest.fromBytes(fast?.blake3(bytes) ?? wasm().hash(bytes));
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

class NativeHasher implements Hasher {
  readonly #state: InstanceType<Native['Blake3Hasher']>;

  constructor(state: InstanceType<Native['Blake3Hasher']>) {
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
