import { memo } from 'react';
import type { DriverSide, VirtioQueue } from '../../../app/contract/inspect/virtio.ts';

/** The four indices, and what each side thinks. */
export const Indices = memo(function Indices({
  queue,
  driver,
}: {
  readonly queue: VirtioQueue;
  readonly driver: DriverSide | null;
}) {
  const { avail, used, device } = queue;
  const show = (value: number | null | undefined) => (value == null ? '–' : String(value));
  const cells = [
    ['A', 'avail.idx', avail?.index, 'where the driver publishes next', 'published'],
    ['L', 'device at', device?.lastAvail, 'up to here the device has taken chains', 'in-flight'],
    ['U', 'used.idx', used?.index, 'where the device gives back next', 'returned'],
    ['S', 'driver at', driver?.lastUsed, 'up to here the driver has taken buffers back', 'free'],
  ] as const;
  const mismatch = driver?.size != null && driver.size !== queue.size;
  return (
    <dl className="vq-indices">
      {cells.map(([letter, name, value, meaning, owner]) => (
        <div key={letter} title={meaning} data-owner={owner}>
          <dt>
            <b>{letter}</b> {name}
          </dt>
          <dd>{show(value)}</dd>
        </div>
      ))}
      <div title="entries by the device, and by the driver" data-bad={mismatch ? '' : undefined}>
        <dt>entries</dt>
        <dd>{mismatch ? `${queue.size} ≠ ${driver?.size}` : queue.size}</dd>
      </div>
      <div title="avail.flags and used_event; used.flags and avail_event">
        <dt>events</dt>
        <dd>
          {avail?.event == null ? `f${show(avail?.flags)}` : show(avail.event)} /{' '}
          {used?.event == null ? `f${show(used?.flags)}` : show(used.event)}
        </dd>
      </div>
    </dl>
  );
});
