import { getModel, useModels } from '../../state/models.ts';
import { Button } from '../../widgets/buttons.tsx';
import { formatBytes } from '../../widgets/format.ts';
import { Progress } from './Progress.tsx';

/** A few small instruct models that the kernel runs, and their download. */
export function Catalogue() {
  const catalogue = useModels((state) => state.catalogue);
  const jobs = useModels((state) => state.jobs);
  return (
    <section aria-labelledby="models-catalogue">
      <h2 id="models-catalogue">Download</h2>
      <ul className="models-catalogue">
        {catalogue.map(({ name, title, url, approximateBytes, licence, installed, partBytes }) => {
          const job = jobs.get(name);
          return (
            <li key={name}>
              <div className="models-entry">
                <div>
                  <strong>{title}</strong>
                  <p className="models-hint">
                    about {formatBytes(approximateBytes)}, {licence}, from {new URL(url).host}
                    {partBytes > 0 && !installed ? `; ${formatBytes(partBytes)} are here already` : ''}
                  </p>
                </div>
                {installed ? (
                  <span className="models-hint">in the library</span>
                ) : job?.phase === 'running' ? null : (
                  <Button icon="cloud-download" aria-label={`Get ${name}`} onClick={() => void getModel(name)}>
                    {partBytes > 0 ? 'Go on' : 'Get'}
                  </Button>
                )}
              </div>
              {job === undefined ? null : <Progress id={name} job={job} />}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
