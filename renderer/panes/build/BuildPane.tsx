import { memo, useLayoutEffect, useRef, useState } from 'react';
import { cancelBuild, isBuilding, useBuild, useBuildCounts, workspaceRoot } from '../../state/build.ts';
import {
  type BuildView,
  elapsedOf,
  headlineOf,
  type LogEntry,
  progressOf,
  relativeTo,
  seconds,
} from '../../state/build-view.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { useNow } from '../../widgets/use-now.ts';
import { runCommand } from '../../workbench/commands.ts';
import { showPane } from '../../workbench/dock.ts';
import { openFile } from '../../workbench/open.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { parseAnsi } from './ansi.ts';
import { type PlaceLink, rustcLines } from './rustc-text.ts';
import { SizeView } from './SizeView.tsx';
import { useBuildPane } from './shown.ts';
import '../../theme/ansi.css';
import './build.css';

/** The build: how far it is and what it said. */
export function BuildPane({ isVisible }: PaneProps) {
  const view = useBuild();
  const shown = useBuildPane((state) => state.shown);
  if (view.status.phase === 'idle') {
    return (
      <EmptyState icon="tools" title="The kernel has not been built yet">
        <Button kind="primary" icon="tools" onClick={() => void runCommand('build.start')}>
          Build the kernel
        </Button>
      </EmptyState>
    );
  }
  return (
    <div className="build">
      <Head view={view} isVisible={isVisible} />
      {shown === 'size' ? <SizeView /> : <Log view={view} />}
    </div>
  );
}

function Head({ view, isVisible }: { readonly view: BuildView; readonly isVisible: boolean }) {
  const { status } = view;
  const building = isBuilding(view);
  const now = useNow(100, building && isVisible);
  const elapsed = elapsedOf(status, now);
  const progress = progressOf(view);
  const { errors, warnings } = useBuildCounts();
  const shown = useBuildPane((state) => state.shown);
  return (
    <div className="build-head" data-phase={status.phase}>
      <Icon name={ICONS[status.phase]} />
      <strong>{headlineOf(view)}</strong>
      {building ? <progress aria-label="Build progress" {...(progress === null ? {} : { value: progress })} /> : null}
      <span className="build-fact">{crates(view)}</span>
      {elapsed === null ? null : <span className="build-fact build-time">{seconds(elapsed)}</span>}
      <span className="build-gap" />
      {errors + warnings === 0 ? null : (
        <button type="button" className="build-counts" onClick={() => showPane('problems')} title="Show the problems">
          {errors === 0 ? null : (
            <span className="build-errors">
              <Icon name="error" /> {errors}
              <span className="visually-hidden"> errors</span>
            </span>
          )}
          {warnings === 0 ? null : (
            <span className="build-warnings">
              <Icon name="warning" /> {warnings}
              <span className="visually-hidden"> warnings</span>
            </span>
          )}
        </button>
      )}
      <span className="build-views">
        <IconButton
          icon="output"
          label="Output"
          pressed={shown === 'output'}
          onClick={() => useBuildPane.setState({ shown: 'output' })}
        />
        <IconButton
          icon="graph"
          label="Size of the image"
          pressed={shown === 'size'}
          onClick={() => useBuildPane.setState({ shown: 'size' })}
        />
      </span>
      {building ? (
        <Button kind="quiet" icon="debug-stop" onClick={() => void cancelBuild()}>
          Cancel
        </Button>
      ) : (
        <Button kind="quiet" icon="tools" onClick={() => void runCommand('build.start')}>
          Build
        </Button>
      )}
    </div>
  );
}

const ICONS = {
  idle: 'circle-outline',
  running: 'loading',
  succeeded: 'pass-filled',
  failed: 'error',
  cancelled: 'circle-slash',
} as const;

function crates({ status, expectedCrates }: BuildView): string {
  if (status.crates === 0) return '';
  const of =
    status.phase === 'running' && expectedCrates !== null && expectedCrates >= status.crates
      ? ` of ${expectedCrates}`
      : '';
  return `${status.crates}${of} crates, ${status.compiled} compiled`;
}

/** The lines, following the newest until a person scrolls up. */
function Log({ view }: { readonly view: BuildView }) {
  const element = useRef<HTMLDivElement>(null);
  const [follow, setFollow] = useState(true);
  const newest = view.log.at(-1)?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new line moves the end
  useLayoutEffect(() => {
    if (follow && element.current !== null) element.current.scrollTop = element.current.scrollHeight;
  }, [follow, newest]);
  return (
    <div
      ref={element}
      className="build-log"
      role="log"
      aria-label="Build output"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
        setFollow(scrollTop + clientHeight >= scrollHeight - 24)
      }
    >
      {view.dropped === 0 ? null : <p className="build-dropped">{view.dropped} earlier lines are left out</p>}
      {view.log.map((entry) => (
        <Line key={entry.id} entry={entry} />
      ))}
    </div>
  );
}

const Line = memo(function Line({ entry }: { readonly entry: LogEntry }) {
  switch (entry.kind) {
    case 'step':
      return (
        <p className="build-step">
          {entry.title}
          {entry.command === '' ? null : <span className="build-command"> {entry.command}</span>}
        </p>
      );
    case 'crate':
      return (
        <p>
          <span className="build-verb">Compiled</span> {entry.name}
        </p>
      );
    case 'output':
      return (
        <p>
          <Ansi text={entry.text} />
        </p>
      );
    case 'diagnostic':
      return <Rendered text={entry.diagnostic.rendered} />;
    case 'finished':
      return <p className="build-end build-end-good">{entry.text}</p>;
    case 'failed':
      return (
        <p className="build-end build-end-bad">
          {entry.text}
          {entry.detail === '' ? null : <span className="build-end-detail">{`\n${entry.detail}`}</span>}
        </p>
      );
  }
});

function Ansi({ text }: { readonly text: string }) {
  return parseAnsi(text).map((span, index) => {
    const classes = [
      span.bold && 'ansi-bold',
      span.dim && 'ansi-dim',
      span.italic && 'ansi-italic',
      span.underline && 'ansi-underline',
    ];
    return (
      <span
        // biome-ignore lint/suspicious/noArrayIndexKey: the spans of a line never change
        key={index}
        className={classes.filter((name) => name !== false).join(' ')}
        style={span.colour === null ? undefined : { color: `var(--ansi-${span.colour})` }}
      >
        {span.text}
      </span>
    );
  });
}

/** rustc's drawing, with its places as links. */
function Rendered({ text }: { readonly text: string }) {
  return (
    <div className="build-diagnostic">
      {rustcLines(text).map(({ pieces, place }, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a diagnostic never change
        <p key={row}>
          {pieces.map(({ text: piece, tone }, index) =>
            place !== null && index === 1 ? (
              <PlaceButton key="place" place={place} text={piece} />
            ) : (
              // biome-ignore lint/suspicious/noArrayIndexKey: see above
              <span key={index} className={`rustc-${tone}`}>
                {piece}
              </span>
            ),
          )}
          {pieces.every(({ text: piece }) => piece === '') ? '\u200b' : null}
        </p>
      ))}
    </div>
  );
}

function PlaceButton({ place, text }: { readonly place: PlaceLink; readonly text: string }) {
  const path = workspacePathOf(place.file);
  if (path === null) return text;
  return (
    <button type="button" className="link" onClick={() => openFile(path, { line: place.line, column: place.column })}>
      {text}
    </button>
  );
}

/** rustc names files relative to the kernel's workspace, which is a folder of this one. */
function workspacePathOf(file: string): string | null {
  const root = workspaceRoot();
  const inside = relativeTo(root, file);
  if (inside === undefined) return null;
  return file.startsWith('/') ? inside : `kernel/${inside}`;
}
