/** Results of a pure function, the last of them, by what they were made of: looked at thirty times a second, most things are as they were. */
export class Recent<T extends object> {
  readonly #kept = new Map<string, T>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** The very object that was made of this key before, if it is still kept. */
  get(key: string, make: () => T): T {
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const made = make();
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < this.#most) break;
      this.#kept.delete(oldest);
    }
    this.#kept.set(key, made);
    return made;
  }
}
