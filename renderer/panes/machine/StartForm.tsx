import { useId } from 'react';
import { AcceleratorSchema } from '../../../app/contract/profile.ts';
import { size } from '../../state/build-view.ts';
import { useMachines } from '../../state/machines.ts';
import { cancelRun, isRunning, type RunState, run, useRun } from '../../state/run.ts';
import { changeSettings, useSettings } from '../../state/settings.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { runCommand } from '../../workbench/commands.ts';
import { showPane } from '../../workbench/dock.ts';

/** What to boot, and the button that does. */
export function StartForm({ another }: { readonly another: boolean }) {
  const id = useId();
  const profiles = useMachines((state) => state.profiles);
  const models = useMachines((state) => state.models);
  const { profile, model } = useSettings(({ settings }) => settings);
  const state = useRun(({ run: now }) => now);
  const chosenProfile = profiles.find(({ name }) => name === profile);
  const chosenModel = models.find(({ name, path }) => name === model || path === model);
  const trouble =
    chosenProfile?.error ?? (chosenModel === undefined ? '' : chosenModel.problem || chosenModel.facts?.unsupported);
  return (
    <section className="machine-start" aria-label="Start a machine">
      <div className="machine-fields">
        <label htmlFor={`${id}p`}>Profile</label>
        <span className="machine-with-tool">
          <select
            id={`${id}p`}
            className="field"
            value={profile}
            onChange={(event) => void changeSettings({ profile: event.target.value })}
          >
            {chosenProfile === undefined ? <option value={profile}>{profile}</option> : null}
            {profiles.map(({ name, error }) => (
              <option key={name} value={name}>
                {error === null ? name : `${name} (does not load)`}
              </option>
            ))}
          </select>
          <IconButton icon="edit" label="Edit the profiles" onClick={() => void runCommand('profiles.show')} />
        </span>
        <label htmlFor={`${id}m`}>Model</label>
        <select
          id={`${id}m`}
          className="field"
          value={model}
          onChange={(event) => void changeSettings({ model: event.target.value })}
        >
          <option value="">none, a shell only</option>
          {model === '' || chosenModel !== undefined ? null : <option value={model}>{model}</option>}
          {models.map((entry) => (
            <option key={entry.path} value={entry.name}>
              {entry.name}, {size(entry.sizeBytes)}
            </option>
          ))}
        </select>
        <Overrides />
      </div>
      {chosenProfile === undefined || chosenProfile.description === '' ? null : (
        <p className="machine-hint">{chosenProfile.description}</p>
      )}
      {trouble === undefined || trouble === '' ? null : (
        <p className="machine-hint machine-trouble">
          <Icon name="warning" /> {trouble}
        </p>
      )}
      {isRunning(state) ? (
        <div className="machine-progress" role="status">
          <Icon name="loading" />
          <span>{progressText(state)}</span>
          <Button kind="quiet" onClick={cancelRun}>
            Cancel
          </Button>
        </div>
      ) : (
        <Button kind={another ? 'secondary' : 'primary'} icon="run" onClick={() => void run()}>
          {another ? 'Build and run another' : 'Build and run'}
        </Button>
      )}
      {state.phase === 'failed' ? (
        <ErrorNote error={state.error}>
          {state.error.code === 'build-failed' ? (
            <Button onClick={() => showPane('build')}>Show the build</Button>
          ) : null}
        </ErrorNote>
      ) : null}
    </section>
  );
}

function progressText(state: RunState): string {
  switch (state.phase) {
    case 'building':
      return 'Building the kernel';
    case 'starting':
    case 'loading':
      return state.step.charAt(0).toUpperCase() + state.step.slice(1);
    case 'idle':
    case 'failed':
      return '';
  }
}

/** What differs from the profile for the next start. */
function Overrides() {
  const id = useId();
  const { cores, memoryMiB, accelerator, append } = useMachines(({ overrides }) => overrides);
  const change = (part: Partial<ReturnType<typeof useMachines.getState>['overrides']>) =>
    useMachines.setState(({ overrides }) => ({ overrides: { ...overrides, ...part } }));
  const number = (text: string, min: number, max: number) => {
    const value = Number.parseInt(text, 10);
    return Number.isNaN(value) ? null : Math.min(max, Math.max(min, value));
  };
  return (
    <details className="machine-overrides">
      <summary>This start only</summary>
      <div className="machine-fields">
        <label htmlFor={`${id}c`}>Cores</label>
        <input
          id={`${id}c`}
          className="field"
          type="number"
          min={1}
          max={64}
          placeholder="as in the profile"
          value={cores ?? ''}
          onChange={(event) => change({ cores: number(event.target.value, 1, 64) })}
        />
        <label htmlFor={`${id}r`}>Memory, MiB</label>
        <input
          id={`${id}r`}
          className="field"
          type="number"
          min={32}
          step={64}
          placeholder="as in the profile"
          value={memoryMiB ?? ''}
          onChange={(event) => change({ memoryMiB: number(event.target.value, 1, 1_048_576) })}
        />
        <label htmlFor={`${id}a`}>Accelerator</label>
        <select
          id={`${id}a`}
          className="field"
          value={accelerator ?? ''}
          onChange={(event) => {
            const parsed = AcceleratorSchema.safeParse(event.target.value);
            change({ accelerator: parsed.success ? parsed.data : event.target.value === 'auto' ? 'auto' : null });
          }}
        >
          <option value="">as in the profile</option>
          <option value="auto">the fastest that works</option>
          {AcceleratorSchema.options.map((name) => (
            <option key={name} value={name}>
              {name.toUpperCase()}
            </option>
          ))}
        </select>
        <label htmlFor={`${id}k`}>Kernel options</label>
        <input
          id={`${id}k`}
          className="field machine-mono"
          maxLength={500}
          spellCheck={false}
          placeholder="ctx=512 seed=7"
          value={append}
          onChange={(event) => change({ append: event.target.value.replace(/[^\x20-\x7e]/g, '') })}
        />
      </div>
    </details>
  );
}
