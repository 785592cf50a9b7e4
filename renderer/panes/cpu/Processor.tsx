import { useState } from 'react';
import type { ProcessorView, RegisterView, SegmentView } from '../../../app/contract/inspect/cpu.ts';
import { REGISTER_BITS, registerTitle } from '../../../app/x86/registers.ts';
import { Icon } from '../../widgets/Icon.tsx';

const wide = (value: string, digits = 16) => value.slice(2).padStart(digits, '0');

/** One processor. What has another value than at the look before is marked; so is what other processors have otherwise. */
export function Processor({
  processor,
  before,
  differing,
}: {
  readonly processor: ProcessorView;
  readonly before: ProcessorView | null;
  readonly differing: ReadonlySet<string>;
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

/** A register with its bits as chips, and on request a line for each. */
function Register({
  register,
  before,
  differs,
}: {
  register: RegisterView;
  before: RegisterView | null;
  differs: boolean;
}) {
  const [open, setOpen] = useState(false);
  const { name, value, bits, known } = register;
  const table = REGISTER_BITS[name];
  const meaningOf = (low: number) =>
    table?.fields.find((field) => field.low === low)?.meaning ?? 'Reserved: it should be 0';
  const old = new Map(before?.bits.map((bit) => [bit.low, bit.value]));
  const changed = (low: number, now: string) => before !== null && old.get(low) !== now;
  return (
    <div className="cpu-register" data-changed={before !== null && before.value !== value} data-differs={differs}>
      <button type="button" aria-expanded={open} title={table?.section} onClick={() => setOpen(!open)}>
        <Icon name={open ? 'chevron-down' : 'chevron-right'} />
        <span className="cpu-register-name">{registerTitle(name)}</span>
        <span className="cpu-register-value">{wide(value)}</span>
      </button>
      {open ? (
        <table className="cpu-bits">
          <caption>
            {table?.section}
            {known === '0xffffffffffffffff' ? '' : '; only these bits are known'}
          </caption>
          <tbody>
            {bits.map((bit) => (
              <tr key={`${bit.low}`} data-set={bit.value !== '0x0'} data-changed={changed(bit.low, bit.value)}>
                <td>{bit.width === 1 ? bit.low : `${bit.low + bit.width - 1}:${bit.low}`}</td>
                <th scope="row">{bit.name}</th>
                <td>{bit.value.slice(2)}</td>
                <td>{meaningOf(bit.low)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <span className="cpu-chips">
          {bits.map((bit) => (
            <span
              key={bit.low}
              className="cpu-chip"
              data-set={bit.value !== '0x0'}
              data-changed={changed(bit.low, bit.value)}
              title={`Bit ${bit.width === 1 ? bit.low : `${bit.low + bit.width - 1}:${bit.low}`}: ${meaningOf(bit.low)}`}
            >
              {bit.width === 1 ? bit.name : `${bit.name}=${bit.value.slice(2)}`}
            </span>
          ))}
        </span>
      )}
    </div>
  );
}
