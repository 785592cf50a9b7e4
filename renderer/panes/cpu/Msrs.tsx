import { memo } from 'react';
import type { MsrsView } from '../../../app/contract/inspect/cpu.ts';
import { msrOf } from '../../../app/x86/msrs.ts';
import { foldRanges, writtenWhen } from '../../../app/x86/msrs-text.ts';
import { Register } from './Register.tsx';

type Registers = MsrsView['processors'][number];

/** The model-specific registers of one processor. They stand still: what a look finds as it was is not drawn again. */
export const Msrs = memo(function Msrs({
  msrs: { index, core, readMs, registers },
  before,
  differing,
}: {
  readonly msrs: Registers;
  readonly before: Registers | null;
  readonly differing: ReadonlySet<string>;
}) {
  const { shown, off } = foldRanges(registers);
  return (
    <section className="cpu-msrs" aria-label={`Model-specific registers of processor ${index}`}>
      <h3>
        Model-specific registers
        <span className="cpu-whence">
          {writtenWhen({ readMs, changes: 0 }, 'them')} (its core {core})
        </span>
      </h3>
      {shown.map((register) => (
        <Register
          key={register.number}
          register={register}
          table={msrOf(Number(register.number))}
          before={before?.registers.find(({ number }) => number === register.number) ?? null}
          differs={differing.has(register.name)}
          number={register.number}
          says={register.says}
        />
      ))}
      {off === null ? null : <p className="cpu-whence">{off}</p>}
    </section>
  );
});
