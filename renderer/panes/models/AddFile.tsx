import { type FormEvent, useState } from 'react';
import { modelPicker } from '../../host/transport.ts';
import { ADD, addModel, useModels } from '../../state/models.ts';
import { Button } from '../../widgets/buttons.tsx';
import { Progress } from './Progress.tsx';

/** Takes a GGUF file of the computer that the service host runs on. */
export function AddFile() {
  const [path, setPath] = useState('');
  const pick = modelPicker();
  const job = useModels(({ jobs }) => jobs.get(ADD));
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = path.trim();
    if (wanted !== '' && (await addModel(wanted)) !== null) setPath('');
  };
  return (
    <section aria-labelledby="models-add">
      <h2 id="models-add">Add a file</h2>
      <form className="models-add" onSubmit={(event) => void submit(event)}>
        <input
          id="models-path"
          className="field"
          aria-label="Path of a GGUF file"
          placeholder="/home/me/models/tiny.gguf"
          spellCheck={false}
          value={path}
          onChange={(event) => setPath(event.target.value)}
        />
        {pick === null ? null : (
          <Button icon="folder-opened" onClick={() => void pick().then((chosen) => chosen !== null && setPath(chosen))}>
            Choose
          </Button>
        )}
        <button
          type="submit"
          className="button button-secondary"
          disabled={path.trim() === '' || job?.phase === 'running'}
        >
          Add to the library
        </button>
      </form>
      <p className="models-hint">
        A GGUF file on the computer that the studio's host runs on. It is linked into the library where it can be, else
        copied.
      </p>
      {job === undefined ? null : <Progress id={ADD} job={job} />}
    </section>
  );
}
