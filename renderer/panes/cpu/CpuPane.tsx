import { useMemo, useRef, useState } from 'react';
import { ok, type Result } from '../../../app/base/result.ts';
import type { CpuView, MsrsView, ProcessorView } from '../../../app/contract/inspect/cpu.ts';
import { studio } from '../../host/client.ts';
import { InspectFrame } from '../../inspect/InspectFrame.tsx';
import { useLive } from '../../inspect/use-live.ts';
import { useInspected } from '../../state/inspected.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { Msrs } from './Msrs.tsx';
import { Processor } from './Processor.tsx';
import './cpu.css';

/** Every processor of the shown machine or dump: registers, segments, control bits. */
export function CpuPane({ isVisible }: PaneProps) {
  const inspected = useInspected();
  const [only, setOnly] = useState<number | null>(null);
  // What has been sent once is not sent again: it is most of an answer, and stands still.
  const kept = useRef<MsrsView | null>(null);
  const live = useLive(inspected, isVisible, '', async (source, signal): Promise<Result<CpuView>> => {
    const answer = await studio.inspect.cpu({ ...source, msrs: kept.current?.revision ?? null }, { signal });
    if (!answer.ok) return answer;
    const { msrs } = answer.value;
    if (msrs !== 'same') kept.current = msrs;
    return ok({ ...answer.value, msrs: kept.current });
  });
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

function Processors({ view, before, only }: { view: CpuView; before: CpuView | null; only: number | null }) {
  const shown = view.processors.filter(({ index }) => only === null || index === only);
  const names = view.differences.map(({ name }) => name).join(' ');
  const differing = useMemo(() => new Set(names.split(' ')), [names]);
  const msrsOf = (of: CpuView | null, index: number) => of?.msrs?.processors.find((it) => it.index === index) ?? null;
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
          <Processor key={it.index} processor={it} before={old.get(it.index) ?? null} differing={differing}>
            <ProcessorMsrs now={msrsOf(view, it.index)} before={msrsOf(before, it.index)} differing={differing} />
          </Processor>
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
}

type Registers = MsrsView['processors'][number];

function ProcessorMsrs({
  now,
  before,
  differing,
}: {
  now: Registers | null;
  before: Registers | null;
  differing: ReadonlySet<string>;
}) {
  return now === null ? null : <Msrs msrs={now} before={before} differing={differing} />;
}
