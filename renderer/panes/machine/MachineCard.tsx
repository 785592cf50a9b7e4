import type { StudioMachine } from '../../../app/contract/studio.ts';
import { cancelDump, useDumpSaving } from '../../state/dump-saving.ts';
import {
  abilitiesOf,
  acceleratorName,
  isAlive,
  mebibytes,
  modelName,
  shellCommand,
  stateWords,
  uptime,
} from '../../state/machine-view.ts';
import { actOn, chooseMachine, type MachineAction, useMachines } from '../../state/machines.ts';
import { Button } from '../../widgets/buttons.tsx';
import { CodeBlock } from '../../widgets/CodeBlock.tsx';
import { CopyButton } from '../../widgets/CopyButton.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { StateDot } from '../../widgets/StateDot.tsx';
import { useNow } from '../../widgets/use-now.ts';
import { runCommand } from '../../workbench/commands.ts';
import { CrashView } from './CrashView.tsx';
import { RegisterView } from './RegisterView.tsx';
import { UsageView } from './UsageView.tsx';

const ACTIONS: readonly {
  readonly action: Exclude<MachineAction, 'forget'>;
  readonly title: string;
  readonly icon: string;
}[] = [
  { action: 'resume', title: 'Resume', icon: 'debug-continue' },
  { action: 'pause', title: 'Pause', icon: 'debug-pause' },
  { action: 'reset', title: 'Reset', icon: 'debug-restart' },
  { action: 'stop', title: 'Stop', icon: 'debug-stop' },
];

/** One machine: its state, what can be done with it, and what it is made of. */
export function MachineCard({ machine, isVisible }: { readonly machine: StudioMachine; readonly isVisible: boolean }) {
  const { info, state } = machine;
  const words = stateWords(state);
  const can = abilitiesOf(state);
  const pending = useMachines((all) => all.pending.get(info.id));
  const alive = isAlive(state);
  const now = useNow(1000, isVisible && alive);
  const shown = ACTIONS.filter(({ action }) => (action === 'pause' || action === 'resume' ? can[action] : alive));
  return (
    <section className="machine-card" aria-label={`Machine ${info.id}`}>
      <header className="machine-head" data-tone={words.tone}>
        <StateDot tone={words.tone} />
        <strong role="status">{words.label}</strong>
        <span className="machine-name">{info.profile.name}</span>
        {alive ? <span className="machine-uptime">{uptime(now - info.startedAt)}</span> : null}
      </header>
      {words.detail === '' || state.phase === 'crashed' || state.phase === 'failed' ? null : (
        <p className="machine-hint">{words.detail}</p>
      )}
      <div className="machine-actions">
        {shown.map(({ action, title, icon }) => (
          <Button
            key={action}
            icon={pending === action ? 'loading' : icon}
            disabled={!can[action] || pending !== undefined}
            onClick={() => void actOn(info.id, action)}
          >
            {title}
          </Button>
        ))}
        <DumpButton machine={machine} />
        {can.forget ? (
          <Button
            kind="quiet"
            icon="close"
            disabled={pending !== undefined}
            onClick={() => void actOn(info.id, 'forget')}
          >
            Remove from the list
          </Button>
        ) : null}
      </div>
      {state.phase === 'failed' ? <ErrorNote error={state.error} /> : null}
      {state.phase === 'crashed' ? <CrashView machineId={info.id} crash={state.crash} /> : null}
      {state.phase === 'running' || state.phase === 'paused' ? <UsageView id={info.id} live={isVisible} /> : null}
      <dl className="facts">
        <dt>Accelerator</dt>
        <dd>
          {acceleratorName(info.accelerator.accelerator)}
          <span className="machine-why">{info.accelerator.reason}</span>
        </dd>
        <dt>Cores</dt>
        <dd>{info.profile.cores}</dd>
        <dt>Memory</dt>
        <dd>{mebibytes(info.profile.memoryMiB)}</dd>
        <dt>Model</dt>
        <dd>{modelName(info.modelPath) ?? 'none'}</dd>
        <dt>API</dt>
        <dd className="machine-with-button">
          {info.apiUrl === null ? 'not forwarded' : <code>{info.apiUrl}</code>}
          {info.apiUrl === null ? null : <CopyButton label="Copy the API's address" text={() => info.apiUrl ?? ''} />}
        </dd>
        <dt>Kernel options</dt>
        <dd>
          <code>{info.commandLine === '' ? 'none' : info.commandLine}</code>
        </dd>
        <dt>QEMU</dt>
        <dd>
          process {info.qemuPid}
          {machine.own ? '' : ', started elsewhere'}
        </dd>
      </dl>
      {state.phase === 'running' || state.phase === 'paused' || state.phase === 'crashed' ? (
        <RegisterView id={info.id} live={isVisible && state.phase === 'running'} stateKey={state.phase} />
      ) : null}
      <div>
        <div className="section-head">
          <h3>QEMU command line</h3>
          <CopyButton label="Copy the command line" text={() => shellCommand(info.argv)} />
        </div>
        <CodeBlock label="QEMU command line" className="machine-argv" text={shellCommand(info.argv, '\n  ')} />
      </div>
    </section>
  );
}

/** Saves a dump of the machine, or says how far the one is that is being saved. */
function DumpButton({ machine: { info, state } }: { readonly machine: StudioMachine }) {
  const saving = useDumpSaving((all) => all.saving);
  if (saving?.machine === info.id) {
    return (
      <Button kind="quiet" icon="loading" onClick={cancelDump}>
        Saving dump{saving.share === null ? '' : ` ${Math.floor(100 * saving.share)} %`}, cancel
      </Button>
    );
  }
  if (state.phase !== 'running' && state.phase !== 'paused' && state.phase !== 'crashed') return null;
  return (
    <Button
      icon="archive"
      disabled={saving !== null}
      onClick={() => {
        chooseMachine(info.id);
        void runCommand('inspect.saveDump');
      }}
    >
      Save dump
    </Button>
  );
}
