import { EXTERNAL, isExternal } from '../../app/contract/external.ts';
import { chainAt } from '../../app/symbols/index.ts';
import { useDocuments } from '../state/documents.ts';
import { SYMBOL_ICONS, useSymbols } from '../state/symbols.ts';
import { Icon } from '../widgets/Icon.tsx';
import { runCommand } from '../workbench/commands.ts';

/** Above the text: where the file lies, and what the cursor lies in. */
export function Breadcrumbs({ path }: { readonly path: string }) {
  const line = useDocuments(({ cursor }) => (cursor?.path === path ? cursor.line : null));
  const symbols = useSymbols(({ current }) => (current?.path === path ? current.symbols : null));
  const chain = line === null || symbols === null ? [] : chainAt(symbols, line);
  const parts = (isExternal(path) ? path.slice(EXTERNAL.length) : path).split('/').filter((part) => part !== '');
  return (
    <nav className="breadcrumbs" aria-label="Place in the workspace">
      <button
        type="button"
        className="breadcrumb"
        title="Reveal in the explorer"
        onClick={() => void runCommand('explorer.reveal')}
      >
        {parts.map((part, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the place in the path is what the part is
          <span key={index} className={index === parts.length - 1 ? 'breadcrumb-file' : undefined}>
            {index === 0 ? null : <Icon name="chevron-right" />}
            {part}
          </span>
        ))}
      </button>
      {chain.map((symbol) => (
        <button
          key={`${symbol.depth}:${symbol.line}`}
          type="button"
          className="breadcrumb"
          title={`Go to a symbol: ${symbol.kind} ${symbol.name}`}
          onClick={() => void runCommand('editor.outline')}
        >
          <Icon name="chevron-right" />
          <Icon name={SYMBOL_ICONS[symbol.kind]} className={`breadcrumb-icon symbol-${symbol.kind}`} />
          {symbol.name}
        </button>
      ))}
    </nav>
  );
}
