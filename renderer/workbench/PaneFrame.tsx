import { type ReactNode, useRef } from 'react';
import { ErrorBoundary } from './ErrorBoundary.tsx';
import { useKeptScroll } from './kept-scroll.ts';

interface PaneFrameProps {
  /** The dock's id of the panel. */
  readonly panel: string;
  readonly label: string;
  /** The pane's id, where it is one. */
  readonly pane?: string;
  /** What the panel shows, in the words of an error about it; the label, if not given. */
  readonly what?: string;
  readonly children: ReactNode;
}

/** What is around the content of every panel: a region with a name, which one broken pane cannot leave. */
export function PaneFrame({ panel, label, pane, what = label, children }: PaneFrameProps) {
  const element = useRef<HTMLElement>(null);
  const onScroll = useKeptScroll(element);
  return (
    <section
      ref={element}
      className={pane === undefined ? 'pane pane-editor' : 'pane'}
      data-panel={panel}
      data-pane={pane}
      aria-label={label}
      tabIndex={-1}
      onScrollCapture={onScroll}
    >
      <ErrorBoundary what={what}>{children}</ErrorBoundary>
    </section>
  );
}
