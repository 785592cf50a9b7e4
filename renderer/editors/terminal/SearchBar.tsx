import { useEffect, useState } from 'react';
import { IconButton } from '../../widgets/buttons.tsx';
import type { SearchCount, TerminalView } from './TerminalView.ts';

/** Finds text in a terminal. */
export function SearchBar({
  view,
  label,
  onClose,
}: {
  readonly view: TerminalView;
  /** `Find in the serial console`. */
  readonly label: string;
  readonly onClose: () => void;
}) {
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
    onClose();
    view.focus();
  };
  const found = text === '' ? '' : count === 0 ? 'None' : `${index + 1} of ${count}`;
  return (
    <search className="terminal-search">
      <input
        className="field"
        // biome-ignore lint/a11y/noAutofocus: a person has just asked for it
        autoFocus
        aria-label={label}
        placeholder="Find"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') view.find(text, event.shiftKey ? 'previous' : 'next');
          else if (event.key === 'Escape') close();
        }}
      />
      <span className="terminal-search-count" role="status">
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
