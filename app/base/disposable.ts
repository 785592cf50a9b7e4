/** Ownership: whatever starts something returns a `Disposable`, and somebody's `DisposableStore` holds it. */

export interface Disposable {
  /** Ends what was started. Harmless when called again. */
  dispose(): void;
}

/** Wraps a function that is to run at most once. */
export function toDisposable(end: () => void): Disposable {
  let done = false;
  return {
    dispose() {
      if (done) return;
      done = true;
      end();
    },
  };
}

/** Several disposables with one end. They end in reverse order, each even if another throws. */
export class DisposableStore implements Disposable {
  readonly #items: Disposable[] = [];
  #disposed = false;

  get isDisposed(): boolean {
    return this.#disposed;
  }

  /** Takes ownership. What is added after the end is ended at once. */
  add<T extends Disposable>(item: T): T {
    if (this.#disposed) item.dispose();
    else this.#items.push(item);
    return item;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const thrown: unknown[] = [];
    for (const item of this.#items.splice(0).reverse()) {
      try {
        item.dispose();
      } catch (error) {
        thrown.push(error);
      }
    }
    if (thrown.length > 0) throw new AggregateError(thrown, 'errors while disposing');
  }
}
