import { Button } from '../widgets/buttons.tsx';
import { EmptyState } from '../widgets/EmptyState.tsx';
import { runCommand } from '../workbench/commands.ts';

/** Where there is neither a machine nor a dump: the ways to get one. */
export function NothingToInspect({ icon, label }: { readonly icon: string; readonly label: string }) {
  return (
    <EmptyState icon={icon} title={`No machine runs whose ${label} could be seen`}>
      <Button kind="primary" icon="run" onClick={() => void runCommand('machine.run')}>
        Build and run
      </Button>
      <Button icon="archive" onClick={() => void runCommand('inspect.openDump')}>
        Open a dump
      </Button>
    </EmptyState>
  );
}
