/** A codec in the shape that service definitions take. */
export interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

/**
 * nice-grpc passes what an encoder returns through `Buffer.from`, which copies a `Uint8Array` but takes an `ArrayBuffer`
 * as it is: a message that fills its memory goes through as that.
 */
export function handOver(message: Uint8Array): Uint8Array {
  const { buffer } = message;
  return buffer.byteLength === message.length
    ? (buffer as unknown as Uint8Array)
    : message;
}
