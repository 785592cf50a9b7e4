import { useEffect, useState } from 'react';
import type { SymbolEntry } from '../../app/contract/inspect/memory.ts';
import { studio } from '../host/client.ts';
import type { Inspected } from '../state/inspected.ts';
import { resolveText } from '../state/inspected-symbols.ts';
import { shownName } from '../state/symbol-names.ts';
import { SYMBOL_ICONS } from '../state/symbols.ts';
import { Combobox } from '../widgets/Combobox.tsx';

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
  const [symbols, setSymbols] = useState<readonly SymbolEntry[]>([]);
  const key = inspected?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for what is inspected
  useEffect(() => {
    const query = text.trim();
    if (inspected === null || query.length < 2 || /^(0x|\$)/.test(query)) {
      setSymbols([]);
      return;
    }
    let current = true;
    const timer = setTimeout(() => {
      void studio.inspect
        .symbols({ ...inspected.ref, query, limit: 12 })
        .then((found) => current && setSymbols(found.ok ? found.value : []))
        .catch(() => {});
    }, 120);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text, key]);
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
