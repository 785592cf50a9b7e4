import { useState } from 'react';
import { formatAddress } from '../../../app/base/address.ts';
import { MAX_LOOK_BYTES, type MemorySpace, type MemoryView } from '../../../app/contract/inspect/memory.ts';
import { AddressField } from '../../inspect/AddressField.tsx';
import { InspectFrame } from '../../inspect/InspectFrame.tsx';
import { ProcessorPicker } from '../../inspect/ProcessorPicker.tsx';
import { useLive } from '../../inspect/use-live.ts';
import { type Inspected, useInspected } from '../../state/inspected.ts';
import { closeLens, openLens, useLens } from '../../state/lens.ts';
import { type MemoryEdits, saveRange, useMemoryEdits } from '../../state/memory.ts';
import {
  goBack,
  goForward,
  goTo,
  type HexBytes,
  hexBytes,
  ROW_BYTES,
  readings,
  type Trail,
} from '../../state/memory-view.ts';
import { notify, notifyError } from '../../state/notifications.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { ask } from '../../workbench/dialog.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { EditBar } from './EditBar.tsx';
import { HexView, useRowCount } from './HexView.tsx';
import { LensPanel } from './LensPanel.tsx';
import { SearchPanel } from './SearchPanel.tsx';
import { type LensView, useLensView } from './use-lens-view.ts';
import './memory.css';

/** The kernel's first byte: where a look begins that nobody has directed. */
const START = 0xffff_ffff_8020_0000n;

/** Bytes of physical or virtual memory, live. */
export function MemoryPane({ isVisible }: PaneProps) {
  const inspected = useInspected();
  const [space, setSpace] = useState<MemorySpace>('virtual');
  const [processor, setProcessor] = useState(0);
  const [trail, setTrail] = useState<Trail>({ back: [], here: START, forward: [] });
  const [start, setStart] = useState(START);
  const [cursor, setCursor] = useState(START);
  const [searching, setSearching] = useState(false);
  const [viewport, rows] = useRowCount();
  const edits = useMemoryEdits(inspected?.key ?? '');
  const size = rows * ROW_BYTES;
  const at = formatAddress(start);
  const live = useLive(inspected, isVisible, { of: 'memory', space, processor, address: at, size });
  const show = (next: Trail) => {
    setTrail(next);
    setStart(next.here & ~15n);
    setCursor(next.here);
  };
  const go = (address: bigint) => show(goTo({ ...trail, here: cursor }, address));
  /** Moves the cursor, and the rows only if it would not be seen. */
  const point = (address: bigint) => {
    setSpace('virtual');
    setCursor(address);
    if (address < start || address >= start + BigInt(size)) setStart(address & ~15n);
  };
  const lensOpen = useLens((state) => state.open);
  const lens = useLensView({
    inspected,
    isVisible,
    processor,
    space,
    cursor,
    onCursor: point,
    onFound(address) {
      setSpace('virtual');
      go(address);
    },
  });
  const still = inspected?.machine?.state.phase === 'paused';
  return (
    <InspectFrame
      icon="file-binary"
      label="memory"
      inspected={inspected}
      live={live}
      tools={
        <>
          <IconButton
            icon="arrow-left"
            label="Back"
            hint="Alt+Left"
            disabled={trail.back.length === 0}
            onClick={() => show(goBack(trail))}
          />
          <IconButton
            icon="arrow-right"
            label="Forward"
            hint="Alt+Right"
            disabled={trail.forward.length === 0}
            onClick={() => show(goForward(trail))}
          />
          <AddressField inspected={inspected} processor={processor} label="Go to" onGo={go} />
          <select
            className="field"
            aria-label="Address space"
            value={space}
            onChange={(event) => setSpace(event.target.value === 'physical' ? 'physical' : 'virtual')}
          >
            <option value="virtual">virtual</option>
            <option value="physical">physical</option>
          </select>
          {space === 'virtual' ? (
            <ProcessorPicker inspected={inspected} value={processor} onChange={setProcessor} />
          ) : null}
          <IconButton
            icon="search"
            label="Search memory"
            pressed={searching}
            onClick={() => setSearching(!searching)}
          />
          <IconButton
            icon="symbol-structure"
            label="Typed lens: statics and types over these bytes"
            pressed={lensOpen}
            onClick={() => (lensOpen ? closeLens() : openLens())}
          />
          <IconButton
            icon="save"
            label="Save the bytes that are shown, and what follows"
            onClick={() => void saveDialog(inspected, space, processor, start)}
          />
        </>
      }
    >
      {(view, before) => (
        <div className="memory-room">
          {/* biome-ignore lint/a11y/noStaticElementInteractions: keys of the whole pane, for whatever in it has the focus */}
          <div
            className="memory"
            onKeyDown={(event) => {
              if (event.altKey && event.key === 'ArrowLeft') show(goBack(trail));
              else if (event.altKey && event.key === 'ArrowRight') show(goForward(trail));
              else if ((event.ctrlKey || event.metaKey) && event.key === 'z' && still)
                void edits.undo(inspected?.ref, live.refresh);
              else return;
              event.preventDefault();
              event.stopPropagation();
            }}
          >
            {searching ? <SearchPanel inspected={inspected} space={space} processor={processor} onGo={go} /> : null}
            <div className="memory-main">
              <MemoryHead view={view} cursor={cursor} />
              <div className="memory-rows" ref={viewport}>
                <Rows
                  view={view}
                  before={before}
                  {...{ start, rows, cursor, edits, still, lens }}
                  onCursor={setCursor}
                  onStart={setStart}
                  onFollow={go}
                />
              </div>
              <Inspector view={view} cursor={cursor} onFollow={go} />
              <EditBar
                edits={edits}
                still={still}
                inspected={inspected}
                space={space}
                processor={processor}
                view={view}
                onWritten={live.refresh}
              />
            </div>
            {lensOpen ? (
              <LensPanel
                inspected={inspected}
                view={lens}
                cursor={space === 'virtual' ? formatAddress(cursor) : null}
                onGo={(address) => {
                  setSpace('virtual');
                  go(address);
                }}
              />
            ) : null}
          </div>
        </div>
      )}
    </InspectFrame>
  );
}

function Rows({
  view,
  before,
  edits,
  still,
  lens,
  ...rest
}: {
  readonly view: MemoryView;
  readonly before: MemoryView | null;
  readonly start: bigint;
  readonly rows: number;
  readonly cursor: bigint;
  readonly edits: MemoryEdits;
  readonly still: boolean;
  readonly lens: LensView;
  readonly onCursor: (address: bigint) => void;
  readonly onStart: (address: bigint) => void;
  readonly onFollow: (address: bigint) => void;
}) {
  const compared = before !== null && before.space === view.space ? hexBytes(before) : null;
  return (
    <HexView
      memory={hexBytes(view)}
      before={compared}
      edits={edits.pending}
      editable={still}
      onEdit={edits.edit}
      extent={lens.extent}
      field={lens.field}
      {...rest}
    />
  );
}

function MemoryHead({ view, cursor }: { readonly view: MemoryView; readonly cursor: bigint }) {
  return (
    <div className="memory-head">
      <span className="hex-row memory-columns" aria-hidden="true">
        <span className="hex-address">{view.space === 'virtual' ? 'virtual address' : 'physical address'}</span>
        <span className="hex-bytes">
          {Array.from({ length: 16 }, (_, n) => n).map((n) => (
            <span key={n} className="hex-byte" data-column={Number(cursor & 15n) === n ? '' : undefined}>
              {n.toString(16).padStart(2, '0')}
            </span>
          ))}
        </span>
      </span>
      <span className="memory-symbol" title={view.symbol ?? undefined}>
        {view.symbol ?? ''}
      </span>
      {view.space === 'virtual' ? (
        <span className="memory-physical">{view.physical === null ? 'not mapped' : `physical ${view.physical}`}</span>
      ) : null}
    </div>
  );
}

/** The bytes at the cursor as numbers, and where they lead. */
function Inspector({
  view,
  cursor,
  onFollow,
}: {
  readonly view: MemoryView;
  readonly cursor: bigint;
  readonly onFollow: (address: bigint) => void;
}) {
  const memory: HexBytes = hexBytes(view);
  const { list } = readings(memory, cursor);
  const { pointer } = readings(memory, cursor & ~7n);
  return (
    <div className="memory-inspector">
      <code>{formatAddress(cursor)}</code>
      <dl>
        {list.map(({ name, text }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {pointer === null || pointer === '0x0' ? null : (
        <button
          type="button"
          className="inspect-address"
          title="Follow this pointer (Enter)"
          onClick={() => onFollow(BigInt(pointer))}
        >
          → {pointer}
        </button>
      )}
    </div>
  );
}

async function saveDialog(
  inspected: Inspected | null,
  space: MemorySpace,
  processor: number,
  start: bigint,
): Promise<void> {
  if (inspected === null) return;
  const sizes = [4096, 65_536, MAX_LOOK_BYTES, 16 * MAX_LOOK_BYTES];
  const labels = ['4 KiB', '64 KiB', '1 MiB', '16 MiB'];
  const answer = await ask(
    'Save memory',
    `From ${formatAddress(start)} on, ${space}. What is not there is saved as zero.`,
    [...labels, 'Cancel'],
  );
  const size = sizes[labels.indexOf(answer ?? '')];
  if (size === undefined) return;
  const saved = await saveRange(inspected.ref, space, processor, start, size);
  if (!saved.ok) notifyError(saved.error);
  else notify({ severity: 'info', message: `${saved.value} was saved` });
}
