import type { GitMark } from '../../state/workspace.ts';
import { fileIcon } from '../../widgets/file-icon.ts';
import { Icon } from '../../widgets/Icon.tsx';
import type { Row } from './rows.ts';

const LETTER: Readonly<Record<GitMark, string>> = {
  modified: 'M',
  added: 'A',
  deleted: 'D',
  untracked: 'U',
  conflict: '!',
};

interface Props {
  readonly row: Extract<Row, { kind: 'entry' }>;
  readonly isOpen: boolean;
  readonly isMarked: boolean;
  /** Whether Tab stops here: one row of the tree. */
  readonly isTabStop: boolean;
  readonly isCut: boolean;
  readonly isDropTarget: boolean;
  readonly mark: GitMark | undefined;
  readonly problem: { readonly severity: 'error' | 'warning'; readonly count: number } | undefined;
  readonly dragType: string;
  readonly onActivate: (beside: boolean, focus: boolean) => void;
  readonly onFocus: () => void;
}

/** One line of the tree. */
export function TreeRow({
  row,
  isOpen,
  isMarked,
  isTabStop,
  isCut,
  isDropTarget,
  mark,
  problem,
  dragType,
  onActivate,
  onFocus,
}: Props) {
  const { entry, depth } = row;
  const isFolder = entry.kind === 'directory';
  const says = [
    entry.name,
    mark,
    problem === undefined ? undefined : `${problem.count} ${problem.severity}${problem.count === 1 ? '' : 's'}`,
  ];
  const classes = ['tree-row'];
  if (isMarked) classes.push('tree-row-marked');
  if (isCut) classes.push('tree-row-cut');
  if (isDropTarget) classes.push('explorer-drop');
  if (problem !== undefined) classes.push(`tree-row-${problem.severity}`);
  else if (mark !== undefined) classes.push(`tree-row-${mark}`);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it has the keys
    <div
      role="treeitem"
      className={classes.join(' ')}
      data-path={entry.path}
      aria-label={says.filter((part) => part !== undefined).join(', ')}
      aria-level={depth + 1}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-selected={isMarked}
      aria-expanded={isFolder ? isOpen : undefined}
      tabIndex={isTabStop ? 0 : -1}
      draggable
      title={entry.path}
      onFocus={onFocus}
      onDragStart={(event) => event.dataTransfer.setData(dragType, entry.path)}
      onClick={(event) => onActivate(event.ctrlKey || event.metaKey, false)}
      onDoubleClick={() => {
        if (!isFolder) onActivate(false, true);
      }}
    >
      {Array.from({ length: depth }, (_, level) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the level is what the guide is
        <span key={level} className="tree-guide" />
      ))}
      <Icon
        name={
          isFolder
            ? isOpen
              ? 'chevron-down'
              : 'chevron-right'
            : entry.kind === 'other'
              ? 'circle-slash'
              : fileIcon(entry.name)
        }
        className="tree-icon"
      />
      <span className="tree-name">{entry.name}</span>
      {entry.isLink ? <Icon name="link-external" className="tree-link" /> : null}
      {problem !== undefined && !isFolder ? (
        <span className="tree-mark">{problem.count > 9 ? '9+' : problem.count}</span>
      ) : mark === undefined ? null : isFolder ? (
        <span className="tree-dot" />
      ) : (
        <span className="tree-mark">{LETTER[mark]}</span>
      )}
    </div>
  );
}
