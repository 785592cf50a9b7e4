import { useEffect } from 'react';
import type { MemorySpace, MemoryView } from '../../../app/contract/inspect/memory.ts';
import type { Inspected } from '../../state/inspected.ts';
import type { MemoryEdits } from '../../state/memory.ts';
import { hexBytes } from '../../state/memory-view.ts';
import { Button } from '../../widgets/buttons.tsx';
import { ask } from '../../workbench/dialog.ts';

/** What was typed and not written yet, and what can be taken back. */
export function EditBar({
  edits,
  still,
  inspected,
  space,
  processor,
  view,
  onWritten,
}: {
  readonly edits: MemoryEdits;
  readonly still: boolean;
  readonly inspected: Inspected | null;
  readonly space: MemorySpace;
  readonly processor: number;
  readonly view: MemoryView;
  readonly onWritten: () => void;
}) {
  const { pending, written } = edits;
  // A machine that goes on has other bytes there by now.
  useEffect(() => {
    if (!still) edits.discard();
  }, [still, edits]);
  if (!still || inspected === null) return null;
  return (
    <div className="memory-edit" role="status">
      <span>
        {pending.size === 0
          ? 'The machine stands still: type hex digits at the cursor to change memory.'
          : `${pending.size} ${pending.size === 1 ? 'byte' : 'bytes'} typed, not written yet.`}
      </span>
      {pending.size === 0 ? null : (
        <>
          <Button
            kind="primary"
            onClick={() => {
              void (async () => {
                const answer = await ask(
                  'Change the memory of the machine?',
                  `${pending.size} bytes are written. Undo takes them back.`,
                  ['Write', 'Cancel'],
                );
                if (answer === 'Write') await edits.write(inspected.ref, space, processor, hexBytes(view), onWritten);
              })();
            }}
          >
            Write
          </Button>
          <Button kind="quiet" onClick={edits.discard}>
            Discard
          </Button>
        </>
      )}
      {written === 0 ? null : (
        <Button kind="quiet" icon="discard" onClick={() => void edits.undo(inspected.ref, onWritten)}>
          Undo the last write
        </Button>
      )}
    </div>
  );
}
