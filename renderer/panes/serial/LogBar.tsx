import type { SerialLog } from '../../../app/contract/studio.ts';
import { Button } from '../../widgets/buttons.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { openFile } from '../../workbench/open.ts';
import { chooseLog, stopLog } from './log.ts';

/** Where the console is written to, above it. */
export function LogBar({ machineId, log }: { readonly machineId: string; readonly log: SerialLog }) {
  const { path, error } = log;
  return (
    <div className="serial-log" data-state={error === null ? 'on' : 'failed'} role="status">
      <Icon name={error === null ? 'record' : 'error'} />
      <span className="serial-log-text" title={error === null ? path : error.why}>
        {error === null ? (
          <>
            Logging to <strong>{path}</strong>
          </>
        ) : (
          error.what
        )}
      </span>
      <Button kind="quiet" onClick={() => openFile(path)}>
        Open
      </Button>
      {error === null ? (
        <Button kind="quiet" icon="debug-stop" onClick={() => void stopLog(machineId)}>
          Stop
        </Button>
      ) : (
        <>
          <Button kind="quiet" onClick={chooseLog}>
            Another File
          </Button>
          <Button kind="quiet" onClick={() => void stopLog(machineId)}>
            Dismiss
          </Button>
        </>
      )}
    </div>
  );
}
