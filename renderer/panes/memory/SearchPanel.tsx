import { useEffect, useRef, useState } from 'react';
import { type AppError, messageOf } from '../../../app/base/result.ts';
import type { MemorySpace } from '../../../app/contract/inspect/memory.ts';
import { studio } from '../../host/client.ts';
import type { Inspected } from '../../state/inspected.ts';
import { asciiOf, patternOf } from '../../state/memory-view.ts';
import { grouped } from '../../state/paging-map.ts';
import { Button } from '../../widgets/buttons.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';

const LIMIT = 500;

interface Found {
  readonly address: string;
  readonly context: string;
}
type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'searching'; readonly share: number }
  | { readonly kind: 'done'; readonly more: boolean }
  | { readonly kind: 'failed'; readonly error: AppError };

/** Looks for bytes or text in all of memory; a place that was found is one click away. */
export function SearchPanel({
  inspected,
  space,
  processor,
  onGo,
}: {
  readonly inspected: Inspected | null;
  readonly space: MemorySpace;
  readonly processor: number;
  readonly onGo: (address: bigint) => void;
}) {
  const [text, setText] = useState('');
  const [hex, setHex] = useState(false);
  const [found, setFound] = useState<readonly Found[]>([]);
  const [state, setState] = useState<State>({ kind: 'idle' });
  const controller = useRef<AbortController | null>(null);
  useEffect(() => () => controller.current?.abort(), []);
  const pattern = patternOf(text, hex);
  const search = async () => {
    if (inspected === null || pattern === null) return;
    controller.current?.abort();
    const own = new AbortController();
    controller.current = own;
    const places: Found[] = [];
    setFound([]);
    setState({ kind: 'searching', share: 0 });
    try {
      const request = { ...inspected.ref, space, processor, pattern, limit: LIMIT };
      for await (const event of await studio.inspect.search(request, { signal: own.signal })) {
        if (own.signal.aborted) return;
        if (event.kind === 'match') places.push({ address: event.address, context: event.context });
        if (event.kind === 'progress') {
          setState({ kind: 'searching', share: event.done / event.total });
          setFound([...places]);
        }
        if (event.kind === 'failed') setState({ kind: 'failed', error: event.error });
        if (event.kind === 'finished') setState({ kind: 'done', more: event.more });
      }
      setFound([...places]);
    } catch (thrown) {
      if (own.signal.aborted) setState({ kind: 'idle' });
      else
        setState({
          kind: 'failed',
          error: { code: 'search-lost', what: 'The search was lost.', why: messageOf(thrown), fix: 'Search again.' },
        });
    }
  };
  return (
    <section className="memory-search" aria-label="Search memory">
      <div className="memory-search-line">
        <input
          className="field"
          value={text}
          aria-label={hex ? 'Bytes to find, hex' : 'Text to find'}
          placeholder={hex ? 'bytes, as 90 90 c3' : 'text'}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') void search();
          }}
        />
        <label className="memory-check">
          <input type="checkbox" checked={hex} onChange={(event) => setHex(event.target.checked)} /> hex
        </label>
      </div>
      <div className="memory-search-line">
        {state.kind === 'searching' ? (
          <>
            <progress max={1} value={state.share} aria-label="Search" />
            <Button
              kind="quiet"
              onClick={() => {
                controller.current?.abort();
                setState({ kind: 'idle' });
              }}
            >
              Cancel
            </Button>
          </>
        ) : (
          <Button
            kind="primary"
            icon="search"
            disabled={pattern === null || inspected === null}
            onClick={() => void search()}
          >
            Find in {space} memory
          </Button>
        )}
      </div>
      <p className="memory-search-count" role="status">
        {state.kind === 'done' || found.length > 0
          ? `${found.length}${state.kind === 'done' && state.more ? ' and more' : ''} found`
          : text !== '' && pattern === null
            ? hex
              ? 'Write pairs of hex digits, up to 64 bytes.'
              : 'Up to 64 bytes of text.'
            : ''}
      </p>
      {state.kind === 'failed' ? <ErrorNote error={state.error} /> : null}
      <ul className="memory-found">
        {found.map(({ address, context }) => (
          <li key={address}>
            <button type="button" className="inspect-address" onClick={() => onGo(BigInt(address))}>
              {grouped(address)}
            </button>
            <code>{printable(context)}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

function printable(hex: string): string {
  return (hex.match(/../g) ?? []).map((digits) => asciiOf(Number.parseInt(digits, 16))).join('');
}
