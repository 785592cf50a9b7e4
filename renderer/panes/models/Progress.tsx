import { transferWords } from '../../state/model-view.ts';
import { cancelJob, dismissJob, type ModelJob } from '../../state/models.ts';
import { Button } from '../../widgets/buttons.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { useNow } from '../../widgets/use-now.ts';

/** How far a job is, or why it ended. */
export function Progress({ id, job }: { readonly id: string; readonly job: ModelJob }) {
  const running = job.phase === 'running';
  const now = useNow(500, running);
  if (job.phase === 'failed') {
    return (
      <ErrorNote error={job.error}>
        <Button onClick={() => dismissJob(id)}>Dismiss</Button>
      </ErrorNote>
    );
  }
  const { progress, startedAt } = job;
  return (
    <div className="models-progress" role="status">
      {progress === null || progress.total === null ? (
        <progress aria-label="Progress" />
      ) : (
        <progress aria-label="Progress" value={progress.done} max={Math.max(1, progress.total)} />
      )}
      <span>{progress === null ? 'Connecting' : transferWords(progress, now - startedAt)}</span>
      <Button kind="quiet" onClick={() => cancelJob(id)}>
        Cancel
      </Button>
    </div>
  );
}
