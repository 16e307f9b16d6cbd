/** Numbers for what is open, from 1 on; 0 stands for "nothing kept". */
export class HandleTable<V> {
  readonly #open = new Map<number, V>();
  readonly #free: number[] = [];
  #last = 0;

  get size(): number {
    return this.#open.size;
  }

  open(value: V): number {
    const handle = this.#free.pop() ?? ++this.#last;
    this.#open.set(handle, value);
    return handle;
  }

  get(handle: number): V | undefined {
    return this.#open.get(handle);
  }

  /** Takes a value out. `undefined` for a number that isn't open. */
  release(handle: number): V | undefined {
    const value = this.#open.get(handle);
    if (this.#open.delete(handle)) this.#free.push(handle);
    return value;
  }

  values(): IterableIterator<V> {
    return this.#open.values();
  }

  clear(): void {
    this.#open.clear();
    this.#free.length = 0;
    this.#last = 0;
  }
}
