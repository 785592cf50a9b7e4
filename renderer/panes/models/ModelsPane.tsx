import { useEffect } from 'react';
import type { ModelEntry } from '../../../app/contract/model.ts';
import { useConnection } from '../../host/client.ts';
import { useMachines } from '../../state/machines.ts';
import { parameterCount } from '../../state/model-view.ts';
import { refreshModels, removeModel } from '../../state/models.ts';
import { changeSettings, useSettings } from '../../state/settings.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { CopyButton } from '../../widgets/CopyButton.tsx';
import { formatBytes } from '../../widgets/format.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { ask } from '../../workbench/dialog.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { AddFile } from './AddFile.tsx';
import { Catalogue } from './Catalogue.tsx';
import '../../widgets/controls.css';
import './models.css';

/** The model library: what there is, whether the kernel can run it, and where more comes from. */
export function ModelsPane({ isVisible }: PaneProps) {
  const connected = useConnection(({ connection }) => connection.phase === 'connected');
  useEffect(() => {
    if (isVisible && connected) void refreshModels();
  }, [isVisible, connected]);
  return (
    <div className="models">
      <div className="models-page">
        <Library />
        <AddFile />
        <Catalogue />
      </div>
    </div>
  );
}

function Library() {
  const models = useMachines((state) => state.models);
  const chosen = useSettings(({ settings }) => settings.model);
  return (
    <section aria-labelledby="models-library">
      <h2 id="models-library">Library</h2>
      <div className="models-scroll">
        <table className="models-table">
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">Model</th>
              <th scope="col">Kernel</th>
              <th scope="col">Size</th>
              <th scope="col">Weights</th>
              <th scope="col">Parameters</th>
              <th scope="col">Context</th>
              <th scope="col">Chat template</th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {models.map((model) => (
              <Row key={model.path} model={model} chosen={model.name === chosen || model.path === chosen} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Why the kernel cannot run it; empty if it can. */
function trouble({ facts, problem }: ModelEntry): string {
  return facts === null ? problem : facts.unsupported;
}

function Row({ model, chosen }: { readonly model: ModelEntry; readonly chosen: boolean }) {
  const { name, path, source, sizeBytes, facts } = model;
  const why = trouble(model);
  return (
    <>
      <tr aria-current={chosen}>
        <td>
          <input
            type="radio"
            name="models-chosen"
            aria-label={`Use ${name} for the next start`}
            checked={chosen}
            disabled={why !== ''}
            onChange={() => void changeSettings({ model: name })}
          />
        </td>
        <th scope="row">
          <span className="models-name">{name}</span>
          <span className="models-title">{facts === null || facts.title === name ? '' : facts.title}</span>
        </th>
        <td>
          <span className="models-verdict" data-bad={why === '' ? undefined : ''}>
            <Icon name={why === '' ? 'pass' : 'error'} />
            {why === '' ? 'runs it' : 'cannot'}
          </span>
        </td>
        <td>{formatBytes(sizeBytes)}</td>
        <td>{facts?.quantisation ?? ''}</td>
        <td>{facts === null ? '' : parameterCount(facts.parameters)}</td>
        <td>{facts?.contextLength ?? ''}</td>
        <td title={facts?.chatTemplate === false ? 'It goes on with a text instead of conversing.' : undefined}>
          {facts === null ? '' : facts.chatTemplate ? 'yes' : 'no'}
        </td>
        <td className="models-actions">
          <CopyButton label={`Copy the path of ${name}`} text={() => path} />
          {source === 'library' ? (
            <IconButton icon="trash" label={`Remove ${name}`} onClick={() => void confirmRemoval(model)} />
          ) : null}
        </td>
      </tr>
      {why === '' ? null : (
        <tr className="models-why">
          <td />
          <td colSpan={8}>{why}</td>
        </tr>
      )}
    </>
  );
}

async function confirmRemoval({ name, sizeBytes }: ModelEntry): Promise<void> {
  const detail = `${formatBytes(sizeBytes)}. It can be put back until another model is removed.`;
  if ((await ask(`Remove ${name} from the library?`, detail, ['Remove', 'Cancel'])) === 'Remove')
    await removeModel(name);
}
