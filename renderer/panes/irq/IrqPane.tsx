import { memo, useState } from 'react';
import type { Hop, IoApicView, IrqRoute, IrqView, LocalApicView } from '../../../app/contract/inspect/irq.ts';
import { InspectFrame } from '../../inspect/InspectFrame.tsx';
import { useLive } from '../../inspect/use-live.ts';
import { useInspected } from '../../state/inspected.ts';
import { hoverTitle } from '../../widgets/hover-title.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { moveFocus } from '../../widgets/roving.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import './irq.css';

const LOOK = { of: 'irq' } as const;

/** From the device to EOI: every interrupt that is switched on, and where it stops. */
export function IrqPane({ isVisible }: PaneProps) {
  const inspected = useInspected();
  const [filter, setFilter] = useState('');
  const [off, setOff] = useState(false);
  const live = useLive(inspected, isVisible, LOOK);
  const tools = (
    <>
      <input
        className="field irq-filter"
        type="search"
        aria-label="Vector or device"
        placeholder="Vector or device"
        spellCheck={false}
        data-autofocus
        value={filter}
        onChange={(event) => setFilter(event.target.value)}
      />
      <label className="irq-off">
        <input type="checkbox" checked={off} onChange={(event) => setOff(event.target.checked)} /> switched off too
      </label>
    </>
  );
  return (
    <InspectFrame icon="zap" label="interrupt paths" inspected={inspected} live={live} tools={tools}>
      {(view, before) => <Paths {...{ view, before, off }} filter={filter.trim().toLowerCase()} />}
    </InspectFrame>
  );
}

const Paths = memo(function Paths({
  view,
  before,
  filter,
  off,
}: {
  readonly view: IrqView;
  readonly before: IrqView | null;
  readonly filter: string;
  readonly off: boolean;
}) {
  const [open, setOpen] = useState<string | null>(null);
  const meant = (it: IrqRoute) => {
    const vector = it.vector === null ? '' : `${it.vector} 0x${it.vector.toString(16)}`;
    return `${it.title} ${it.device} ${vector}`.toLowerCase().includes(filter);
  };
  const routes = view.routes.filter((it) => (off || it.verdict !== 'off' || filter !== '') && meant(it));
  const broken = view.routes.filter(({ verdict }) => verdict === 'broken');
  const old = new Map(before?.routes.map(({ id, raised }) => [id, raised]));
  return (
    <div className="irq">
      <p className="irq-verdict" data-tone={broken.length === 0 ? 'good' : 'bad'}>
        <Icon name={broken.length === 0 ? 'pass' : 'error'} />
        {broken.length === 0 ? 'Every interrupt that is switched on can arrive' : `${broken.length} cannot arrive`}
      </p>
      <ul className="irq-lapics">
        {view.lapics.map((it) => (
          <Lapic key={it.processor} lapic={it} />
        ))}
        {view.ioapics.length < 2 ? null : view.ioapics.map((it) => <IoApic key={it.index} ioapic={it} />)}
      </ul>
      <ul className="irq-routes" onKeyDown={(event) => moveFocus(event, 'vertical', '.irq-route > button')}>
        {routes.map((it) => (
          <Route
            key={it.id}
            route={it}
            moved={before !== null && it.raised !== null && old.get(it.id) !== it.raised}
            open={open === it.id || (it.verdict === 'broken' && open === null)}
            onToggle={setOpen}
          />
        ))}
      </ul>
      {routes.length === 0 ? (
        <p className="irq-none">{filter === '' ? 'No interrupt is switched on.' : 'Nothing of this name or vector.'}</p>
      ) : null}
      {view.unknown.map((text) => (
        <p key={text} className="irq-none">
          Not shown: {text}
        </p>
      ))}
    </div>
  );
});

const Lapic = memo(function Lapic({ lapic }: { readonly lapic: LocalApicView }) {
  const list = (vectors: readonly number[]) => (vectors.length === 0 ? '–' : vectors.join(' '));
  return (
    <li data-broken={!lapic.enabled}>
      <strong>Processor {lapic.processor}</strong>
      <span>{lapic.enabled ? 'APIC on' : 'APIC off'}</span>
      <span>{lapic.interruptsOn ? 'IF = 1' : 'IF = 0'}</span>
      <span className="irq-halted" data-on={lapic.halted} aria-hidden={!lapic.halted}>
        halted
      </span>
      <span>TPR {lapic.tpr}</span>
      <span title="Requested, not taken yet">IRR {list(lapic.requested)}</span>
      <span title="In service: the handler has not said EOI">ISR {list(lapic.inService)}</span>
    </li>
  );
});

/** Of several; one alone needs no introduction. */
const IoApic = memo(function IoApic({ ioapic }: { readonly ioapic: IoApicView }) {
  const { index, address, firstInterrupt, from, pins } = ioapic;
  return (
    <li>
      <strong>IOAPIC {index}</strong>
      <span>{address ?? 'address not known'}</span>
      {firstInterrupt === null ? null : (
        <span title={from === 'acpi' ? 'As ACPI (MADT) tells' : 'By the order of addresses: no MADT was found'}>
          GSI {firstInterrupt}–{firstInterrupt + pins - 1}
        </span>
      )}
    </li>
  );
});

const Route = memo(function Route({
  route,
  moved,
  open,
  onToggle,
}: {
  readonly route: IrqRoute;
  readonly moved: boolean;
  readonly open: boolean;
  /** Told the route that is open then; empty for none. */
  readonly onToggle: (id: string) => void;
}) {
  const { id, title, device, vector, processors, raised, hops, verdict } = route;
  return (
    <li className="irq-route" data-verdict={verdict}>
      <button type="button" aria-expanded={open} onClick={() => onToggle(open ? '' : id)}>
        <Icon name={open ? 'chevron-down' : 'chevron-right'} />
        <span className="irq-title">{title}</span>
        <span className="irq-device">{device}</span>
        <span className="irq-raised" data-moved={moved}>
          {raised === null ? '' : `${raised}×`}
        </span>
        <span className="irq-vector">{vector === null ? '' : `vector ${vector} (0x${vector.toString(16)})`}</span>
        <span className="irq-cpu">{processors.length === 0 ? '' : `→ ${processors.join(', ')}`}</span>
      </button>
      <ol className="irq-hops" aria-label={`Way of ${title}`}>
        {hops.map((it) => (
          <Station key={it.station} hop={it} open={open} />
        ))}
      </ol>
    </li>
  );
});

const ICONS = { ok: 'pass', waiting: 'clock', off: 'circle-slash', broken: 'error', unknown: 'question' } as const;

const Station = memo(function Station({ hop, open }: { readonly hop: Hop; readonly open: boolean }) {
  const { station, state, text, evidence } = hop;
  return (
    <li
      data-state={state}
      data-open={open}
      {...hoverTitle(open ? '' : `${text}${evidence === '' ? '' : `\n${evidence}`}`)}
    >
      <Icon name={ICONS[state]} />
      <span className="irq-station">{station}</span>
      <span className="visually-hidden">{state}</span>
      {open ? (
        <span className="irq-words">
          {text}
          {evidence === '' ? null : <code>{evidence}</code>}
        </span>
      ) : null}
    </li>
  );
});
