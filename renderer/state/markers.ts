import { create } from 'zustand';

/** A change that cures a problem, as the compiler proposes it. */
export interface MarkerFix {
  readonly title: string;
  /** Sure to be right. */
  readonly preferred: boolean;
  readonly edits: readonly {
    readonly path: string;
    readonly line: number;
    readonly column: number;
    readonly endLine: number;
    readonly endColumn: number;
    readonly text: string;
  }[];
}

/** A problem at a place in a file; lines and columns count from 1, the end is exclusive. */
export interface Marker {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly severity: 'error' | 'warning' | 'info' | 'hint';
  readonly message: string;
  /** `E0308`. */
  readonly code: string | null;
  /** Who says so: `rustc`. */
  readonly source: string;
  readonly fixes?: readonly MarkerFix[] | undefined;
}

interface MarkerState {
  readonly byOwner: ReadonlyMap<string, readonly Marker[]>;
}

/** Problems that editors underline; the owner replaces its own. */
export const useMarkers = create<MarkerState>(() => ({ byOwner: new Map() }));

export function setMarkers(owner: string, markers: readonly Marker[]): void {
  useMarkers.setState(({ byOwner }) => ({ byOwner: new Map(byOwner).set(owner, markers) }));
}

/** The worst problem of each file, and how many of that kind. */
export function worstByPath(state: MarkerState): Map<string, { severity: 'error' | 'warning'; count: number }> {
  const worst = new Map<string, { severity: 'error' | 'warning'; count: number }>();
  for (const { path, severity } of [...state.byOwner.values()].flat()) {
    if (severity !== 'error' && severity !== 'warning') continue;
    const there = worst.get(path);
    if (there === undefined || (there.severity === 'warning' && severity === 'error'))
      worst.set(path, { severity, count: 1 });
    else if (there.severity === severity) there.count += 1;
  }
  return worst;
}
