import { useState } from 'react';
import type { TypedValue } from '../../../app/contract/inspect/symbol.ts';
import { elementsOf, parentOf, type TypedRow, type ValuePath } from '../../state/typed-view.ts';
import { IconButton } from '../../widgets/buttons.tsx';

/** Of a row's text, in pixels. */
export const indent = (depth: number): number => 26 + depth * 14;

/** What is left out of a value. An array is paged through, or begun with any of its elements. */
export function Omitted({
  row,
  onShow,
}: {
  readonly row: Extract<TypedRow, { kind: 'omitted' }>;
  readonly onShow: (array: TypedValue, path: ValuePath, first: number) => void;
}) {
  const { path, depth, count, of } = row;
  const elements = elementsOf(of);
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus, and what is in the row takes it by itself
    <div role="treeitem" aria-level={depth + 1} className="lens-omitted" style={{ paddingLeft: indent(depth) }}>
      {elements === null ? (
        `${count} more, not shown`
      ) : (
        <Pager {...elements} onShow={(first) => onShow(of, parentOf(path), first)} />
      )}
    </div>
  );
}

function Pager({
  first,
  end,
  count,
  onShow,
}: {
  readonly first: number;
  readonly end: number;
  readonly count: number;
  readonly onShow: (first: number) => void;
}) {
  const [text, setText] = useState('');
  const page = end - first;
  const wanted = /^\s*(0x[\da-f]+|\d+)\s*$/i.test(text) ? Number(text) : null;
  return (
    <>
      <span>
        {first} to {end - 1} of {count}
      </span>
      <IconButton
        icon="chevron-left"
        label="Elements before"
        disabled={first === 0}
        onClick={() => onShow(first - page)}
      />
      <IconButton icon="chevron-right" label="Elements after" disabled={end >= count} onClick={() => onShow(end)} />
      <input
        className="field"
        value={text}
        aria-label={`Element to begin with, 0 to ${count - 1}`}
        aria-invalid={text !== '' && (wanted === null || wanted >= count)}
        placeholder="index"
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          // The tree has arrows and Enter of its own.
          event.stopPropagation();
          if (event.key === 'Enter' && wanted !== null && wanted < count) onShow(wanted);
        }}
      />
    </>
  );
}
