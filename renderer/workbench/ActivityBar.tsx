import { Icon } from '../widgets/Icon.tsx';
import { moveFocus } from '../widgets/roving.ts';
import { getCommand, runCommand } from './commands.ts';
import { togglePane, useDock } from './dock.ts';
import { keyHint } from './keybindings.ts';
import { type Pane, panesAt, usePanes } from './panes.ts';
import './activity-bar.css';

function ActivityButton({ pane, first }: { readonly pane: Pane; readonly first: boolean }) {
  const isShown = useDock(({ visible }) => visible.has(`pane:${pane.id}`));
  const badge = pane.useBadge?.() ?? 0;
  const hint = keyHint(getCommand(`${pane.id}.show`));
  const label = badge === 0 ? pane.title : `${pane.title}, ${badge}`;
  return (
    <button
      type="button"
      className="activity-button"
      aria-label={label}
      aria-pressed={isShown}
      title={hint === undefined ? pane.title : `${pane.title} (${hint})`}
      tabIndex={first ? 0 : -1}
      onClick={() => togglePane(pane.id)}
    >
      <Icon name={pane.icon} />
      {badge === 0 ? null : <span className="activity-badge">{badge > 99 ? '99+' : badge}</span>}
    </button>
  );
}

/** The strip at the far left: one button for each pane of the sides. */
export function ActivityBar() {
  usePanes();
  const left = panesAt('left');
  const right = panesAt('right');
  return (
    <div
      className="activity-bar"
      role="toolbar"
      aria-label="Views"
      aria-orientation="vertical"
      data-region="activity"
      onKeyDown={(event) => moveFocus(event, 'vertical')}
    >
      {left.map((pane, index) => (
        <ActivityButton key={pane.id} pane={pane} first={index === 0} />
      ))}
      {right.length === 0 ? null : <div className="activity-rule" />}
      {right.map((pane) => (
        <ActivityButton key={pane.id} pane={pane} first={false} />
      ))}
      <div className="activity-gap" />
      <button
        type="button"
        className="activity-button"
        aria-label="Settings"
        title={`Settings (${keyHint(getCommand('settings.show')) ?? ''})`}
        tabIndex={-1}
        onClick={() => void runCommand('settings.show')}
      >
        <Icon name="settings-gear" />
      </button>
    </div>
  );
}
