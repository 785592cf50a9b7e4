import { create, type StoreApi, type UseBoundStore } from 'zustand';
import { type Disposable, toDisposable } from '../../app/base/disposable.ts';

/** Things of one kind by their id, in the order of registration; components see changes through the store. */
export interface Registry<T extends { readonly id: string }> {
  readonly useItems: UseBoundStore<StoreApi<ReadonlyMap<string, T>>>;
  /** Throws if the id is taken: two owners of one id are a bug. */
  register(item: T): Disposable;
  get(id: string): T | undefined;
  all(): T[];
}

export function createRegistry<T extends { readonly id: string }>(kind: string): Registry<T> {
  const useItems = create<ReadonlyMap<string, T>>(() => new Map());
  return {
    useItems,
    register(item) {
      if (useItems.getState().has(item.id)) throw new Error(`${kind} ${item.id} is registered twice`);
      useItems.setState((items) => new Map(items).set(item.id, item), true);
      return toDisposable(() => {
        useItems.setState((items) => {
          const rest = new Map(items);
          rest.delete(item.id);
          return rest;
        }, true);
      });
    },
    get: (id) => useItems.getState().get(id),
    all: () => [...useItems.getState().values()],
  };
}
