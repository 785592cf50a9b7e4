import { getCommand } from './commands.ts';
import { keyHint } from './keybindings.ts';
import './watermark.css';

const HINTS = ['workbench.quickOpen', 'workbench.palette', 'search.show', 'build.start', 'machine.start'];

/** What stands between the sides while no editor is open: the keys that lead on from here. */
export function Watermark() {
  return (
    <div className="watermark">
      <svg viewBox="0 0 64 64" width="72" height="72" aria-hidden="true">
        <circle cx="32" cy="32" r="24" fill="none" stroke="currentColor" strokeWidth="3" />
        <circle cx="32" cy="32" r="15" fill="none" stroke="currentColor" strokeWidth="3" opacity="0.55" />
        <circle cx="32" cy="32" r="5" fill="currentColor" />
      </svg>
      <dl>
        {HINTS.map((id) => {
          const command = getCommand(id);
          const key = keyHint(command);
          return command === undefined || key === undefined ? null : (
            <div key={id}>
              <dt>{command.title}</dt>
              <dd>
                <kbd>{key}</kbd>
              </dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}
