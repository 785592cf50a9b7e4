import { create } from 'zustand';
import { type Disposable, toDisposable } from '../../app/base/disposable.ts';
import { buildProblems, useBuild, workspaceRoot } from './build.ts';
import type { ProblemCounts } from './build-view.ts';
import { useLanguage } from './language.ts';
import { setMarkers } from './markers.ts';
import { countListed, type ProblemFile, problemList } from './problem-list.ts';
import { markersOf } from './problem-markers.ts';

interface Problems {
  readonly files: readonly ProblemFile[];
  readonly counts: ProblemCounts;
}

/** What the last build and the language server found: one list, from which rows, counts and the editors' underlines are made. */
export const useProblems = create<Problems>(() => ({ files: [], counts: { errors: 0, warnings: 0 } }));

/** Keeps the list equal to what both say. */
export function followProblems(): Disposable {
  const update = () => {
    const files = problemList(buildProblems(), useLanguage.getState().found);
    useProblems.setState({ files, counts: countListed(files) });
    setMarkers('problems', markersOf(files, useLanguage.getState().found, workspaceRoot()));
  };
  const stops = [
    useBuild.subscribe(({ status }, before) => {
      if (status.problems !== before.status.problems) update();
    }),
    useLanguage.subscribe(({ found }, before) => {
      if (found !== before.found) update();
    }),
  ];
  update();
  return toDisposable(() => {
    for (const stop of stops) stop();
  });
}
