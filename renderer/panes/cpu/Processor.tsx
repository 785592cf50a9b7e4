import { memo } from 'react';
import type { MsrsView, ProcessorView } from '../../../app/contract/inspect/cpu.ts';
import { REGISTER_BITS } from '../../../app/x86/registers.ts';
import { Msrs } from './Msrs.tsx';
import { Place } from './Place.tsx';
import { Register } from './Register.tsx';
import { Segments } from './Segments.tsx';
import { wide } from './wide.ts';

/**
 * One processor. What has another value than at the look before is marked; so is what other processors have otherwise. What has not
 * changed is the same object as before, and is not drawn again.
 */
export const Processor = memo(function Processor({
  processor,
  before,
  differing,
  msrs,
  msrsBefore,
}: {
  readonly processor: ProcessorView;
  readonly before: ProcessorView | null;
  readonly differing: ReadonlySet<string>;
  /** Model-specific registers; null where nobody tells them. */
  readonly msrs: MsrsView['processors'][number] | null;
  readonly msrsBefore: MsrsView['processors'][number] | null;
}) {
  const { index, mode, cpl, paging, halted, place } = processor;
  return (
    <section className="cpu-one" aria-label={`Processor ${index}`}>
      <header>
        <h2>Processor {index}</h2>
        <span className="cpu-tag">{mode}</span>
        <span className="cpu-tag">ring {cpl}</span>
        <span className="cpu-tag">paging {paging}</span>
        <span className="cpu-tag" data-tone="idle" data-on={halted} aria-hidden={!halted}>
          halted
        </span>
        {place === null ? null : <Place text={place} />}
      </header>
      <Values values={processor.general} before={before?.general ?? null} />
      <Segments
        {...{ segments: processor.segments, gdt: processor.gdt, idt: processor.idt, differing }}
        before={before?.segments ?? null}
      />
      <div className="cpu-registers">
        {processor.registers.map((register, n) => {
          const old = before?.registers[n];
          const same = old?.name === register.name ? old : null;
          return (
            <Register
              key={register.name}
              register={register}
              table={REGISTER_BITS[register.name]}
              before={same}
              differs={differing.has(register.name)}
            />
          );
        })}
      </div>
      <Values values={processor.addresses} before={before?.addresses ?? null} />
      {msrs === null ? null : <Msrs msrs={msrs} before={msrsBefore} differing={differing} />}
    </section>
  );
});

type NamedValues = ProcessorView['general'];

const Values = memo(function Values({
  values,
  before,
}: {
  readonly values: NamedValues;
  readonly before: NamedValues | null;
}) {
  return (
    <dl className="cpu-general">
      {values.map(({ name, value }, n) => (
        <Value key={name} name={name} value={value} changed={before !== null && before[n]?.value !== value} />
      ))}
    </dl>
  );
});

const Value = memo(function Value({
  name,
  value,
  changed,
}: {
  readonly name: string;
  readonly value: string;
  readonly changed: boolean;
}) {
  return (
    <div data-changed={changed}>
      <dt>{name}</dt>
      <dd>
        <span className="cpu-fixed">{wide(value)}</span>
      </dd>
    </div>
  );
});
