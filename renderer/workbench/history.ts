import { create } from 'zustand';

/** Where a person has been, for going back and forward. */

export interface Visit {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

interface History {
  /** Oldest first. */
  readonly visits: readonly Visit[];
  /** Which of them is here; -1 before the first. */
  readonly at: number;
}

/** Steps within so many lines are no journey. */
const NEAR_LINES = 10;
const LIMIT = 100;

const isNear = (a: Visit, b: Visit) => a.path === b.path && Math.abs(a.line - b.line) < NEAR_LINES;

/** The history after the cursor has moved: a step nearby moves the place, a leap makes a new one and forgets what lay ahead. */
export function afterMove({ visits, at }: History, visit: Visit): History {
  const here = visits[at];
  if (here !== undefined && isNear(here, visit)) return { visits: visits.with(at, visit), at };
  const next = [...visits.slice(0, at + 1), visit].slice(-LIMIT);
  return { visits: next, at: next.length - 1 };
}

export const useHistory = create<History>(() => ({ visits: [], at: -1 }));

export function noteVisit(visit: Visit): void {
  useHistory.setState((history) => afterMove(history, visit));
}

export const canGo = (step: 1 | -1) => {
  const { visits, at } = useHistory.getState();
  return visits[at + step] !== undefined;
};

/** The place one step away, which becomes the place that is here. */
export function takeStep(step: 1 | -1): Visit | null {
  const { visits, at } = useHistory.getState();
  const visit = visits[at + step];
  if (visit === undefined) return null;
  useHistory.setState({ at: at + step });
  return visit;
}
