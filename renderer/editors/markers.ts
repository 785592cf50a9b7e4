import { type Marker, useMarkers } from '../state/markers.ts';
import { pathOfUri } from './documents/uri.ts';
import { monaco } from './monaco.ts';

/** Brings the problems of state/markers to Monaco's models, and the compiler's proposals to its light bulb. */

const SEVERITY = {
  error: monaco.MarkerSeverity.Error,
  warning: monaco.MarkerSeverity.Warning,
  info: monaco.MarkerSeverity.Info,
  hint: monaco.MarkerSeverity.Hint,
};

const rangeOf = (place: Pick<Marker, 'line' | 'column' | 'endLine' | 'endColumn'>) => ({
  startLineNumber: place.line,
  startColumn: place.column,
  endLineNumber: place.endLine,
  endColumn: place.endColumn,
});

type TextModel = ReturnType<typeof monaco.editor.createModel>;

function draw(model: TextModel): void {
  const path = pathOfUri(model.uri);
  if (path === null) return;
  for (const [owner, markers] of useMarkers.getState().byOwner) {
    const own = markers.filter((marker) => marker.path === path);
    monaco.editor.setModelMarkers(
      model,
      owner,
      own.map((marker) => ({
        ...rangeOf(marker),
        severity: SEVERITY[marker.severity],
        message: marker.message,
        source: marker.source,
        ...(marker.code === null ? {} : { code: marker.code }),
      })),
    );
  }
}

monaco.editor.onDidCreateModel(draw);
useMarkers.subscribe(() => {
  for (const model of monaco.editor.getModels()) draw(model);
});
for (const model of monaco.editor.getModels()) draw(model);

monaco.languages.registerCodeActionProvider('*', {
  provideCodeActions(model, range) {
    const path = pathOfUri(model.uri);
    const here = [...useMarkers.getState().byOwner.values()]
      .flat()
      .filter((marker) => marker.path === path && monaco.Range.areIntersectingOrTouching(rangeOf(marker), range));
    const actions = here.flatMap((marker) =>
      (marker.fixes ?? []).map((fix) => ({
        title: fix.title,
        kind: 'quickfix',
        isPreferred: fix.preferred,
        edit: {
          edits: fix.edits.map((edit) => ({
            resource: monaco.Uri.from({ scheme: 'file', path: `/${edit.path}` }),
            versionId: undefined,
            textEdit: { range: rangeOf(edit), text: edit.text },
          })),
        },
      })),
    );
    return { actions, dispose: () => {} };
  },
});
