import { useState } from 'react';
import { studio } from '../host/client.ts';
import type { Inspected } from '../state/inspected.ts';
import { resolveText } from '../state/inspected-symbols.ts';
import { shownName } from '../state/symbol-names.ts';
import { SYMBOL_ICONS } from '../state/symbols.ts';
import { Combobox } from '../widgets/Combobox.tsx';
import { useOffers } from './use-offers.ts';

const OFFERED = 12;

/** An address as a person writes it: `0x…`, a symbol, `$rsp`. Enter goes there; symbols are offered while one types. */
export function AddressField({
  inspected,
  processor,
  label,
  onGo,
}: {
  readonly inspected: Inspected | null;
  readonly processor: number;
  readonly label: string;
  readonly onGo: (address: bigint) => void;
}) {
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const query = text.trim();
  // What is written as an address or a register names no symbol.
  const isName = query.length >= 2 && !/^(0x|\$)/.test(query);
  const symbols = useOffers(inspected, isName ? query : null, (source, name) =>
    studio.inspect.symbols({ ...source, query: name, limit: OFFERED }),
  );
  const go = async () => {
    if (inspected === null || text.trim() === '') return;
    const resolved = await resolveText(inspected.ref, text.trim(), processor);
    setError(resolved.ok ? '' : `${resolved.error.what} ${resolved.error.why}`);
    if (resolved.ok) onGo(BigInt(resolved.value.address));
  };
  return (
    <Combobox
      label={label}
      placeholder={`${label} 0x…, symbol, $rsp`}
      text={text}
      options={symbols.map(({ name, address, kind }) => ({
        key: `${name}${address}`,
        ...shownName(name, text),
        note: address,
        icon: kind === 'function' ? SYMBOL_ICONS.function : SYMBOL_ICONS.static,
        name,
        address,
      }))}
      error={error}
      onText={(typed) => {
        setText(typed);
        setError('');
      }}
      onPick={({ name, address }) => {
        setText(name);
        onGo(BigInt(address));
      }}
      onEnter={() => void go()}
    />
  );
}
