/**
 * From the ids of one kind of entry to their indices. Go numbers entries from 1 without gaps, others
 * take addresses; both must be fast, since each frame of each sample is looked up.
 */
export class IdTable {
  private readonly what: string;
  /** Index + 1 by id; 0 for none. */
  private readonly dense: Uint32Array;
  private readonly sparse = new Map<number, number>();
  private size = 0;

  /** @param count of the entries that will be added */
  constructor(what: string, count: number) {
    this.what = what;
    this.dense = new Uint32Array(2 * count + 1);
  }

  /** @throws Error for an id that is 0 or was there before */
  add(id: number): void {
    if (id === 0 || this.find(id) !== undefined) {
      throw new Error(`the profile has two entries for ${this.what} ${id}, or its id is 0`);
    }
    if (id < this.dense.length) {
      this.dense[id] = this.size + 1;
    } else {
      this.sparse.set(id, this.size);
    }
    this.size++;
  }

  /** @throws Error for an id that was not added */
  indexOf(id: number): number {
    const index = id < this.dense.length ? (this.dense[id] as number) : 0;
    return index > 0 ? index - 1 : this.rareIndexOf(id);
  }

  private rareIndexOf(id: number): number {
    const found = this.find(id);
    if (found === undefined) {
      throw new Error(`the profile names ${this.what} ${id}, which it does not contain`);
    }
    return found;
  }

  private find(id: number): number | undefined {
    if (id >= this.dense.length) {
      return this.sparse.get(id);
    }
    const found = this.dense[id] ?? 0;
    return found === 0 ? undefined : found - 1;
  }
}
