import { memo } from 'react';
import type { VirtioQueue } from '../../../app/contract/inspect/virtio.ts';
import { slotOf } from '../../../app/virtio/split-ring.ts';
import { useVirtioSelection } from '../../state/virtio.ts';

/** Slots on each side of an index. */
const BEFORE = 9;
const AFTER = 3;

/** The rings close by their indices, slot by slot: what is too small to read on the rings of a large queue. */
export const Strips = memo(function Strips({ queue }: { readonly queue: VirtioQueue }) {
  const { avail, used, device, driver, size } = queue;
  if (queue.layout !== 'split' || avail === null || used === null) return null;
  const lastAvail = device?.lastAvail ?? null;
  const lastUsed = driver?.lastUsed ?? null;
  return (
    <div className="vq-strips">
      <Strip
        name="avail"
        index={avail.index}
        size={size}
        marks={[
          ['A', avail.index],
          ['L', lastAvail],
        ]}
        ownerOf={(position) =>
          lastAvail !== null && ((position - lastAvail) & 0xffff) < ((avail.index - lastAvail) & 0xffff)
            ? 'published'
            : 'free'
        }
        headOf={(slot) => queue.availRing[slot] ?? null}
        text={(slot) => String(queue.availRing[slot] ?? '')}
      />
      <Strip
        name="used"
        index={used.index}
        size={size}
        marks={[
          ['U', used.index],
          ['S', lastUsed],
        ]}
        ownerOf={(position) =>
          lastUsed !== null && ((position - lastUsed) & 0xffff) < ((used.index - lastUsed) & 0xffff)
            ? 'returned'
            : 'free'
        }
        headOf={(slot) => queue.usedRing[slot]?.id ?? null}
        text={(slot) => String(queue.usedRing[slot]?.id ?? '')}
      />
    </div>
  );
});

function Strip({
  name,
  index,
  size,
  marks,
  ownerOf,
  headOf,
  text,
}: {
  readonly name: string;
  readonly index: number;
  readonly size: number;
  readonly marks: ReadonlyArray<readonly [string, number | null]>;
  readonly ownerOf: (position: number) => 'published' | 'returned' | 'free';
  readonly headOf: (slot: number) => number | null;
  readonly text: (slot: number) => string;
}) {
  const selected = useVirtioSelection((state) => state.head);
  const count = Math.min(size, BEFORE + AFTER);
  const cells = Array.from({ length: count }, (_, n) => (index - Math.min(BEFORE, size - 1) + n) & 0xffff);
  return (
    <div className="vq-strip">
      <span className="vq-strip-name">{name}</span>
      {cells.map((position) => {
        const slot = slotOf(position, size);
        const labels = marks.filter(([, at]) => at === position).map(([label]) => label);
        const isPast = ((index - position) & 0xffff) <= size && position !== index && ((index - position) & 0xffff) > 0;
        return (
          <button
            key={position}
            type="button"
            className="vq-cell"
            data-owner={isPast ? ownerOf(position) : 'ahead'}
            aria-pressed={selected !== null && isPast && headOf(slot) === selected}
            title={`${name}[${slot}], position ${position}`}
            onClick={() => useVirtioSelection.setState({ head: headOf(slot) })}
          >
            <small>{slot}</small>
            <span>{isPast ? text(slot) : '·'}</span>
            <b>{labels.join(' ')}</b>
          </button>
        );
      })}
    </div>
  );
}
