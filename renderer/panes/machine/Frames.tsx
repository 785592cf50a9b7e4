import { useEffect, useState } from 'react';
import type { CodePlace } from '../../../app/contract/places.ts';
import { libraryFile, openableOf, placesOf } from '../../state/places.ts';
import { CopyButton } from '../../widgets/CopyButton.tsx';
import { openFile } from '../../workbench/open.ts';

interface Frame {
  readonly address: string;
  readonly symbol: string | null;
}

/** The call stack of a crash, each frame with its line of source. */
export function Frames({
  machineId,
  frames,
  isException,
}: {
  readonly machineId: string;
  readonly frames: readonly Frame[];
  /** Whether the innermost is the faulting instruction rather than a return address. */
  readonly isException: boolean;
}) {
  const [places, setPlaces] = useState<readonly (CodePlace | undefined)[]>([]);
  useEffect(() => {
    let current = true;
    const exact = isException ? frames.slice(0, 1) : [];
    const addresses = (list: readonly Frame[]) => list.map(({ address }) => address);
    const read = async () => {
      const [first, rest] = await Promise.all([
        placesOf(machineId, addresses(exact)),
        placesOf(machineId, addresses(frames.slice(exact.length)), true),
      ]);
      if (current) setPlaces(frames.map(({ address }, n) => (n < exact.length ? first : rest).get(address)));
    };
    // Without the host there are still the names.
    read().catch(() => {});
    return () => {
      current = false;
    };
  }, [machineId, frames, isException]);
  const text = () =>
    frames.map(({ address, symbol }, n) => `${address} ${symbol ?? '?'}${lineText(places[n], '  at ')}`).join('\n');
  return (
    <div>
      <div className="section-head">
        <h3>Call stack, innermost first</h3>
        <CopyButton label="Copy the call stack" text={text} />
      </div>
      <ol className="machine-frames">
        {frames.map(({ address, symbol }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: recursion repeats addresses, and a stack never changes
          <li key={index}>
            <span className="machine-symbol">{symbol ?? 'no symbol'}</span>
            <SourceLink place={places[index]} />
            <code>{address}</code>
          </li>
        ))}
      </ol>
    </div>
  );
}

function lineText(place: CodePlace | undefined, before = ''): string {
  const source = place?.source;
  if (source === null || source === undefined) return '';
  return `${before}${source.path ?? libraryFile(source.file)}:${source.line}`;
}

/** The line of a frame; a button where it can be opened. */
function SourceLink({ place }: { readonly place: CodePlace | undefined }) {
  if (place === undefined) return null;
  const openable = openableOf(place);
  const text = lineText(place);
  if (openable === null) return text === '' ? null : <span className="machine-source">{text}</span>;
  const inlined = place.source?.path === null;
  return (
    <span className="machine-source">
      {inlined ? `${text}, in ` : null}
      <button
        type="button"
        className="link"
        onClick={() => openFile(openable.path, { line: openable.line, column: Math.max(1, openable.column) })}
      >
        {openable.path}:{openable.line}
      </button>
    </span>
  );
}
