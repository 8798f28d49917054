/** A cache bounded by bytes that forgets the least recently used entries first. */
export class LruCache<K, V> {
  private readonly entries = new Map<K, { value: V; bytes: number }>();
  private total = 0;

  /** @param capacity bytes; 0 keeps nothing */
  constructor(readonly capacity: number) {}

  /** Sum of the bytes of all entries, never above the capacity. */
  get bytes(): number {
    return this.total;
  }

  get(key: K): V | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  /** Adds or replaces an entry; one that is larger than the whole cache is not kept. */
  set(key: K, value: V, bytes: number): void {
    this.drop(key);
    if (bytes > this.capacity) return;
    for (const oldest of this.entries.keys()) {
      if (this.total + bytes <= this.capacity) break;
      this.drop(oldest);
    }
    this.entries.set(key, { value, bytes });
    this.total += bytes;
  }

  private drop(key: K): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    this.total -= entry.bytes;
  }
}
