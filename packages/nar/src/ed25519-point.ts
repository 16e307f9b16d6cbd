/**
 * The checks on encoded Ed25519 values that strict verification adds to RFC 8032, which platforms leave out: under a key of
 * small order a signature can fit many messages, and a second encoding of a value makes a second signature.
 */

const P = 2n ** 255n - 19n;
/** The order of the group that keys live in. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
/** -121665/121666, the constant of the curve -x² + y² = 1 + dx²y². */
const D =
  37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** The y coordinates of the eight points whose order divides 8. */
const SMALL_ORDER: readonly bigint[] = [
  0n,
  1n,
  P - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
];

/** Whether 32 bytes are the one encoding of a point on the curve, and that point is not of small order. */
export function isStrictPoint(bytes: Uint8Array): boolean {
  return isStrictCommitment(bytes) && isOnCurve(coordinate(bytes));
}

/**
 * The same without the costly part, whether there is such a point: verification compares a signature's first half with the
 * encoding of a point, so that it finds out by itself.
 */
export function isStrictCommitment(bytes: Uint8Array): boolean {
  const y = coordinate(bytes);
  return y < P && !SMALL_ORDER.includes(y);
}

/** Whether 32 bytes are a scalar below the order of the group. */
export function isCanonicalScalar(bytes: Uint8Array): boolean {
  return littleEndian(bytes) < L;
}

/** Whether x² = (y² - 1) / (dy² + 1) has a solution; the denominator is never zero. */
function isOnCurve(y: bigint): boolean {
  const numerator = (y * y - 1n) % P;
  const denominator = (D * y * y + 1n) % P;
  // Euler: a quotient is a square if and only if the product is.
  return power((numerator * denominator) % P, (P - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

/** The y coordinate: all bits but the sign of x. */
function coordinate(bytes: Uint8Array): bigint {
  return littleEndian(bytes) & (2n ** 255n - 1n);
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--)
    value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}
