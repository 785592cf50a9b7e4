import { useEffect, useState } from 'react';
import type { AppError } from '../../../app/base/result.ts';
import { messageOf } from '../../../app/base/result.ts';
import type { ImageSize } from '../../../app/contract/build.ts';
import { studio } from '../../host/client.ts';
import { useBuild } from '../../state/build.ts';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { formatBytes } from '../../widgets/format.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { crateShares, nextSorting, type Share, type SortKey, sectionShares, sortedSymbols } from './size-view.ts';
import './size.css';

/** Crates that have a bar of their own, and rows that are drawn of the table. */
const CRATES = 8;
const ROWS = 300;

type Answer =
  | { readonly kind: 'size'; readonly size: ImageSize }
  | { readonly kind: 'failed'; readonly error: Pick<AppError, 'what' | 'why'> };

/** What the image is made of: its sections, its crates, and its symbols. */
export function SizeView() {
  const result = useBuild(({ status }) => status.result);
  const [answer, setAnswer] = useState<Answer | null>(null);
  useEffect(() => {
    if (result === null) return;
    let current = true;
    studio.build
      .size()
      .then(
        (size): Answer => (size.ok ? { kind: 'size', size: size.value } : { kind: 'failed', error: size.error }),
        (thrown: unknown): Answer => ({
          kind: 'failed',
          error: { what: 'The host was not asked.', why: messageOf(thrown) },
        }),
      )
      .then((value) => {
        if (current) setAnswer(value);
      });
    return () => {
      current = false;
    };
  }, [result]);
  if (result === null)
    return <EmptyState icon="graph" title="There is no image yet: build the kernel to see what it is made of" />;
  if (answer === null) return null;
  if (answer.kind === 'failed')
    return (
      <EmptyState icon="error" title={answer.error.what}>
        <span>{answer.error.why}</span>
      </EmptyState>
    );
  return <Size size={answer.size} />;
}

function Size({ size }: { readonly size: ImageSize }) {
  const sections = sectionShares(size);
  return (
    <div className="size">
      <p className="size-summary">
        <strong>{formatBytes(size.memoryBytes)}</strong> in memory
        <span>
          ELF {formatBytes(size.fileBytes)}, of it {formatBytes(size.debugBytes)} for debuggers, never loaded
        </span>
      </p>
      <div className="size-stack" role="img" aria-label="Sections by size">
        {sections.map(({ name, bytes, kind, part }) => (
          <span
            key={name}
            className={`size-part size-${kind}`}
            style={{ flexGrow: part }}
            title={`${name}: ${formatBytes(bytes)}, ${kind}`}
          />
        ))}
      </div>
      <ul className="size-legend">
        {sections.map(({ name, bytes, kind }) => (
          <li key={name}>
            <span className={`size-swatch size-${kind}`} />
            <code>{name}</code> {formatBytes(bytes)}
          </li>
        ))}
      </ul>
      <h3 className="size-title">Crates</h3>
      <ul className="size-crates">
        {crateShares(size, CRATES).map((share) => (
          <Bar key={share.name} share={share} />
        ))}
      </ul>
      <Symbols size={size} />
    </div>
  );
}

function Bar({ share: { name, bytes, part } }: { readonly share: Share }) {
  return (
    <li className="size-crate">
      <span className="size-crate-name">{name}</span>
      <span className="size-bar">
        <span style={{ width: `${part * 100}%` }} />
      </span>
      <span className="size-number">{formatBytes(bytes)}</span>
      <span className="size-number">{(part * 100).toFixed(1)} %</span>
    </li>
  );
}

const COLUMNS: readonly { readonly key: SortKey; readonly title: string }[] = [
  { key: 'bytes', title: 'Size' },
  { key: 'name', title: 'Symbol' },
  { key: 'crate', title: 'Crate' },
  { key: 'section', title: 'Section' },
];

function Symbols({ size: { symbols, symbolCount } }: { readonly size: ImageSize }) {
  const [filter, setFilter] = useState('');
  const [sorting, setSorting] = useState<Parameters<typeof nextSorting>[0]>({ key: 'bytes', ascending: false });
  const rows = sortedSymbols(symbols, filter, sorting);
  const largest = symbols[0]?.bytes ?? 1;
  return (
    <>
      <div className="size-head">
        <h3 className="size-title">Largest symbols</h3>
        <input
          type="text"
          className="size-filter"
          aria-label="Filter the symbols"
          placeholder="Filter"
          spellCheck={false}
          autoComplete="off"
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
        <span className="size-note">
          {rows.length > ROWS ? `${ROWS} of ` : ''}
          {rows.length} of {symbolCount}
        </span>
      </div>
      <table className="size-table">
        <thead>
          <tr>
            {COLUMNS.map(({ key, title }) => (
              <th
                key={key}
                scope="col"
                className={`size-col-${key}`}
                aria-sort={sorting.key === key ? (sorting.ascending ? 'ascending' : 'descending') : 'none'}
              >
                <button type="button" onClick={() => setSorting(nextSorting(sorting, key))}>
                  {title}
                  {sorting.key === key ? <Icon name={sorting.ascending ? 'arrow-up' : 'arrow-down'} /> : null}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS).map(({ name, bytes, crate, section }, index) => (
            // Instances of one generic function differ in nothing that is shown.
            // biome-ignore lint/suspicious/noArrayIndexKey: the rows have no state of their own
            <tr key={index}>
              <td className="size-col-bytes">
                <span className="size-cell-bar" style={{ width: `${(bytes / largest) * 100}%` }} />
                <span>{formatBytes(bytes)}</span>
              </td>
              <td className="size-col-name" title={name}>
                {name}
              </td>
              <td>{crate}</td>
              <td>{section}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
