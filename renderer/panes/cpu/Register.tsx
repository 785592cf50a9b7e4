import { useState } from 'react';
import type { RegisterView } from '../../../app/contract/inspect/cpu.ts';
import type { BitTable } from '../../../app/x86/bits.ts';
import { fieldMeaning } from '../../../app/x86/msrs.ts';
import { bitLabel, hasFields, isOdd, isTelling, provenance } from '../../../app/x86/msrs-text.ts';
import { registerTitle } from '../../../app/x86/registers.ts';
import { Icon } from '../../widgets/Icon.tsx';

/** A register with its bits as chips, and on request a line for each. */
export function Register({
  register,
  table,
  before,
  differs,
  number,
  says,
}: {
  readonly register: RegisterView;
  readonly table: BitTable | undefined;
  readonly before: RegisterView | null;
  readonly differs: boolean;
  /** Of a model-specific register. */
  readonly number?: string;
  /** What it comes to. */
  readonly says?: string | null;
}) {
  const [open, setOpen] = useState(false);
  const { name, value, bits, known } = register;
  const old = new Map(before?.bits.map((bit) => [bit.low, bit.value]));
  const changed = (low: number, now: string) => before !== null && old.get(low) !== now;
  const whence = provenance(register, number !== undefined);
  // Of a model-specific register that is zero, what it comes to says more than the names of all that is off.
  const hasChips = hasFields(register) && (number === undefined || value !== '0x0');
  const place = ({ low, width }: RegisterView['bits'][number]) =>
    width === 1 ? `${low}` : `${low + width - 1}:${low}`;
  const meaning = ({ low, says: words }: RegisterView['bits'][number]) =>
    `${fieldMeaning(table, low)}${(words ?? '') === '' ? '' : `: ${words}`}`;
  return (
    <div className="cpu-register" data-changed={before !== null && before.value !== value} data-differs={differs}>
      <button type="button" aria-expanded={open} title={table?.section} onClick={() => setOpen(!open)}>
        <Icon name={open ? 'chevron-down' : 'chevron-right'} />
        {number === undefined ? null : <span className="cpu-register-number">{number.slice(2)}</span>}
        <span className="cpu-register-name">{registerTitle(name)}</span>
        <span className="cpu-register-value">{value.slice(2).padStart(16, '0')}</span>
      </button>
      {(open || !hasChips) && says == null && whence === null ? null : (
        <div className="cpu-rest">
          {open || !hasChips
            ? null
            : bits.map((bit) => (
                <span
                  key={bit.low}
                  className="cpu-chip"
                  data-set={isTelling(bit, register)}
                  data-changed={changed(bit.low, bit.value)}
                  title={`Bit ${place(bit)}: ${meaning(bit)}`}
                >
                  {bitLabel(bit)}
                </span>
              ))}
          {says == null ? null : <span className="cpu-says">{says}</span>}
          {whence === null ? null : (
            <span className="cpu-whence" data-odd={isOdd(register)}>
              {whence}
            </span>
          )}
        </div>
      )}
      {open ? (
        <table className="cpu-bits">
          <caption>
            {table?.section}
            {known === '0xffffffffffffffff' ? '' : '; only these bits are known'}
          </caption>
          <tbody>
            {bits.map((bit) => (
              <tr key={`${bit.low}`} data-set={isTelling(bit, register)} data-changed={changed(bit.low, bit.value)}>
                <td>{place(bit)}</td>
                <th scope="row">{bit.name}</th>
                <td>{bit.value.slice(2)}</td>
                <td>{meaning(bit)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </div>
  );
}
