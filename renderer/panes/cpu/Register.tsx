import { memo, useState } from 'react';
import type { RegisterView } from '../../../app/contract/inspect/cpu.ts';
import type { BitTable } from '../../../app/x86/bits.ts';
import { fieldMeaning } from '../../../app/x86/msrs.ts';
import { bitLabel, hasFields, isOdd, isTelling, provenance } from '../../../app/x86/msrs-text.ts';
import { registerTitle } from '../../../app/x86/registers.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { wide } from './wide.ts';

type Bit = RegisterView['bits'][number];

/** A register with its bits as chips, and on request a line for each. */
export const Register = memo(function Register({
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
  const changed = (n: number, bit: Bit) => before !== null && before.bits[n]?.value !== bit.value;
  const whence = provenance(register, number !== undefined);
  // Of a model-specific register that is zero, what it comes to says more than the names of all that is off.
  const hasChips = hasFields(register) && (number === undefined || value !== '0x0');
  return (
    <div className="cpu-register" data-changed={before !== null && before.value !== value} data-differs={differs}>
      <button type="button" aria-expanded={open} title={table?.section} onClick={() => setOpen(!open)}>
        <Icon name={open ? 'chevron-down' : 'chevron-right'} />
        {number === undefined ? null : <span className="cpu-register-number">{number.slice(2)}</span>}
        <span className="cpu-register-name">{registerTitle(name)}</span>
        <span className="cpu-register-value">
          <span className="cpu-fixed">{wide(value)}</span>
        </span>
      </button>
      {(open || !hasChips) && says == null && whence === null ? null : (
        <div className="cpu-rest">
          {open || !hasChips
            ? null
            : bits.map((bit, n) => (
                <Chip
                  key={bit.low}
                  bit={bit}
                  isSet={isTelling(bit, register)}
                  changed={changed(n, bit)}
                  table={table}
                />
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
            {bits.map((bit, n) => (
              <tr key={`${bit.low}`} data-set={isTelling(bit, register)} data-changed={changed(n, bit)}>
                <td>{place(bit)}</td>
                <th scope="row">{bit.name}</th>
                <td>{bit.value.slice(2)}</td>
                <td>{meaning(bit, table)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </div>
  );
});

const Chip = memo(function Chip({
  bit,
  isSet,
  changed,
  table,
}: {
  readonly bit: Bit;
  readonly isSet: boolean;
  readonly changed: boolean;
  readonly table: BitTable | undefined;
}) {
  const text = bitLabel(bit);
  return (
    <span
      className="cpu-chip"
      data-set={isSet}
      data-changed={changed}
      title={`Bit ${place(bit)}: ${meaning(bit, table)}`}
    >
      {text}
    </span>
  );
});

const place = ({ low, width }: Bit) => (width === 1 ? `${low}` : `${low + width - 1}:${low}`);

const meaning = ({ low, says }: Bit, table: BitTable | undefined) =>
  `${fieldMeaning(table, low)}${(says ?? '') === '' ? '' : `: ${says}`}`;
