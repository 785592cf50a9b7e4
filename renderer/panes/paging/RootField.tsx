import { useState } from 'react';
import { formatAddress } from '../../../app/base/address.ts';
import { type Inspected, useInspected } from '../../state/inspected.ts';
import { resolveText } from '../../state/inspected-symbols.ts';
import { Combobox } from '../../widgets/Combobox.tsx';

/** Whose tables are shown: those of the processor, or those that a person names by another CR3, such as that of a process that sleeps. */
export function RootField({
  processor,
  known,
  onRoot,
}: {
  readonly processor: number;
  /** CR3 of the snapshot; null without one. */
  readonly known: string | null;
  /** Null: the processor's own. */
  readonly onRoot: (cr3: string | null) => void;
}) {
  const inspected = useInspected();
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const own = { key: 'own', label: `CPU ${processor}'s own`, cr3: null };
  const options = [own, ...(known === null ? [] : [{ key: 'known', label: known, note: 'the snapshot', cr3: known }])];
  const choose = (cr3: string | null) => {
    setText(cr3 ?? '');
    setError('');
    onRoot(cr3);
  };
  const go = async (it: Inspected) => {
    const resolved = await resolveText(it.ref, text.trim(), processor);
    if (resolved.ok) choose(formatAddress(BigInt(resolved.value.address)));
    else setError(`${resolved.error.what} ${resolved.error.why}`);
  };
  return (
    <div className="paging-root">
      <Combobox
        label="CR3"
        placeholder="CR3: its own"
        text={text}
        options={options}
        error={error}
        onText={(typed) => {
          setText(typed);
          setError('');
        }}
        onPick={({ cr3 }) => choose(cr3)}
        onEnter={() => {
          if (text.trim() === '') choose(null);
          else if (inspected !== null) void go(inspected);
        }}
      />
    </div>
  );
}
