import { useEffect, useState } from 'react';
import type { SearchCount, TerminalView } from '../../editors/terminal/TerminalView.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { useSerial } from './store.ts';

/** Finds text in the console. */
export function SearchBar({ view }: { readonly view: TerminalView }) {
  const [text, setText] = useState('');
  const [{ index, count }, setCount] = useState<SearchCount>({ index: -1, count: 0 });
  useEffect(() => {
    const subscription = view.onDidSearch(setCount);
    return () => subscription.dispose();
  }, [view]);
  useEffect(() => {
    if (text === '') view.endSearch();
    else view.find(text, 'here');
  }, [view, text]);
  const close = () => {
    view.endSearch();
    useSerial.setState({ searching: false });
    view.focus();
  };
  const found = text === '' ? '' : count === 0 ? 'None' : `${index + 1} of ${count}`;
  return (
    <search className="serial-search">
      <input
        className="field"
        // biome-ignore lint/a11y/noAutofocus: a person has just asked for it
        autoFocus
        aria-label="Find in the serial console"
        placeholder="Find"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') view.find(text, event.shiftKey ? 'previous' : 'next');
          else if (event.key === 'Escape') close();
        }}
      />
      <span className="serial-search-count" role="status">
        {found}
      </span>
      <IconButton
        icon="arrow-up"
        label="Previous match"
        hint="Shift+Enter"
        disabled={count === 0}
        onClick={() => view.find(text, 'previous')}
      />
      <IconButton
        icon="arrow-down"
        label="Next match"
        hint="Enter"
        disabled={count === 0}
        onClick={() => view.find(text, 'next')}
      />
      <IconButton icon="close" label="Close" hint="Esc" onClick={close} />
    </search>
  );
}
