/** The part of `AbortSignal` that the core needs; the core has no DOM or Node types of its own. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What every long operation takes. */
export interface LongOperation {
  /** Cancels the operation. It then ends with an error whose code is `cancelled`. */
  readonly signal?: CancelSignal | undefined;
}

/** Whether the operation is to end. A function, since the answer changes behind the compiler's back. */
export function isCancelled(signal: CancelSignal | undefined): boolean {
  return signal?.aborted === true;
}
