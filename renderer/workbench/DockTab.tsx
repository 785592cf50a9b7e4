import type { IDockviewPanelHeaderProps } from 'dockview-react';
import { useEffect, useRef, useState } from 'react';
import { useDocument } from '../state/documents.ts';
import { fileIcon } from '../widgets/file-icon.ts';
import { Icon } from '../widgets/Icon.tsx';
import { closePanel } from './close.ts';
import { DIFF_VIEW, FILE_VIEW, sideOf } from './dock.ts';
import { getPane, type Pane } from './panes.ts';

function Badge({ pane }: { readonly pane: Pane }) {
  const count = pane.useBadge?.() ?? 0;
  return count === 0 ? null : <span className="dock-badge">{count > 999 ? '999+' : count}</span>;
}

/**
 * A tab. Dockview's own element is the `tab` of the tab list, so nothing in here may be a control of its own: the cross is
 * for the mouse, the keyboard closes with Ctrl+W or Delete.
 */
export function DockTab(props: IDockviewPanelHeaderProps) {
  const { api } = props;
  const [title, setTitle] = useState(api.title ?? '');
  const [side, setSide] = useState(sideOf(api.group));
  useEffect(() => {
    const subscriptions = [
      api.onDidTitleChange((event) => setTitle(event.title)),
      api.onDidLocationChange(() => setSide(sideOf(api.group))),
    ];
    return () => {
      for (const subscription of subscriptions) subscription.dispose();
    };
  }, [api]);

  const paneId: unknown = props.params.pane;
  const pane = typeof paneId === 'string' ? getPane(paneId) : undefined;
  const path: unknown = props.params.path;
  const isFile = typeof path === 'string' && (api.component === FILE_VIEW || api.component === DIFF_VIEW);
  const document = useDocument(isFile && api.component === FILE_VIEW ? path : null);
  const dirty = document?.dirty === true;
  const root = useRef<HTMLDivElement>(null);
  // The name that is read out is an attribute of dockview's element.
  useEffect(() => {
    root.current?.closest('[role="tab"]')?.setAttribute('aria-label', dirty ? `${title}, not saved` : title);
  }, [title, dirty]);
  return (
    <div
      ref={root}
      className={`dock-tab${side === null ? '' : ' dock-tab-side'}${dirty ? ' dock-tab-dirty' : ''}`}
      title={isFile ? path : undefined}
      onAuxClick={(event) => {
        if (event.button === 1 && side === null) closePanel(api.id);
      }}
    >
      {isFile ? <Icon name={api.component === DIFF_VIEW ? 'diff' : fileIcon(path)} /> : null}
      {pane !== undefined && side === null ? <Icon name={pane.icon} /> : null}
      <span className={`dock-tab-title${document?.gone === true ? ' dock-tab-gone' : ''}`}>{title}</span>
      {pane === undefined ? null : <Badge pane={pane} />}
      {side === null ? (
        // biome-ignore lint/a11y/useKeyWithClickEvents: see above, Ctrl+W
        // biome-ignore lint/a11y/noStaticElementInteractions: see above
        <span
          className="dock-tab-close"
          title="Close"
          onPointerDown={(event) => event.stopPropagation()}
          onClick={(event) => {
            event.stopPropagation();
            closePanel(api.id);
          }}
        >
          <Icon name={dirty ? 'circle-filled' : 'close'} className="dock-tab-mark" />
          {dirty ? <Icon name="close" className="dock-tab-cross" /> : null}
        </span>
      ) : null}
    </div>
  );
}
