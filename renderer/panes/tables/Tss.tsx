import type { StackView, TablesView } from '../../../app/contract/inspect/tables.ts';
import { EmptyState } from '../../widgets/EmptyState.tsx';

const MOST = 65536;

/** The TSS, and its stacks as they lie in memory. */
export function Tss({
  tss,
  long,
  filter,
}: {
  readonly tss: TablesView['tss'];
  readonly long: boolean;
  readonly filter: string;
}) {
  if (tss === null)
    return (
      <EmptyState
        icon="table"
        title={long ? 'No TSS is loaded: TR is 0' : 'Outside of long mode there is no 64-bit TSS'}
      />
    );
  const stacks = tss.stacks.filter((it) =>
    `${it.name} ${it.symbol ?? ''} ${it.vectors.join(' ')}`.toLowerCase().includes(filter),
  );
  const sorted = [...stacks].sort((a, b) => (BigInt(a.top) > BigInt(b.top) ? -1 : 1));
  return (
    <>
      <p className="tables-base">
        TR <code>{tss.selector}</code>, base <code>{tss.base}</code>, limit <code>{tss.limit}</code>,{' '}
        {tss.ioMap === null || tss.ioMap > Number(tss.limit)
          ? 'no I/O permission map'
          : `I/O permission map at ${tss.ioMap}`}
      </p>
      <p className="tables-muted tables-hint">
        Stacks from the highest address down. The first push goes just below the top.
      </p>
      <ol className="tss-stacks">
        {sorted.map((it, n) => (
          <Stack key={it.name} stack={it} next={sorted[n + 1] ?? null} />
        ))}
      </ol>
      {sorted.length === 0 ? (
        <p className="tables-none">{filter === '' ? 'It names no stack.' : 'No stack fits the filter.'}</p>
      ) : null}
    </>
  );
}

/** A stack from its top down; `next` is the one below, for what lies between. */
export function Stack({ stack, next }: { readonly stack: StackView; readonly next: StackView | null }) {
  const { name, top, symbol, mappedBytes, guarded, vectors } = stack;
  const bottom = BigInt(top) - BigInt(mappedBytes);
  const gap = next === null ? null : bottom - BigInt(next.top);
  const broken = mappedBytes === 0;
  return (
    <li>
      <div className="tss-stack" data-broken={broken}>
        <code className="tss-top">{top}</code>
        <div className="tss-bar" style={{ height: `${Math.max(26, Math.round((mappedBytes / MOST) * 140))}px` }}>
          <strong>{name}</strong>
          <span>
            {broken ? 'not mapped' : mappedBytes >= MOST ? '64 KiB and more' : `${(mappedBytes / 1024).toFixed(1)} KiB`}
          </span>
        </div>
        <div className="tss-words">
          <p>
            {vectors.length === 0 ? 'ring change' : `${vectors.length === 1 ? 'vector' : 'vectors'} ${ranges(vectors)}`}
          </p>
          <p className="tables-muted">{symbol ?? ''}</p>
        </div>
      </div>
      <div className="tss-gap" data-guard={guarded}>
        <span />
        <span>{broken ? '' : guarded ? 'guard: not mapped' : 'mapped on: no guard page seen'}</span>
        <span className="tables-muted">{gap !== null && gap > 65536n ? `${sizeText(gap)} further down` : ''}</span>
      </div>
    </li>
  );
}

function sizeText(bytes: bigint): string {
  if (bytes < 1n << 20n) return `${bytes >> 10n} KiB`;
  return bytes < 1n << 30n ? `${bytes >> 20n} MiB` : `${bytes >> 30n} GiB`;
}

/** `2, 32–255`. */
export function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`)).join(', ');
}
