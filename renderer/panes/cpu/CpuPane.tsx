import { memo, useMemo, useState } from 'react';
import type { CpuView, MsrsView, ProcessorView } from '../../../app/contract/inspect/cpu.ts';
import { InspectFrame } from '../../inspect/InspectFrame.tsx';
import { useLive } from '../../inspect/use-live.ts';
import { useInspected } from '../../state/inspected.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { Processor } from './Processor.tsx';
import './cpu.css';

const LOOK = { of: 'cpu' } as const;

/** Every processor of the shown machine or dump: registers, segments, control bits. */
export function CpuPane({ isVisible }: PaneProps) {
  const inspected = useInspected();
  const [only, setOnly] = useState<number | null>(null);
  const live = useLive(inspected, isVisible, LOOK);
  const { reading } = live;
  const count = reading.kind === 'read' ? reading.value.processors.length : 0;
  const tools =
    count < 2 ? null : (
      <select
        className="field"
        aria-label="Processors"
        value={only ?? 'all'}
        onChange={(event) => setOnly(event.target.value === 'all' ? null : Number(event.target.value))}
      >
        <option value="all">all processors</option>
        {Array.from({ length: count }, (_, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the number is the processor
          <option key={n} value={n}>
            processor {n}
          </option>
        ))}
      </select>
    );
  return (
    <InspectFrame icon="chip" label="processor" inspected={inspected} live={live} tools={tools}>
      {(value, before) => <Processors view={value} before={before} only={only} />}
    </InspectFrame>
  );
}

const Processors = memo(function Processors({
  view,
  before,
  only,
}: {
  readonly view: CpuView;
  readonly before: CpuView | null;
  readonly only: number | null;
}) {
  const shown = view.processors.filter(({ index }) => only === null || index === only);
  const names = view.differences.map(({ name }) => name).join(' ');
  const differing = useMemo(() => new Set(names.split(' ')), [names]);
  const old = new Map<number, ProcessorView>((before?.processors ?? []).map((it) => [it.index, it]));
  return (
    <div className="cpu">
      {view.differences.length === 0 || only !== null ? null : (
        <section className="cpu-differences" aria-label="Differences between processors">
          <h3>Processors differ in</h3>
          <table>
            <tbody>
              {view.differences.map(({ name, values }) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {values.map(({ processor, value }) => (
                    <td key={processor}>
                      <span className="cpu-of">{processor}</span> {value}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <div className="cpu-list">
        {shown.map((it) => (
          <Processor
            key={it.index}
            processor={it}
            before={old.get(it.index) ?? null}
            differing={differing}
            msrs={msrsOf(view, it.index)}
            msrsBefore={msrsOf(before, it.index)}
          />
        ))}
      </div>
      {(view.msrs?.problems ?? []).map((text) => (
        <p key={text} className="cpu-problem">
          What the kernel wrote down: {text}
        </p>
      ))}
      {view.unknown.map((text) => (
        <p key={text} className="cpu-unknown">
          Not shown: {text}
        </p>
      ))}
    </div>
  );
});

function msrsOf(view: CpuView | null, index: number): MsrsView['processors'][number] | null {
  return view?.msrs?.processors.find((it) => it.index === index) ?? null;
}
