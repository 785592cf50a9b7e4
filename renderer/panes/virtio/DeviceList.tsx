import { memo } from 'react';
import type {
  BufferOwner,
  Verdict,
  VirtioDevice,
  VirtioQueue,
  VirtioReport,
} from '../../../app/contract/inspect/virtio.ts';
import type { QueueTape } from '../../../app/virtio/tape.ts';
import { tapeKey, useVirtioSelection, verdictsOf, viewOf, worstOf } from '../../state/virtio.ts';
import { Icon } from '../../widgets/Icon.tsx';

const MARKS: Readonly<Record<Verdict['severity'] | 'none', readonly [icon: string, text: string]>> = {
  error: ['error', 'something is wrong'],
  warning: ['warning', 'worth a look'],
  ok: ['pass', 'in order'],
  none: ['circle-outline', 'not in use'],
};

/** Devices and their queues, each with its state. Arrow keys move, as in a list box. */
export function DeviceList({
  report,
  tapes,
  shown,
}: {
  readonly report: VirtioReport;
  /** What is recorded of the queues, which is fresher. */
  readonly tapes: ReadonlyMap<string, QueueTape>;
  readonly shown: { readonly device: VirtioDevice; readonly queue: VirtioQueue | null } | null;
}) {
  const rows = report.devices.flatMap((device) => [
    { device, queue: null },
    ...device.queues.filter((it) => it.configured).map((queue) => ({ device, queue })),
  ]);
  const choose = (row: (typeof rows)[number] | undefined) =>
    row !== undefined &&
    useVirtioSelection.setState({ device: row.device.path, queue: row.queue?.index ?? null, head: null, at: null });
  const current = rows.findIndex(
    ({ device, queue }) => device === shown?.device && (queue?.index ?? null) === (shown.queue?.index ?? null),
  );
  return (
    <div
      className="vq-devices"
      role="listbox"
      aria-label="Virtio devices and queues"
      tabIndex={0}
      data-autofocus=""
      aria-activedescendant={current < 0 ? undefined : `vq-row-${current}`}
      onKeyDown={(event) => {
        const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
        if (by === 0) return;
        event.preventDefault();
        choose(rows[Math.min(rows.length - 1, Math.max(0, current + by))]);
      }}
    >
      {rows.map((row, n) => {
        const { device, queue } = row;
        const isShown = n === current;
        const [icon, text] =
          MARKS[
            worstOf(queue === null ? device.verdicts : verdictsOf(device, queue).filter((it) => it.queue !== null))
          ];
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the list box moves by its own keys
          // biome-ignore lint/a11y/useFocusableInteractive: and has the focus itself (aria-activedescendant)
          <div
            key={`${device.path} ${queue?.index ?? ''}`}
            id={`vq-row-${n}`}
            role="option"
            aria-selected={isShown}
            className={queue === null ? 'vq-device' : 'vq-queue'}
            onClick={() => choose(row)}
          >
            <span className="vq-mark" data-severity={icon} title={text}>
              <Icon name={icon} />
            </span>
            {queue === null ? (
              <>
                <span className="vq-device-name">{device.id}</span>
                <span className="vq-device-kind">
                  {device.typeName}
                  {device.location === '' ? '' : ` · ${device.location}`}
                </span>
              </>
            ) : (
              <>
                <span className="vq-queue-name">{queue.name}</span>
                <span className="vq-queue-size">{queue.size}</span>
                <OwnerBar {...countsOf(tapes.get(tapeKey(device.path, queue.index)), queue)} size={queue.size} />
              </>
            )}
          </div>
        );
      })}
    </div>
  );
}

const OWNERS: readonly BufferOwner[] = ['returned', 'in-flight', 'published'];

/** Beyond this a queue is not put together for its bar alone. */
const BAR_SIZE = 4096;

function countsOf(tape: QueueTape | undefined, queue: VirtioQueue): VirtioQueue['counts'] {
  return queue.size <= BAR_SIZE ? viewOf(tape, null, queue).counts : queue.counts;
}

/** How much of the table each owner has, as a bar. */
const OwnerBar = memo(function OwnerBar({ size, ...counts }: VirtioQueue['counts'] & { readonly size: number }) {
  return (
    <span className="vq-bar" title={OWNERS.map((it) => `${counts[it]} ${it}`).join(', ')}>
      {OWNERS.map((it) => (
        <span key={it} data-owner={it} style={{ width: `${(100 * counts[it]) / Math.max(1, size)}%` }} />
      ))}
    </span>
  );
});
