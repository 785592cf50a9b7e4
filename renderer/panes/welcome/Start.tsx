import { useId } from 'react';
import { useBuild } from '../../state/build.ts';
import { size } from '../../state/build-view.ts';
import { modelName } from '../../state/machine-view.ts';
import { servingMachine, useMachines, useServingMachine } from '../../state/machines.ts';
import { cancelRun, isRunning, type RunStage, type RunState, run, useRun } from '../../state/run.ts';
import { changeSettings, useSettings } from '../../state/settings.ts';
import { Button } from '../../widgets/buttons.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { formatDuration } from '../../widgets/format.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { useNow } from '../../widgets/use-now.ts';
import { showPane } from '../../workbench/dock.ts';
import { switchLayout, useLayouts } from '../../workbench/layouts.ts';

/** From nothing to a conversation: one button, and every stage with its time. */
export function Start() {
  const state = useRun(({ run: now }) => now);
  const serving = useServingMachine();
  const running = isRunning(state);
  return (
    <section className="welcome-card" aria-labelledby="welcome-start">
      <h2 id="welcome-start">Talk to the kernel</h2>
      <Choices disabled={running} />
      <Stages />
      <div className="welcome-start-row">
        {running ? (
          <Button icon="debug-stop" onClick={cancelRun}>
            Cancel
          </Button>
        ) : (
          <button
            type="button"
            className="button button-primary welcome-go"
            data-autofocus=""
            onClick={() => void start()}
          >
            <Icon name={serving === null ? 'run' : 'comment-discussion'} />
            {serving === null ? 'Build, boot and chat' : 'Go on to the chat'}
          </button>
        )}
        <p role="status" className="welcome-status">
          {words(state, serving === null ? null : (modelName(serving.info.modelPath) ?? 'the guest'))}
        </p>
      </div>
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

/** Brings up whatever is missing and ends where one writes to the model. */
async function start(): Promise<void> {
  if (servingMachine() === null && (await run({ untilReady: true })) === null) return;
  if (useLayouts.getState().current !== 'chat') switchLayout('chat');
  showPane('chat');
}

function words(state: RunState, serving: string | null): string {
  switch (state.phase) {
    case 'building':
      return 'Compiling the kernel';
    case 'starting':
      return capital(state.step);
    case 'loading':
      return capital(state.step === '' ? 'waiting for the kernel' : state.step);
    case 'failed':
      return '';
    case 'idle':
      return serving === null
        ? 'One click: compiles the kernel, starts QEMU, loads the model.'
        : `${serving} runs and answers.`;
  }
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function Choices({ disabled }: { readonly disabled: boolean }) {
  const id = useId();
  const profiles = useMachines((all) => all.profiles);
  const models = useMachines((all) => all.models);
  const { profile, model } = useSettings(({ settings }) => settings);
  const chosen = profiles.find(({ name }) => name === profile);
  return (
    <div className="welcome-choices">
      <label htmlFor={`${id}m`}>Model</label>
      <select
        id={`${id}m`}
        className="field"
        disabled={disabled}
        value={model}
        onChange={(event) => void changeSettings({ model: event.target.value })}
      >
        {models.some(({ name }) => name === model) ? null : (
          <option value={model}>{model === '' ? 'none' : model}</option>
        )}
        {models.map((entry) => (
          <option key={entry.path} value={entry.name}>
            {entry.name}, {size(entry.sizeBytes)}
          </option>
        ))}
      </select>
      <label htmlFor={`${id}p`}>Machine</label>
      <select
        id={`${id}p`}
        className="field"
        disabled={disabled}
        title={chosen?.description}
        value={profile}
        onChange={(event) => void changeSettings({ profile: event.target.value })}
      >
        {chosen === undefined ? <option value={profile}>{profile}</option> : null}
        {profiles.map(({ name, description }) => (
          <option key={name} value={name}>
            {name}
            {description === '' ? '' : `: ${description}`}
          </option>
        ))}
      </select>
    </div>
  );
}

const STAGES: readonly { readonly name: RunStage['name']; readonly title: string; readonly what: string }[] = [
  { name: 'build', title: 'Build', what: 'cargo makes the image' },
  { name: 'boot', title: 'Boot', what: 'QEMU, firmware, kernel' },
  { name: 'load', title: 'Load', what: 'the model, from raw sectors' },
];

/** The way to the chat; what is behind has its time, what is under way its progress. */
function Stages() {
  const stages = useRun((all) => all.stages);
  const going = useRun(({ run: now }) => isRunning(now));
  const ready = useServingMachine() !== null;
  const now = useNow(200, going);
  // A machine that was started elsewhere, or waited for by nobody, has come this way as well.
  const untimed = ready && !going ? 'done' : 'waiting';
  return (
    <ol className="welcome-stages">
      {STAGES.map(({ name, title, what }) => {
        const stage = stages.find((each) => each.name === name);
        const state =
          stage === undefined ? untimed : stage.endedAt === null ? 'running' : stage.failed ? 'failed' : 'done';
        return (
          <li key={name} data-state={state} aria-current={state === 'running' ? 'step' : undefined}>
            <StageIcon state={state} />
            <span className="welcome-stage-title">{title}</span>
            <span className="welcome-stage-time">
              {stage === undefined ? '' : formatDuration((stage.endedAt ?? now) - stage.startedAt)}
            </span>
            <span className="welcome-stage-what">{name === 'build' && state === 'running' ? <Crates /> : what}</span>
          </li>
        );
      })}
      <li data-state={untimed}>
        <StageIcon state={untimed} />
        <span className="welcome-stage-title">Chat</span>
        <span className="welcome-stage-time" />
        <span className="welcome-stage-what">over the guest's own TCP</span>
      </li>
    </ol>
  );
}

function StageIcon({ state }: { readonly state: 'waiting' | 'running' | 'done' | 'failed' }) {
  const icon = { waiting: 'circle-large-outline', running: 'loading', done: 'pass-filled', failed: 'error' }[state];
  return <Icon name={icon} />;
}

function Crates() {
  const { status, expectedCrates } = useBuild();
  if (status.phase !== 'running') return 'starting';
  const known = expectedCrates !== null && expectedCrates >= status.crates;
  return (
    <>
      {status.crates} {known ? `of ${expectedCrates} ` : ''}crates
      {known ? <progress aria-label="Build" value={status.crates} max={expectedCrates} /> : null}
    </>
  );
}
