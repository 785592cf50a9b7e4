import { useConnection } from '../host/client.ts';
import { IconButton } from '../widgets/buttons.tsx';
import { Icon } from '../widgets/Icon.tsx';
import { moveFocus } from '../widgets/roving.ts';
import { getCommand, runCommand } from './commands.ts';
import { useToolbarItems } from './contributions.ts';
import { type Side, useDock } from './dock.ts';
import { keyHint } from './keybindings.ts';
import { availableLayouts, LAYOUTS, switchLayout, useLayouts } from './layouts.ts';
import { usePanes } from './panes.ts';
import './title-bar.css';

function LayoutSwitch() {
  usePanes();
  const current = useLayouts(({ current }) => current);
  const names = availableLayouts();
  if (names.length < 2) return null;
  return (
    <div
      className="layout-switch"
      role="radiogroup"
      aria-label="Layout"
      onKeyDown={(event) => moveFocus(event, 'horizontal')}
    >
      {names.map((name) => (
        // biome-ignore lint/a11y/useSemanticElements: a radio button cannot be drawn as a segment without hiding it
        <button
          key={name}
          type="button"
          role="radio"
          aria-checked={current === name}
          tabIndex={current === name ? 0 : -1}
          title={`${LAYOUTS[name].title} layout`}
          onClick={() => switchLayout(name)}
        >
          {LAYOUTS[name].title}
        </button>
      ))}
    </div>
  );
}

const SIDE_BUTTONS: readonly {
  readonly side: Side;
  readonly name: string;
  readonly on: string;
  readonly off: string;
}[] = [
  { side: 'left', name: 'Primary Side Bar', on: 'layout-sidebar-left', off: 'layout-sidebar-left-off' },
  { side: 'bottom', name: 'Panel', on: 'layout-panel', off: 'layout-panel-off' },
  { side: 'right', name: 'Secondary Side Bar', on: 'layout-sidebar-right', off: 'layout-sidebar-right-off' },
];

function SideButtons() {
  usePanes();
  const sides = useDock(({ sides }) => sides);
  const api = useDock(({ api }) => api);
  return SIDE_BUTTONS.filter(({ side }) => api?.getEdgeGroup(side) !== undefined).map(({ side, name, on, off }) => {
    const id = `workbench.toggle.${side}`;
    return (
      <IconButton
        key={side}
        icon={sides[side] ? on : off}
        label={`Toggle ${name}`}
        hint={keyHint(getCommand(id))}
        onClick={() => void runCommand(id)}
      />
    );
  });
}

/** The bar at the top: layouts, the way to files and commands, and what builds, runs and stops. */
export function TitleBar() {
  const workspace = useConnection(({ connection }) =>
    connection.phase === 'connected' ? connection.info.workspace.name : null,
  );
  const items = useToolbarItems();
  return (
    <header className="title-bar" data-region="title">
      <div className="title-start">
        <img className="title-mark" src="./ring0.svg" alt="Ring0 Studio" width="18" height="18" />
        <LayoutSwitch />
      </div>
      <button
        type="button"
        className="title-search"
        title={`Go to file or command (${keyHint(getCommand('workbench.quickOpen')) ?? ''})`}
        onClick={() => void runCommand('workbench.quickOpen')}
      >
        <Icon name="search" />
        <span>{workspace ?? 'Ring0 Studio'}</span>
        <kbd>{keyHint(getCommand('workbench.quickOpen'))}</kbd>
      </button>
      <div className="title-end">
        <div className="title-tools">
          {[...items.values()]
            .sort((a, b) => a.order - b.order)
            .map((item) => (
              <item.component key={item.id} />
            ))}
        </div>
        <div className="title-sides">
          <SideButtons />
        </div>
      </div>
    </header>
  );
}
