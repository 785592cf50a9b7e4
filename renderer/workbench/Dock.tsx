import {
  DockviewReact,
  type DockviewReadyEvent,
  type DockviewTheme,
  type IDockviewHeaderActionsProps,
  type IDockviewPanelProps,
} from 'dockview-react';
import { lazy, Suspense, useEffect, useState } from 'react';
import { EmptyState } from '../widgets/EmptyState.tsx';
import { DockTab } from './DockTab.tsx';
import {
  buildDefaultLayout,
  DIFF_VIEW,
  FILE_VIEW,
  PANE_VIEW,
  restoreLayout,
  showPane,
  syncDock,
  useDock,
} from './dock.ts';
import { PaneFrame } from './PaneFrame.tsx';
import { getPane } from './panes.ts';
import { openLostTexts } from './session.ts';
import { Watermark } from './Watermark.tsx';
import './dock.css';

const THEME: DockviewTheme = {
  name: 'ring0',
  className: 'dockview-theme-ring0',
  dndTabIndicator: 'line',
  tabGroupIndicator: 'none',
  edgeGroupCollapsedSize: 32,
};

/** Monaco is most of the page's size; the workbench is drawn before it has arrived. */
const loadEditor = () => import('../editors/FileEditor.tsx');
const FileEditor = lazy(async () => {
  const [editor, views] = await Promise.all([loadEditor(), import('../editors/view-states.ts')]);
  await views.loadViewStates();
  return editor;
});
const DiffEditor = lazy(() => import('../editors/DiffEditor.tsx'));

/**
 * Asks for it as soon as the window is drawn, while the host is still being asked what was open: a file is nearly always wanted, and
 * the first one then has not to wait for it.
 */
export function fetchEditor(): void {
  requestAnimationFrame(() => setTimeout(() => void loadEditor().catch(() => {}), 0));
}

function useIsVisible(props: IDockviewPanelProps): boolean {
  const [isVisible, setVisible] = useState(props.api.isVisible);
  useEffect(() => {
    const subscription = props.api.onDidVisibilityChange((event) => setVisible(event.isVisible));
    return () => subscription.dispose();
  }, [props.api]);
  return isVisible;
}

function PaneView(props: IDockviewPanelProps<{ pane: string }>) {
  const isVisible = useIsVisible(props);
  const pane = getPane(props.params.pane);
  if (pane === undefined) return <EmptyState icon="question" title={`There is no pane ${props.params.pane}`} />;
  return (
    <PaneFrame panel={props.api.id} pane={pane.id} label={pane.title}>
      <pane.component isVisible={isVisible} />
    </PaneFrame>
  );
}

function FileView(props: IDockviewPanelProps<{ path: string }>) {
  const { path } = props.params;
  return (
    <PaneFrame panel={props.api.id} label={path}>
      <Suspense fallback={null}>
        <FileEditor path={path} panelId={props.api.id} />
      </Suspense>
    </PaneFrame>
  );
}

function DiffView(props: IDockviewPanelProps<{ path: string; against: string }>) {
  const { path, against } = props.params;
  return (
    <PaneFrame panel={props.api.id} label={`Changes of ${path}`} what={path}>
      <Suspense fallback={null}>
        <DiffEditor path={path} against={against} panelId={props.api.id} />
      </Suspense>
    </PaneFrame>
  );
}

/** The buttons that the visible pane puts at the end of its tab strip. */
function HeaderActions({ activePanel }: IDockviewHeaderActionsProps) {
  const id: unknown = activePanel?.params?.pane;
  const Actions = typeof id === 'string' ? getPane(id)?.actions : undefined;
  return Actions === undefined ? null : (
    <div className="dock-actions">
      <Actions />
    </div>
  );
}

const COMPONENTS = { [PANE_VIEW]: PaneView, [FILE_VIEW]: FileView, [DIFF_VIEW]: DiffView };

/** Everything between the bars: the sides and the editors. `saved` is the layout of the last visit, if there was one. */
export function Dock({ saved, onChange }: { readonly saved: unknown; readonly onChange: (layout: unknown) => void }) {
  const onReady = ({ api }: DockviewReadyEvent) => {
    if (saved === null || !restoreLayout(api, saved)) buildDefaultLayout(api);
    useDock.setState({ api });
    syncDock();
    // Nobody has been here before.
    if (saved === null) showPane('welcome', false);
    api.onDidLayoutChange(() => {
      syncDock();
      onChange(api.toJSON());
    });
    api.onDidActivePanelChange(syncDock);
    api.onDidActiveGroupChange(syncDock);
    void openLostTexts();
  };
  return (
    <main className="dock" data-region="editors" aria-label="Editors and panes">
      <DockviewReact
        theme={THEME}
        components={COMPONENTS}
        defaultTabComponent={DockTab}
        rightHeaderActionsComponent={HeaderActions}
        watermarkComponent={Watermark}
        proportionalLayout={false}
        onReady={onReady}
      />
    </main>
  );
}
