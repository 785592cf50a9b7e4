import { messageOf } from '../../../app/base/result.ts';
import { workspaceRoot } from '../../state/build.ts';
import { type ProblemFix, relativeTo } from '../../state/build-view.ts';
import { notify } from '../../state/notifications.ts';
import { offsetEdits } from '../../state/text-edits.ts';
import { openFile } from '../../workbench/open.ts';

/** Makes the compiler's replacement in the editor, where it can be seen, undone and saved. */
export async function applyFix({ title, edits }: ProblemFix): Promise<void> {
  const first = edits[0];
  const path = first === undefined ? undefined : relativeTo(workspaceRoot(), first.span.file);
  if (first === undefined || path === undefined || edits.some(({ span }) => span.file !== first.span.file)) return;
  // With Monaco, which the page loads when it first needs it.
  const [{ acquire, release }, { modelOf }] = await Promise.all([
    import('../../editors/documents/lifecycle.ts'),
    import('../../editors/documents/entries.ts'),
  ]);
  try {
    await acquire(path);
    const model = modelOf(path);
    const changes = model === undefined ? null : offsetEdits(model.getValue(), edits);
    if (model === undefined || changes === null) {
      notify({
        severity: 'warning',
        message: 'The file has changed since the build',
        detail: `Build again, then: ${title}`,
        key: 'problems.fix',
      });
      return;
    }
    const operations = changes.map(({ start, end, text }) => {
      const from = model.getPositionAt(start);
      const to = model.getPositionAt(end);
      return {
        text,
        range: {
          startLineNumber: from.lineNumber,
          startColumn: from.column,
          endLineNumber: to.lineNumber,
          endColumn: to.column,
        },
      };
    });
    model.pushStackElement();
    model.pushEditOperations([], operations, () => null);
    model.pushStackElement();
    openFile(path, { line: first.span.line, column: first.span.column });
  } catch (thrown) {
    notify({ severity: 'error', message: 'The fix was not made', detail: messageOf(thrown) });
  } finally {
    release(path);
  }
}
