type Stream = Pick<NodeJS.WriteStream, 'write' | 'on'>;

const prepared = new WeakSet<Stream>();

/**
 * Writes a text that the command line itself prints, as help is. That nobody reads it to its end, as before `head`, is no
 * failure; any other failure is one.
 */
export function writeText(stream: Stream, text: string): void {
  if (!prepared.has(stream)) {
    prepared.add(stream);
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  stream.write(text);
}
