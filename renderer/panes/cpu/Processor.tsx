import type { ReactNode } from 'react';
import type { ProcessorView, SegmentView } from '../../../app/contract/inspect/cpu.ts';
import { REGISTER_BITS } from '../../../app/x86/registers.ts';
import { Register } from './Register.tsx';

const wide = (value: string, digits = 16) => value.slice(2).padStart(digits, '0');

/** One processor. What has another value than at the look before is marked; so is what other processors have otherwise. */
export function Processor({
  processor,
  before,
  differing,
  children,
}: {
  readonly processor: ProcessorView;
  readonly before: ProcessorView | null;
  readonly differing: ReadonlySet<string>;
  /** What follows its registers. */
  readonly children: ReactNode;
}) {
  const { index, mode, cpl, paging, halted, place } = processor;
  const old = new Map(before?.general.map(({ name, value }) => [name, value]));
  const changed = (name: string, value: string) => before !== null && old.get(name) !== value;
  return (
    <section className="cpu-one" aria-label={`Processor ${index}`}>
      <header>
        <h2>Processor {index}</h2>
        <span className="cpu-tag">{mode}</span>
        <span className="cpu-tag">ring {cpl}</span>
        <span className="cpu-tag">paging {paging}</span>
        {halted ? (
          <span className="cpu-tag" data-tone="idle">
            halted
          </span>
        ) : null}
        {place === null ? null : (
          <span className="cpu-place" title={place}>
            {place}
          </span>
        )}
      </header>
      <dl className="cpu-general">
        {processor.general.map(({ name, value }) => (
          <div key={name} data-changed={changed(name, value)}>
            <dt>{name}</dt>
            <dd>{wide(value)}</dd>
          </div>
        ))}
      </dl>
      <Segments processor={processor} before={before} differing={differing} />
      <div className="cpu-registers">
        {processor.registers.map((register) => (
          <Register
            key={register.name}
            register={register}
            table={REGISTER_BITS[register.name]}
            before={before?.registers.find(({ name }) => name === register.name) ?? null}
            differs={differing.has(register.name)}
          />
        ))}
      </div>
      <dl className="cpu-general">
        {processor.addresses.map(({ name, value }) => (
          <div
            key={name}
            data-changed={before !== null && before.addresses.find((it) => it.name === name)?.value !== value}
          >
            <dt>{name}</dt>
            <dd>{wide(value)}</dd>
          </div>
        ))}
      </dl>
      {children}
    </section>
  );
}

function Segments({
  processor,
  before,
  differing,
}: {
  processor: ProcessorView;
  before: ProcessorView | null;
  differing: ReadonlySet<string>;
}) {
  const same = (a: SegmentView, b: SegmentView | undefined) =>
    b === undefined || JSON.stringify(a) === JSON.stringify(b);
  return (
    <table className="cpu-segments">
      <thead>
        <tr>
          <th scope="col">Segment</th>
          <th scope="col">Selector</th>
          <th scope="col">Base</th>
          <th scope="col">Limit</th>
          <th scope="col">DPL</th>
          <th scope="col">Hidden part</th>
          <td />
        </tr>
      </thead>
      <tbody>
        {processor.segments.map((it) => (
          <tr
            key={it.name}
            data-changed={
              !same(
                it,
                before?.segments.find(({ name }) => name === it.name),
              )
            }
            data-differs={differing.has(it.name) || differing.has(`${it.name}.limit`)}
          >
            <th scope="row">{it.name.toUpperCase()}</th>
            <td>{wide(it.selector, 4)}</td>
            <td>{wide(it.base)}</td>
            <td>{wide(it.limit, 8)}</td>
            <td>{it.dpl}</td>
            <td className="cpu-type" title={typeOf(it)}>
              {typeOf(it)}
            </td>
            <td className="cpu-flags">{flagsOf(it)}</td>
          </tr>
        ))}
        {(['gdt', 'idt'] as const).map((name) => (
          <tr key={name} data-differs={differing.has(`${name}.limit`) || differing.has(`${name}.base`)}>
            <th scope="row">{name.toUpperCase()}R</th>
            <td />
            <td>{wide(processor[name].base)}</td>
            <td>{wide(processor[name].limit, 8)}</td>
            <td colSpan={3} />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const typeOf = ({ type, present }: SegmentView) => `${type}${present || type === 'null' ? '' : ', not present'}`;
const flagsOf = ({ long, big, granular }: SegmentView) =>
  [long ? 'L' : '', big ? 'D' : '', granular ? 'G' : ''].filter((flag) => flag !== '').join(' ');
