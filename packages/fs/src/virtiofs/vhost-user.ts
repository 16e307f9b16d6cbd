/**
 * The vhost-user protocol, version 1, as far as a file system needs it: a front-end (qemu, cloud-hypervisor) tells a
 * back-end over a unix socket where the virtual machine's memory and queues are.
 *
 * A message is a header of three u32 (request, flags, length of the payload) and a payload; descriptors travel beside
 * it. All is little endian, as both ends run on one machine.
 */
import { FsError } from '../errors.ts';

/** What a front-end asks for. */
export const REQUEST = {
  GET_FEATURES: 1,
  SET_FEATURES: 2,
  SET_OWNER: 3,
  RESET_OWNER: 4,
  SET_MEM_TABLE: 5,
  SET_VRING_NUM: 8,
  SET_VRING_ADDR: 9,
  SET_VRING_BASE: 10,
  GET_VRING_BASE: 11,
  SET_VRING_KICK: 12,
  SET_VRING_CALL: 13,
  SET_VRING_ERR: 14,
  GET_PROTOCOL_FEATURES: 15,
  SET_PROTOCOL_FEATURES: 16,
  GET_QUEUE_NUM: 17,
  SET_VRING_ENABLE: 18,
} as const;

/** Features of the device, agreed on with the guest; PROTOCOL_FEATURES with the front-end. */
export const FEATURE = {
  /** Bit 28 */
  INDIRECT_DESC: 0x10000000n,
  /** Bit 29 */
  EVENT_IDX: 0x20000000n,
  /** Bit 30 */
  PROTOCOL_FEATURES: 0x40000000n,
  /** Bit 32 */
  VERSION_1: 0x100000000n,
} as const;

/** Features of the protocol itself. Without MQ, qemu allows fewer queues than a file system has. */
export const PROTOCOL_FEATURE = { MQ: 0x1n, REPLY_ACK: 0x8n } as const;

/** The length of a message's header, in bytes. */
export const HEADER_BYTES = 12;
/** Without further agreement there are no more regions of memory than this; each comes with a descriptor. */
export const MAX_REGIONS = 8;
/** The longest payload that is taken: a table of memory. */
export const MAX_PAYLOAD_BYTES: number = 8 + MAX_REGIONS * 32;

const VERSION = 1;
const VERSION_MASK = 3;
const FLAG_REPLY = 4;
const FLAG_NEEDS_REPLY = 8;

/** One message of a front-end. Whoever takes it owns the descriptors. */
export interface Message {
  readonly request: number;
  /** Whether an acknowledgement is asked for, where that was agreed on. */
  readonly needsReply: boolean;
  readonly payload: DataView;
  readonly descriptors: readonly number[];
}

/** What a header says. */
export interface Header {
  readonly request: number;
  readonly needsReply: boolean;
  readonly payloadBytes: number;
}

/** Where a part of the guest's memory is. */
export interface RegionPlace {
  /** Its address in the guest. */
  readonly guestAddress: number;
  /** Its address in the front-end, which is how queues are placed. */
  readonly userAddress: number;
  readonly size: number;
  /** Where in the file that came along it begins. */
  readonly offset: number;
}

/** Where the parts of a queue are, as addresses in the front-end. */
export interface RingAddresses {
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
}

/**
 * Reads the 12 bytes of a header.
 *
 * @throws FsError `fs/bad-front-end`
 */
export function parseHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const flags = view.getUint32(4, true);
  const payloadBytes = view.getUint32(8, true);
  if ((flags & VERSION_MASK) !== VERSION || (flags & FLAG_REPLY) !== 0)
    throw badFrontEnd(`a message with the flags 0x${flags.toString(16)}`);
  if (payloadBytes > MAX_PAYLOAD_BYTES)
    throw badFrontEnd(`a message of ${payloadBytes} bytes`);
  return {
    request: view.getUint32(0, true),
    needsReply: (flags & FLAG_NEEDS_REPLY) !== 0,
    payloadBytes,
  };
}

/** A reply that carries 64 bits. */
export function encodeReply(request: number, value: bigint): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, request, true);
  view.setUint32(4, VERSION | FLAG_REPLY, true);
  view.setUint32(8, 8, true);
  view.setBigUint64(HEADER_BYTES, value, true);
  return bytes;
}

/** A reply that tells something of one queue. */
export function encodeVringReply(
  request: number,
  index: number,
  value: number,
): Uint8Array {
  return encodeReply(request, BigInt(index) | (BigInt(value) << 32n));
}

/** The 64 bits that are a message's whole payload. @throws FsError `fs/bad-front-end` */
export function parseUint64({ request, payload }: Message): bigint {
  expectLength(request, payload, 8);
  return payload.getBigUint64(0, true);
}

/** Which queue, and what of it. @throws FsError `fs/bad-front-end` */
export function parseVringState({ request, payload }: Message): {
  readonly index: number;
  readonly value: number;
} {
  expectLength(request, payload, 8);
  return {
    index: payload.getUint32(0, true),
    value: payload.getUint32(4, true),
  };
}

/** Which queue, and where its parts are. @throws FsError `fs/bad-front-end` */
export function parseVringAddresses({ request, payload }: Message): {
  readonly index: number;
  readonly addresses: RingAddresses;
} {
  expectLength(request, payload, 40);
  return {
    index: payload.getUint32(0, true),
    addresses: {
      descriptors: address(payload, 8),
      used: address(payload, 16),
      available: address(payload, 24),
    },
  };
}

/**
 * Which queue, and the descriptor that came for it: `undefined` where there is none, as bit 8 says.
 *
 * @throws FsError `fs/bad-front-end`
 */
export function parseVringDescriptor(message: Message): {
  readonly index: number;
  readonly descriptor: number | undefined;
} {
  const value = parseUint64(message);
  const expected = (value & 0x100n) === 0n ? 1 : 0;
  if (message.descriptors.length !== expected)
    throw badFrontEnd(
      `${message.descriptors.length} descriptors with request ${message.request}`,
    );
  return {
    index: Number(value & 0xffn),
    descriptor: message.descriptors[0],
  };
}

/** Where the guest's memory is, in the order of the descriptors. @throws FsError `fs/bad-front-end` */
export function parseMemoryTable(message: Message): readonly RegionPlace[] {
  const { request, payload, descriptors } = message;
  if (payload.byteLength < 8) expectLength(request, payload, 8);
  const count = payload.getUint32(0, true);
  expectLength(request, payload, 8 + count * 32);
  if (descriptors.length !== count)
    throw badFrontEnd(`${descriptors.length} files for ${count} regions`);
  return descriptors.map((_, i) => {
    const at = 8 + i * 32;
    const place = {
      guestAddress: address(payload, at),
      size: address(payload, at + 8),
      userAddress: address(payload, at + 16),
      offset: address(payload, at + 24),
    };
    const { guestAddress, userAddress, size, offset } = place;
    const ends = [guestAddress + size, userAddress + size, offset + size];
    if (size === 0 || !ends.every(Number.isSafeInteger))
      throw badFrontEnd('a region of memory that can not be');
    return place;
  });
}

/** The error for a front-end that doesn't keep to the protocol. */
export function badFrontEnd(what: string): FsError {
  return new FsError('fs/bad-front-end', `the front-end sent ${what}`);
}

function expectLength(
  request: number,
  payload: DataView,
  expected: number,
): void {
  if (payload.byteLength !== expected)
    throw badFrontEnd(
      `${payload.byteLength} bytes with request ${request} instead of ${expected}`,
    );
}

function address(payload: DataView, at: number): number {
  const value = payload.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw badFrontEnd(`the address 0x${value.toString(16)}`);
  return Number(value);
}
